// Package fault makes the calls fail that a module makes into the kernel, one at a
// time or in pairs, and says what came of each: the fault sweep. Package calls is how
// a call is had; this package says which, and judges.
//
//	order.go    what a user asks for -> modules and scenarios on each kernel
//	guest.go    what is done while a call fails, in a guest
//	sweep.go    a counting run, then a guest for each call that is made to fail
//	choose.go   which occurrences, in which context, in which order
//	pairs.go    second failures, while the first is cleaned up after
//	judge.go    the verdict on such a guest -> clean, leak, crash, wrong errno
//	journal.go  what an interrupted sweep has found, for the next one
//	keep.go     a red outcome -> a bundle, and back; again.go the command that repeats it
//	result.go, report.go   tables of outcomes
package fault
