// Package misuse makes requests that a generic netlink family has to refuse, or
// to answer, without harm: from what the running kernel tells of the family's
// operations and of the policy of each.
//
// A request has one thing wrong at a time, and small ones come before large ones:
// the first that does harm is the smallest that this package knows. The order and
// all bytes follow from the family and a seed.
package misuse

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mdlayher/netlink"
)

// Kind is a type of attribute: the NL_ATTR_TYPE_ values of the kernel's
// include/uapi/linux/netlink.h.
type Kind uint32

// The types of attributes.
const (
	Invalid Kind = iota
	Flag
	U8
	U16
	U32
	U64
	S8
	S16
	S32
	S64
	Binary
	String
	NulString
	Nested
	NestedArray
	Bitfield32
	Sint
	Uint
)

var kindNames = []string{
	"invalid", "flag", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "binary", "string", "nul-string",
	"nest", "nest-array", "bitfield32", "sint", "uint",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("type-%d", uint32(k))
}

// Size is that of an integer in bytes, 0 for what is none.
func (k Kind) Size() int {
	switch k {
	case U8, S8:
		return 1
	case U16, S16:
		return 2
	case U32, S32, Sint, Uint:
		return 4
	case U64, S64:
		return 8
	}
	return 0
}

// Signed tells whether it is an integer with a sign.
func (k Kind) Signed() bool { return k >= S8 && k <= S64 || k == Sint }

// Attr is what a policy says of one attribute.
type Attr struct {
	Type uint16
	Kind Kind
	// MinU to MaxU, or MinS to MaxS, is the range of an integer.
	MinU, MaxU uint64
	MinS, MaxS int64
	// MinLen and MaxLen are lengths in bytes; nil where the policy sets none.
	MinLen, MaxLen *uint32
	// Policy is the index of the policy inside of a nest; -1 if it has none.
	Policy int
	// Mask are the bits that may be set; 0 if all may.
	Mask uint64
}

// Op is an operation of a family.
type Op struct {
	ID uint8
	// Flags are GENL_ADMIN_PERM, GENL_CMD_CAP_DO and so on, of
	// include/uapi/linux/genetlink.h.
	Flags uint32
	// Do and Dump are the indexes of its policies; -1 if it has none.
	Do, Dump int
}

// Flags of an operation, in include/uapi/linux/genetlink.h.
const (
	CanDo   = 0x02
	CanDump = 0x04
)

// Family is a generic netlink family.
type Family struct {
	Name    string
	ID      uint16
	Version uint8
	// Header is the size of the family's own header.
	Header int
	Ops    []Op
	// Policies are the attributes by index of the policy, sorted by type.
	Policies map[int][]Attr
}

// Attributes and commands of the controller, in include/uapi/linux/genetlink.h,
// that are not in package unix.
const (
	ctrlID       = 1
	ctrlName     = 2
	ctrlVersion  = 3
	ctrlHdrsize  = 4
	ctrlOps      = 6
	ctrlPolicy   = 8
	ctrlOpPolicy = 9

	opID    = 1
	opFlags = 2

	opDo   = 1
	opDump = 2
)

// ParseFamily reads an answer to CTRL_CMD_GETFAMILY, without the headers.
func ParseFamily(data []byte) (Family, error) {
	f := Family{Policies: make(map[int][]Attr)}
	ad, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return f, fmt.Errorf("parse family: %w", err)
	}
	for ad.Next() {
		switch ad.Type() {
		case ctrlID:
			f.ID = ad.Uint16()
		case ctrlName:
			f.Name = ad.String()
		case ctrlVersion:
			f.Version = uint8(ad.Uint32())
		case ctrlHdrsize:
			f.Header = int(ad.Uint32())
		case ctrlOps:
			ad.Nested(func(each *netlink.AttributeDecoder) error {
				for each.Next() {
					op := Op{Do: -1, Dump: -1}
					each.Nested(func(ad *netlink.AttributeDecoder) error {
						for ad.Next() {
							switch ad.Type() {
							case opID:
								op.ID = uint8(ad.Uint32())
							case opFlags:
								op.Flags = ad.Uint32()
							}
						}
						return nil
					})
					f.Ops = append(f.Ops, op)
				}
				return nil
			})
		}
	}
	if err := ad.Err(); err != nil {
		return f, fmt.Errorf("parse family: %w", err)
	}
	if f.ID == 0 || f.Name == "" {
		return f, errors.New("parse family: it has no number or no name")
	}
	return f, nil
}

// AddPolicy adds what one message of the answer to CTRL_CMD_GETPOLICY tells.
func (f *Family) AddPolicy(data []byte) error {
	ad, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return fmt.Errorf("parse policy of %s: %w", f.Name, err)
	}
	for ad.Next() {
		switch ad.Type() {
		case ctrlPolicy:
			ad.Nested(func(each *netlink.AttributeDecoder) error {
				for each.Next() {
					index := int(each.Type())
					each.Nested(func(ad *netlink.AttributeDecoder) error { return f.addAttrs(index, ad) })
				}
				return nil
			})
		case ctrlOpPolicy:
			ad.Nested(f.addOps)
		}
	}
	if err := ad.Err(); err != nil {
		return fmt.Errorf("parse policy of %s: %w", f.Name, err)
	}
	return nil
}

func (f *Family) addOps(each *netlink.AttributeDecoder) error {
	for each.Next() {
		i := slices.IndexFunc(f.Ops, func(o Op) bool { return uint16(o.ID) == each.Type() })
		if i < 0 {
			return fmt.Errorf("operation %d has a policy, and is none of the family's", each.Type())
		}
		each.Nested(func(ad *netlink.AttributeDecoder) error {
			for ad.Next() {
				switch ad.Type() {
				case opDo:
					f.Ops[i].Do = int(ad.Uint32())
				case opDump:
					f.Ops[i].Dump = int(ad.Uint32())
				}
			}
			return nil
		})
	}
	return nil
}

// NL_POLICY_TYPE_ATTR_ values of include/uapi/linux/netlink.h.
const (
	policyType = iota + 1
	policyMinS
	policyMaxS
	policyMinU
	policyMaxU
	policyMinLen
	policyMaxLen
	policyIndex
	policyMaxType
	policyBits
	policyPad
	policyMask
)

// addAttrs reads the attributes of one policy. They come one a message.
func (f *Family) addAttrs(index int, each *netlink.AttributeDecoder) error {
	for each.Next() {
		a := Attr{Type: each.Type(), Policy: -1}
		each.Nested(func(ad *netlink.AttributeDecoder) error {
			for ad.Next() {
				switch ad.Type() {
				case policyType:
					a.Kind = Kind(ad.Uint32())
				case policyMinS:
					a.MinS = ad.Int64()
				case policyMaxS:
					a.MaxS = ad.Int64()
				case policyMinU:
					a.MinU = ad.Uint64()
				case policyMaxU:
					a.MaxU = ad.Uint64()
				case policyMinLen:
					n := ad.Uint32()
					a.MinLen = &n
				case policyMaxLen:
					n := ad.Uint32()
					a.MaxLen = &n
				case policyIndex:
					a.Policy = int(ad.Uint32())
				case policyBits:
					a.Mask = uint64(ad.Uint32())
				case policyMask:
					a.Mask = ad.Uint64()
				}
			}
			return nil
		})
		f.Policies[index] = append(f.Policies[index], a)
	}
	return nil
}

// Indexes are the indexes of the policies.
func (f *Family) Indexes() []int { return slices.Sorted(maps.Keys(f.Policies)) }
