package vnetnl

import "github.com/mdlayher/netlink"

// encodeMessage returns m as netlink attributes.
func encodeMessage(m Message) ([]byte, error) {
	ae := netlink.NewAttributeEncoder()
	if m.String != nil {
		ae.String(AttrString, *m.String)
	}
	if m.U32 != nil {
		ae.Uint32(AttrU32, *m.U32)
	}
	if m.Flag != nil {
		ae.Uint8(AttrFlag, flagByte(*m.Flag))
	}
	return ae.Encode()
}
