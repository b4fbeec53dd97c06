package wire

// RequestSocket is the abstract name of the socket at which a guest's init says
// whether there is a module: a packet with a name or an alias is answered with
// RequestYes or RequestNo. RequestFlags are the linker's for cmd/guestrequest, which
// asks.
const (
	RequestSocket = "kmodtest-request"
	RequestFlags  = "-s -w -E=main.start"
)

// The answers, a byte each.
const (
	RequestYes = 'y'
	RequestNo  = 'n'
)
