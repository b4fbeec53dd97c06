// Command guestrequest is the program that the kernel of a guest starts when it wants
// a module (call_modprobe in kernel/module/kmod.c). Most that it asks for does not
// exist - a family of generic netlink before its module is loaded, a kind of link - and
// without KVM it takes a Go program some 20 ms to start and say so: this one asks the
// guest's init, and becomes modprobe only if there is something to load, or nobody
// answers.
//
// It is a Go program in name: the linker makes start its entry (-E), so that Go's
// runtime never runs. On a host it does nothing: it becomes /sbin/kmodtest-modprobe,
// which a host does not have.
package main

// start is in start_amd64.s.
func start()

func main() { start() }
