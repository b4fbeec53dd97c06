package vnetnl

// The family, as in the uAPI header.
const (
	// FamilyName is the name of the generic netlink family.
	FamilyName = "vnet_nl"
	// FamilyVersion is the version that this package speaks.
	FamilyVersion = 1
	// GroupEvents is the name of the multicast group that carries events.
	GroupEvents = "events"
	// StringMax is the length of the longest string of an echo, without the
	// NUL that ends it.
	StringMax = 255
)

// Commands and notifications.
const (
	CmdEcho       uint8 = 1
	CmdEchoNtf    uint8 = 2
	CmdDevUpNtf   uint8 = 3
	CmdDevDownNtf uint8 = 4
)

// Attributes of CmdEcho and CmdEchoNtf.
const (
	AttrString uint16 = 1
	AttrU32    uint16 = 2
	AttrFlag   uint16 = 3
)

// Attributes of CmdDevUpNtf and CmdDevDownNtf, a space of their own.
const (
	AttrDevIfindex uint16 = 1
	AttrDevName    uint16 = 2
)

// attrName names an attribute of the echo space for messages to people.
func attrName(typ uint16) string {
	switch typ {
	case AttrString:
		return "STRING"
	case AttrU32:
		return "U32"
	case AttrFlag:
		return "FLAG"
	default:
		return ""
	}
}
