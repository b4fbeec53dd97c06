package guest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/guest/rtnl"
)

// sockets are the netlink sockets of a tree: opening one takes as long as
// asking through it. They belong to the initial network namespace, see
// State.look.
type sockets struct {
	genl *genetlink.Conn
	rtnl *rtnl.Conn

	// dump is what the kernel said of its families when families was made of it:
	// nearly always it says the same again.
	dump     []genetlink.Message
	families []string
}

// genlNames lists the generic netlink families and their multicast groups, as
// "family" and "family/group".
func (s *sockets) genlNames() ([]string, error) {
	if s.genl == nil {
		c, err := genetlink.Dial(nil)
		if err != nil {
			return nil, fmt.Errorf("dial generic netlink: %w", err)
		}
		s.genl = c
	}
	ask := genetlink.Message{Header: genetlink.Header{Command: unix.CTRL_CMD_GETFAMILY, Version: 1}}
	dump, err := s.genl.Execute(ask, unix.GENL_ID_CTRL, netlink.Request|netlink.Dump)
	if err != nil {
		s.genl.Close() // it may hold half of an answer
		s.genl = nil
		return nil, fmt.Errorf("list families: %w", err)
	}
	same := func(a, b genetlink.Message) bool { return bytes.Equal(a.Data, b.Data) }
	if slices.EqualFunc(dump, s.dump, same) {
		return s.families, nil
	}
	var names []string
	for _, m := range dump {
		family, err := familyNames(m.Data)
		if err != nil {
			return nil, fmt.Errorf("list families: %w", err)
		}
		names = append(names, family...)
	}
	s.dump, s.families = dump, names
	return names, nil
}

// familyNames takes the names from a message of CTRL_CMD_NEWFAMILY (ctrl_fill_info
// in net/netlink/genetlink.c).
func familyNames(data []byte) ([]string, error) {
	ad, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return nil, err
	}
	var family string
	var groups []string
	for ad.Next() {
		switch ad.Type() {
		case unix.CTRL_ATTR_FAMILY_NAME:
			family = ad.String()
		case unix.CTRL_ATTR_MCAST_GROUPS:
			ad.Nested(func(list *netlink.AttributeDecoder) error {
				for list.Next() {
					list.Nested(func(group *netlink.AttributeDecoder) error {
						for group.Next() {
							if group.Type() == unix.CTRL_ATTR_MCAST_GRP_NAME {
								groups = append(groups, group.String())
							}
						}
						return nil
					})
				}
				return nil
			})
		}
	}
	names := []string{family}
	for _, g := range groups {
		names = append(names, family+"/"+g)
	}
	return names, ad.Err()
}

// knownLinkKinds returns those of kinds that the kernel knows.
func (s *sockets) knownLinkKinds(kinds []string) ([]string, error) {
	if len(kinds) == 0 {
		return nil, nil
	}
	if s.rtnl == nil {
		c, err := rtnl.Dial()
		if err != nil {
			return nil, err
		}
		s.rtnl = c
	}
	var names []string
	err := withoutModprobe(func() error {
		for _, kind := range kinds {
			known, err := s.rtnl.KindKnown(kind)
			if err != nil {
				s.rtnl.Close()
				s.rtnl = nil
				return err
			}
			if known {
				names = append(names, kind)
			}
		}
		return nil
	})
	return names, err
}
