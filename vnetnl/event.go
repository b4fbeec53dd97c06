package vnetnl

import "fmt"

// An Event is something that happened in the network namespace of a
// Subscription: an EchoEvent, a DeviceUp or a DeviceDown.
type Event interface {
	fmt.Stringer
	isEvent()
}

// An EchoEvent says that the kernel answered an echo, by whomever it was sent.
type EchoEvent struct {
	// Message is what the answer carried.
	Message Message
}

// A Device identifies the network device of an event.
type Device struct {
	// Ifindex is the index of the device in its network namespace.
	Ifindex int
	// Name is the name that the device had when the event happened.
	Name string
}

// DeviceUp says that a vnet device went up.
type DeviceUp struct{ Device }

// DeviceDown says that a vnet device went down, which it also does before it
// is deleted or leaves for another network namespace.
type DeviceDown struct{ Device }

func (EchoEvent) isEvent()  {}
func (DeviceUp) isEvent()   {}
func (DeviceDown) isEvent() {}

// String returns the event in the form `echo string="hello" u32=42`.
func (e EchoEvent) String() string { return "echo " + e.Message.Text() }

// String returns the event in the form `up vnet0 (ifindex 2)`.
func (e DeviceUp) String() string { return "up " + e.Device.String() }

// String returns the event in the form `down vnet0 (ifindex 2)`.
func (e DeviceDown) String() string { return "down " + e.Device.String() }

// String returns the device in the form `vnet0 (ifindex 2)`.
func (d Device) String() string { return fmt.Sprintf("%s (ifindex %d)", d.Name, d.Ifindex) }
