// Package guest is for tests that run in a kmodtest guest: they load a kernel
// module into a real kernel, use it, and leave the kernel as they found it.
//
// A test package says once that it needs a guest, and each test loads what it
// tests:
//
//	func TestMain(m *testing.M) { guest.Main(m) }
//
//	func TestEcho(t *testing.T) {
//		guest.Load(t, "vnet_nl", "numdevs=2")
//		…
//	}
//
// The clean-up of Load unloads the module and checks the unload contract: all
// that can be seen of the kernel's registrations is compared with what it was
// before the load. The list is in sources_text.go and sources_dir.go: modules,
// generic netlink families and groups, rtnl link kinds, network devices, proc,
// sysfs, debugfs and tracefs entries, sysctls, protocols, packet types, slab
// caches, vmalloc areas, kernel threads (with them work queues that have a
// rescuer), interrupts, kprobes. On a kernel booted with slub_debug=U also every
// object that the module allocated and did not free, with the function that
// allocated it; on one with kmemleak, memory that nothing points to any longer,
// for which a clean-up takes five seconds.
//
// What cannot be seen on a stock kernel: pending timers and work items (they
// show when they run into code that is gone, as an Oops), per-CPU memory, and
// notifiers. The host reads the kernel log and fails the test for the faults that
// they cause; ExpectLog names one that a test provokes on purpose.
//
// Outside a guest nothing here touches the kernel: Main skips, everything else
// fails the test.
//
// Without KVM, Main and Load let Go's scheduler look after system calls only every
// 10 ms, which makes a suite a fifth faster: a goroutine that is ready while
// another is in a system call may wait as long, or twice.
//
// Helpers for network modules: NetNS makes a network namespace, and package
// guest/rtnl creates and changes links.
package guest
