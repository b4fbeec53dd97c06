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
// The clean-up of Load unloads the module and checks the unload contract:
//
//   - Nothing in the kernel points into the module any more. Right after the
//     unload, and after a load that was refused, the host looks through the
//     kernel's .data and .bss, the static per-CPU areas, and the variables of the
//     modules that stayed, and follows from there the chains of notifiers, the
//     lists, the timers, the work queues and the netfilter hooks of the initial
//     network namespace to the heap. Code, data and init sections count. The test
//     fails with the place, what it points to, and its line of C; it is the last
//     one of its guest, for the kernel would follow the pointer in another one.
//
//   - What can be seen of the kernel's registrations is as it was before the load.
//     The list is in sources_text.go and sources_dir.go: modules, generic netlink
//     families and groups, rtnl link kinds, network devices, proc, sysfs, debugfs
//     and tracefs entries, sysctls, protocols, packet types, slab caches, vmalloc
//     areas, kernel threads (with them work queues that have a rescuer),
//     interrupts, kprobes. What is new fails the test if something ties it to the
//     module: its name, an address, a name that the module's data holds, a function
//     of the kernel that the module calls. What nothing ties to it is a remark, which
//     fails nothing; vmimage/internal/contract has the rules.
//
//   - On a kernel booted with slub_debug=FZPU (-slab-debug), no object of the slab
//     allocator that is allocated points into the module: the test fails with the
//     cache, who allocated the object, and what it points to. What is on its way to
//     be freed has seven seconds.
//
//   - On such a kernel every object that the module allocated is freed, but for those
//     that the kernel keeps for whoever comes next: tables that grow, of identifiers,
//     hooks of netfilter and the like, heads of packets that were allocated in bulk,
//     and since 7.2 bios. On one with kmemleak, no memory is left that nothing points
//     to: [Main] asks when all tests are over, which takes fifteen seconds without KVM,
//     and names the test that had loaded the module. Without Main it is process 1 that
//     asks, and names no line.
//
//   - When all tests are over, the network namespaces that they gave up are gone
//     within twelve seconds: nobody holds one, or a device in it.
//
// Times are settings: -unload-timeout is for the module's exit function,
// -settle-timeout for what goes on behind it.
//
// What cannot be seen: a pointer from memory that is not the slab allocator's, such
// as pages, vmalloc, dynamic per-CPU memory and stacks; without -slab-debug, also
// one from an object of the heap that none of those lists leads to, or that is of a
// network namespace other than the initial one; per-CPU memory that is never freed;
// a counter of the kernel's that stays raised, such as that of a static key; a
// refused module's pointer in the variables of another module that shares its
// address with something living; a pointer into an init section where something else
// has come to lie. With -slab-debug the kernel may be there first: each allocation
// has a call trace, and one through the list of tracers finds a tracer that is gone.
// The host reads the kernel log and fails the test for the faults that they cause;
// ExpectLog names one that a test provokes on purpose. A kernel without
// /proc/kcore or CONFIG_KALLSYMS_ALL, or a host that does not let a process read
// its child's memory, cannot be swept: the run says so, and the verdict.
//
// Modprobe loads a module of the kernel's own. It, and what the kernel loaded on
// demand, is no leftover of the module under test; what that one's load pulled in
// has to be unused when it is gone. The kernel is swept for each of them, too, when
// it goes, and for what a module depends on: each answers for itself. What a test
// unloads by other means is not: what it left is told at the next sweep, as a pointer
// to where a module lay.
//
// Outside a guest nothing here touches the kernel: Main skips, everything else
// fails the test.
//
// Without KVM, Main and Load let Go's scheduler look after system calls only every
// 10 ms, which makes a suite a fifth faster: a goroutine that is ready while
// another is in a system call may wait as long, or twice.
//
// Fuzz and FuzzGenl are for fuzz tests, which the lines of the module steer.
//
// Helpers for network modules: NetNS makes a network namespace, and package
// guest/rtnl creates and changes links.
package guest
