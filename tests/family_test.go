package tests

import (
	"errors"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kmodtest/kmodtest/kmod/spec"
	"github.com/kmodtest/kmodtest/vnetnl"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// TestFamily holds what the kernel says about the family (CTRL_CMD_GETFAMILY)
// against the specification.
func TestFamily(t *testing.T) {
	load(t)
	s, err := spec.Load()
	must(t, err)
	echo, ok := s.Set("echo")
	if !ok {
		t.Fatal("the specification has no attribute set echo")
	}

	want := family{Name: s.Name, Version: spec.Version, MaxAttr: uint32(len(echo.Attributes)), Ops: map[uint32]uint32{}}
	for _, op := range s.Operations.List {
		if op.Do != nil {
			want.Ops[uint32(op.Value)] = unix.GENL_CMD_CAP_DO | unix.GENL_CMD_CAP_HASPOL
		}
	}
	for _, g := range s.MulticastGroups.List {
		want.Groups = append(want.Groups, g.Name)
	}
	got := getFamily(t)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("family (-spec +kernel):\n%s", diff)
	}
}

// TestFamilyPolicy holds the policy that the kernel exports
// (CTRL_CMD_GETPOLICY) against the specification.
func TestFamilyPolicy(t *testing.T) {
	load(t)
	s, err := spec.Load()
	must(t, err)
	set, ok := s.Set("echo")
	if !ok {
		t.Fatal("the specification has no attribute set echo")
	}
	want := make(map[uint16]policy)
	for _, a := range set.Attributes {
		var p policy
		switch a.Type {
		case "string":
			p = policy{Type: unix.NL_ATTR_TYPE_NUL_STRING, MaxLen: uint32(a.MaxLen)}
		case "u32":
			p = policy{Type: unix.NL_ATTR_TYPE_U32, Max: math.MaxUint32}
		case "u8":
			p = policy{Type: unix.NL_ATTR_TYPE_U8, Max: math.MaxUint8}
		default:
			t.Fatalf("attribute %s: this test does not know type %s", a.Name, a.Type)
		}
		if a.Checks.Max != nil {
			p.Max = uint64(*a.Checks.Max)
		}
		want[uint16(a.Value)] = p
	}
	if diff := cmp.Diff(want, getPolicy(t, s.Name)); diff != "" {
		t.Errorf("policy (-spec +kernel):\n%s", diff)
	}
}

// TestFamilyAbsent: no module, no family.
func TestFamilyAbsent(t *testing.T) {
	if _, err := vnetnl.Dial(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("dial without the module: %v, want %v", err, os.ErrNotExist)
	}
}

// TestFamilyInNamespace: the family serves every network namespace.
func TestFamilyInNamespace(t *testing.T) {
	load(t)
	newNS(t).Do(func() {
		msg := u32(7)
		got, err := dial(t).Echo(msg)
		must(t, err)
		if diff := cmp.Diff(msg, got); diff != "" {
			t.Errorf("reply (-want +got):\n%s", diff)
		}
	})
}

// A family is CTRL_CMD_NEWFAMILY, see linux/genetlink.h.
type family struct {
	Name    string
	Version uint32
	MaxAttr uint32
	HdrSize uint32
	// Ops are flags by command.
	Ops    map[uint32]uint32
	Groups []string
}

func getFamily(t *testing.T) family {
	t.Helper()
	f := family{Ops: map[uint32]uint32{}}
	for _, msg := range control(t, unix.CTRL_CMD_GETFAMILY, 0, "vnet_nl") {
		parse(t, msg, func(ad *netlink.AttributeDecoder) {
			switch ad.Type() {
			case unix.CTRL_ATTR_FAMILY_NAME:
				f.Name = ad.String()
			case unix.CTRL_ATTR_VERSION:
				f.Version = ad.Uint32()
			case unix.CTRL_ATTR_MAXATTR:
				f.MaxAttr = ad.Uint32()
			case unix.CTRL_ATTR_HDRSIZE:
				f.HdrSize = ad.Uint32()
			case unix.CTRL_ATTR_OPS:
				each(ad, func(ad *netlink.AttributeDecoder) {
					op := numbers(ad)
					f.Ops[uint32(op[unix.CTRL_ATTR_OP_ID])] = uint32(op[unix.CTRL_ATTR_OP_FLAGS])
				})
			case unix.CTRL_ATTR_MCAST_GROUPS:
				each(ad, func(ad *netlink.AttributeDecoder) {
					each(ad, func(ad *netlink.AttributeDecoder) {
						if ad.Type() == unix.CTRL_ATTR_MCAST_GRP_NAME {
							f.Groups = append(f.Groups, ad.String())
						}
					})
				})
			}
		})
	}
	return f
}

// A policy is what the kernel checks of one attribute, see
// enum netlink_policy_type_attr in linux/netlink.h.
type policy struct {
	Type   uint32
	Max    uint64
	MaxLen uint32
}

func getPolicy(t *testing.T, name string) map[uint16]policy {
	t.Helper()
	got := make(map[uint16]policy)
	for _, msg := range control(t, unix.CTRL_CMD_GETPOLICY, netlink.Dump, name) {
		parse(t, msg, func(ad *netlink.AttributeDecoder) {
			if ad.Type() != unix.CTRL_ATTR_POLICY {
				return
			}
			// The family has one policy, so its index is of no interest.
			each(ad, func(ad *netlink.AttributeDecoder) {
				each(ad, func(ad *netlink.AttributeDecoder) {
					typ, n := ad.Type(), numbers(ad)
					got[typ] = policy{
						Type:   uint32(n[unix.NL_POLICY_TYPE_ATTR_TYPE]),
						Max:    n[unix.NL_POLICY_TYPE_ATTR_MAX_VALUE_U],
						MaxLen: uint32(n[unix.NL_POLICY_TYPE_ATTR_MAX_LENGTH]),
					}
				})
			})
		})
	}
	return got
}

// control asks the generic netlink controller about a family.
func control(t *testing.T, cmd uint8, flags netlink.HeaderFlags, name string) []netlink.Message {
	t.Helper()
	c, err := netlink.Dial(unix.NETLINK_GENERIC, &netlink.Config{Strict: true})
	must(t, err)
	defer c.Close()
	msgs, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.GENL_ID_CTRL, Flags: netlink.Request | flags},
		Data:   command(cmd, 2, attr(unix.CTRL_ATTR_FAMILY_NAME, append([]byte(name), 0)...)).data,
	})
	must(t, err)
	return msgs
}

// parse calls f for each attribute of a generic netlink message.
func parse(t *testing.T, msg netlink.Message, f func(*netlink.AttributeDecoder)) {
	t.Helper()
	ad, err := netlink.NewAttributeDecoder(msg.Data[unix.GENL_HDRLEN:])
	must(t, err)
	for ad.Next() {
		f(ad)
	}
	must(t, ad.Err())
}

// each calls f for each attribute in the current one.
func each(ad *netlink.AttributeDecoder, f func(*netlink.AttributeDecoder)) {
	ad.Nested(func(ad *netlink.AttributeDecoder) error {
		for ad.Next() {
			f(ad)
		}
		return nil
	})
}

// numbers returns the 32 and 64-bit numbers in the current attribute, by type.
func numbers(ad *netlink.AttributeDecoder) map[uint16]uint64 {
	m := make(map[uint16]uint64)
	each(ad, func(ad *netlink.AttributeDecoder) {
		switch len(ad.Bytes()) {
		case 4:
			m[ad.Type()] = uint64(ad.Uint32())
		case 8:
			m[ad.Type()] = ad.Uint64()
		}
	})
	return m
}
