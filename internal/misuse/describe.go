package misuse

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Of the controller, in include/uapi/linux/genetlink.h.
const (
	getFamily  = 3  // CTRL_CMD_GETFAMILY
	getPolicy  = 10 // CTRL_CMD_GETPOLICY
	familyID   = 1  // CTRL_ATTR_FAMILY_ID
	familyName = 2  // CTRL_ATTR_FAMILY_NAME
)

// Describe asks the kernel for a family and its policies.
func Describe(s *Socket, name string) (Family, error) {
	attrs, err := Attributes(func(ae *netlink.AttributeEncoder) { ae.String(familyName, name) })
	if err != nil {
		return Family{}, err
	}
	answers, err := s.Ask(unix.GENL_ID_CTRL, 0, append([]byte{getFamily, 2, 0, 0}, attrs...))
	if err != nil || len(answers) != 1 || len(answers[0]) < unix.GENL_HDRLEN {
		return Family{}, fmt.Errorf("ask for family %s: %d answers: %w", name, len(answers), err)
	}
	f, err := ParseFamily(answers[0][unix.GENL_HDRLEN:])
	if err != nil {
		return f, err
	}
	if attrs, err = Attributes(func(ae *netlink.AttributeEncoder) { ae.Uint16(familyID, f.ID) }); err != nil {
		return f, err
	}
	answers, err = s.Ask(unix.GENL_ID_CTRL, unix.NLM_F_DUMP, append([]byte{getPolicy, 2, 0, 0}, attrs...))
	if errors.Is(err, unix.ENODATA) {
		return f, nil // it has no policy at all
	}
	if err != nil {
		return f, fmt.Errorf("ask for policy of %s: %w", name, err)
	}
	for _, a := range answers {
		if len(a) < unix.GENL_HDRLEN {
			return f, fmt.Errorf("ask for policy of %s: %w", name, ErrDamaged)
		}
		if err := f.AddPolicy(a[unix.GENL_HDRLEN:]); err != nil {
			return f, err
		}
	}
	return f, nil
}
