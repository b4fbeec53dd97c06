// Package fault makes the calls fail that a module makes into the kernel, one at a
// time, and says what came of each: the fault sweep.
//
//	table.go    what can fail, how that looks to the caller, and where the kernel says so
//	proto.go    what the module's compiler was told of such a function, which has to agree
//	sites.go    a built module -> the calls in it that can fail, with their lines of C
//	link.go     each such call goes through a piece of code that counts it, and that lets
//	            it fail if the host says so
//	words.go    what the host says, in the region (package graft)
//	sweep.go    a counting run, then a guest for each call that is made to fail
//	judge.go    the verdict on such a guest -> clean, leak, crash, wrong errno
//
// A call is told from others by its place in the file, not by what it calls: the
// relocation of each call is changed to a stub of its own. Nothing is compiled anew,
// so that a module that was built already can be swept, too.
package fault
