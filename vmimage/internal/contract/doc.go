// Package contract asks what a module that is gone has left behind: what in the
// kernel still points into memory that was the module's. Whatever it is - a
// notifier, a timer, a protocol, an operations table -, it has to be somewhere,
// and the kernel will follow it.
//
// A guest asks right after delete_module, before anything walks through a list
// (package guest); the host then reads the guest's memory, at its own speed, and
// answers before the guest goes on. Looked through are the kernel's .data and
// .bss, the static per-CPU areas, and the writable memory of the modules that
// stayed. A pointer counts if it leads into a section of the module, or to a
// place of the modules' address space where nothing is mapped any more: that
// covers init sections, earlier loads, and a module that was refused and never
// told where it lay.
//
// What the heap holds is seen as far as a list leads there, see walk.go, lists.go and
// pending.go. Where the kernel was booted with slub_debug, all that is allocated is
// looked through, see heap.go.
//
// # What ties a leftover to the module
//
// Package guest compares what the kernel lists before a load and after the unload:
// files of proc, sysfs, debugfs, sysctls, devices, protocols, threads, … Where such a
// thing holds a pointer into the module that the sweep sees, the sweep has told it,
// and the lists are not walked. What the lists alone show is a finding if something
// ties it to the module, or to what was loaded for it (tie.go):
//
//   - it bears the module's name;
//   - it shows an address of code where modules lie: the kernel prints a symbol for
//     all code that is still there;
//   - its name, or a word of its line, is one that the module's data holds, or that a
//     format there makes, or the value of a parameter it was loaded with; trailing
//     numbers are left off;
//   - the module calls the function of the kernel that registers such a thing, or one
//     of the subsystem in whose folder it is: /sys/class/hwmon/hwmon0, and a call of
//     hwmon_device_register_with_info (calls.go);
//   - it is above or below something that is tied, or has its name;
//   - nothing is known of the module that could clear it.
//
// All else is a remark: in the verdict, the reports and the output, and nothing
// fails for it. A module that came while the other was loaded, and is still there,
// answers for what does not bear the other's name (State.accused in package guest).
package contract
