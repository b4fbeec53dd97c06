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
package contract
