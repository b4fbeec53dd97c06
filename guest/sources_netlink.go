package guest

import (
	"fmt"

	"github.com/kmodtest/kmodtest/guest/rtnl"
	"github.com/mdlayher/genetlink"
)

// genlNames lists the generic netlink families and their multicast groups, as
// "family" and "family/group".
func genlNames() ([]string, error) {
	c, err := genetlink.Dial(nil)
	if err != nil {
		return nil, fmt.Errorf("dial generic netlink: %w", err)
	}
	defer c.Close()
	families, err := c.ListFamilies()
	if err != nil {
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
func knownLinkKinds(kinds []string) ([]string, error) {
	if len(kinds) == 0 {
		return nil, nil
	}
	c, err := rtnl.Dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var names []string
	for _, kind := range kinds {
		known, err := c.KindKnown(kind)
		if err != nil {
			return nil, err
		}
		if known {
			names = append(names, kind)
		}
	}
	return names, nil
}
