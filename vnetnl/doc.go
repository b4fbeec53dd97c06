// Package vnetnl is a client of vnet_nl, the generic netlink family of the
// kernel module in kmod/.
//
// A Client sends echoes and asks about the family. A Subscription receives the
// events that the module publishes: one for each answered echo, and one for
// each vnet device that goes up or down, in the network namespace of the
// socket only.
//
// The kernel judges requests, the client does not: whatever a Message holds is
// sent, and a refusal comes back as an *Error with the kernel's errno, its
// text, and the attribute that it points at. Requests that a Message cannot
// express can be sent with package genetlink and the constants of this package.
package vnetnl
