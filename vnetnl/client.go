package vnetnl

import (
	"fmt"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
)

// A Client talks to the vnet_nl family over one netlink socket.
//
// A Client is safe for concurrent use. Its echoes wait for each other, so
// those who want many at once should dial a Client each.
//
// A Client knows the family as it was when it was dialed. If the module is
// unloaded and loaded again, dial again.
type Client struct {
	c      *genetlink.Conn
	family genetlink.Family
	config Config
}

// A Config configures the sockets of a Client and of its subscriptions. The
// zero value is ready to use.
type Config struct {
	// NetNS is the file descriptor of the network namespace to work in. If it
	// is zero, that is the network namespace of the calling thread. Entering
	// another one needs CAP_SYS_ADMIN.
	//
	// The descriptor must stay open for as long as Subscribe is called.
	NetNS int
}

// Dial opens a Client in the network namespace of the calling thread.
//
// If the module is not loaded, the error satisfies
// errors.Is(err, os.ErrNotExist).
func Dial() (*Client, error) {
	return DialConfig(Config{})
}

// DialConfig is like Dial, with a configuration.
func DialConfig(config Config) (*Client, error) {
	conn, err := dial(config)
	if err != nil {
		return nil, err
	}

	c, err := New(conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	c.config = config
	return c, nil
}

// New returns a Client that uses conn, which it closes in Close but not when
// New itself fails. It is meant for tests, with a conn of package genltest;
// subscriptions still open sockets of their own.
func New(conn *genetlink.Conn) (*Client, error) {
	family, err := conn.GetFamily(FamilyName)
	if err != nil {
		return nil, wrapError("get family", err, nil)
	}
	if family.Version != FamilyVersion {
		return nil, fmt.Errorf("get family: version %d of %s, want %d",
			family.Version, FamilyName, FamilyVersion)
	}
	return &Client{c: conn, family: family}, nil
}

// dial opens a socket. Strict asks for extended acknowledgements, without
// which a refusal is a bare number, and for strict checks of dump requests.
func dial(config Config) (*genetlink.Conn, error) {
	conn, err := genetlink.Dial(&netlink.Config{NetNS: config.NetNS, Strict: true})
	if err != nil {
		return nil, wrapError("dial", err, nil)
	}
	return conn, nil
}

// Close closes the socket of the Client. Subscriptions have their own.
func (c *Client) Close() error {
	return c.c.Close()
}

// Family returns the family as the kernel described it when the Client was
// dialed.
func (c *Client) Family() genetlink.Family {
	return c.family
}

// Echo sends m and returns what the kernel answers, which is the same message.
// The kernel answers within the call that sends, so Echo does not block.
//
// If the kernel refuses m, the error is an *Error.
func (c *Client) Echo(m Message) (Message, error) {
	data, err := encodeMessage(m)
	if err != nil {
		return Message{}, fmt.Errorf("echo: encode message: %w", err)
	}

	req := genetlink.Message{
		Header: genetlink.Header{Command: CmdEcho, Version: FamilyVersion},
		Data:   data,
	}
	// Without Acknowledge: the reply is the acknowledgement.
	replies, err := c.c.Execute(req, c.family.ID, netlink.Request)
	if err != nil {
		return Message{}, wrapError("echo", err, data)
	}
	if len(replies) != 1 {
		return Message{}, fmt.Errorf("echo: %d replies, want 1", len(replies))
	}
	if cmd := replies[0].Header.Command; cmd != CmdEcho {
		return Message{}, fmt.Errorf("echo: reply with command %d, want %d", cmd, CmdEcho)
	}

	got, err := parseMessage(replies[0].Data)
	if err != nil {
		return Message{}, fmt.Errorf("echo: %w", err)
	}
	return got, nil
}
