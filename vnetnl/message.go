package vnetnl

import (
	"fmt"
	"strings"
)

// A Message is what an echo carries. Each attribute is present if its field is
// not nil, so a reply can be told apart from one with zero values. The zero
// Message carries no attribute at all, which the kernel refuses.
type Message struct {
	// String is sent with a NUL at its end. The kernel takes at most StringMax
	// bytes, and none of them NUL.
	String *string
	// U32 is any number.
	U32 *uint32
	// Flag is sent as one byte, 0 or 1.
	Flag *bool
}

// Text returns the attributes in the form `string="hello" u32=42 flag=1`, in
// the order of their numbers, without those that are absent.
func (m Message) Text() string {
	var s []string
	if m.String != nil {
		s = append(s, fmt.Sprintf("string=%q", *m.String))
	}
	if m.U32 != nil {
		s = append(s, fmt.Sprintf("u32=%d", *m.U32))
	}
	if m.Flag != nil {
		s = append(s, fmt.Sprintf("flag=%d", flagByte(*m.Flag)))
	}
	return strings.Join(s, " ")
}

// flagByte returns the value of a flag on the wire.
func flagByte(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
