package guest

import (
	"fmt"

	"github.com/kmodtest/kmodtest/guest/rtnl"
	"github.com/mdlayher/genetlink"
)

// sockets are the netlink sockets of a tree: opening one takes as long as
// asking through it. They belong to the initial network namespace, see
// State.look.
type sockets struct {
	genl *genetlink.Conn
	rtnl *rtnl.Conn
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
	families, err := s.genl.ListFamilies()
	if err != nil {
		s.genl.Close() // it may hold half of an answer
		s.genl = nil
		return nil, fmt.Errorf("list families: %w", err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.Name)
		for _, g := range f.Groups {
			names = append(names, f.Name+"/"+g.Name)
		}
	}
	return names, nil
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
