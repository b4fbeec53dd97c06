// Package cover tells which lines of a module's C ran, on kernels that know
// nothing of coverage.
//
//	flags.go    how a module is compiled to count: gcc's own counters (gcov), one for
//	            each edge of the flow that the others do not give
//	object.go   the counters that a built module has, and the places that count
//	link.go     each place is made to count in memory that outlives the module
//	data.go     what was counted -> the .gcda files of gcov
//	gcov.go     gcov, of the compiler that built the module -> lines, branches, functions
//	profile.go  lines of several guests, tests and kernels, put together
//	lcov.go, page.go, changed.go   functions of a Profile
//
// gcc counts with "lock addq $1, counter(%rip)", where counter is a variable of the
// module. That would be gone with the module, and nothing could read it after its
// exit function; so the instruction, nine bytes, becomes a call, five bytes, of a
// piece of code that counts at a fixed place of the guest's memory, see Region. It
// takes no lock and calls nothing, so that it may run anywhere: in interrupts and
// NMI, in init and exit code, in a crash. The host reads that memory whenever it
// likes, the last time when the guest has stopped.
package cover
