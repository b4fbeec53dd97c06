package guest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

func TestFamilyNames(t *testing.T) {
	ae := netlink.NewAttributeEncoder()
	ae.String(unix.CTRL_ATTR_FAMILY_NAME, "vnet_nl")
	ae.Uint16(unix.CTRL_ATTR_FAMILY_ID, 31)
	ae.Nested(unix.CTRL_ATTR_MCAST_GROUPS, func(list *netlink.AttributeEncoder) error {
		for i, name := range []string{"events", "more"} {
			list.Nested(uint16(i+1), func(group *netlink.AttributeEncoder) error {
				group.Uint32(unix.CTRL_ATTR_MCAST_GRP_ID, 7)
				group.String(unix.CTRL_ATTR_MCAST_GRP_NAME, name)
				return nil
			})
		}
		return nil
	})
	data, err := ae.Encode()
	if err != nil {
		t.Fatal(err)
	}
	names, err := familyNames(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"vnet_nl", "vnet_nl/events", "vnet_nl/more"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if _, err := familyNames(data[:len(data)-3]); err == nil {
		t.Error("a message that is cut off is taken")
	}
}
