// Package calls finds the calls that a module makes into the kernel, counts them in
// a guest, has them fail, and records them.
//
//	table.go     what can fail, how that looks to the caller, and where the kernel says so
//	proto.go     what the module's compiler was told of a function: what the table has to
//	             agree with, and how arguments are printed
//	sites.go     a built module -> its calls, with their lines of C
//	link.go      each call goes through a piece of code of its own, a stub (stub.go), which
//	             counts, fails if the host says so (words.go), and records (record.go)
//	balance.go   what a module takes from the kernel, and gives back
//	tape.go      what a guest has recorded -> events; text.go and chrome.go print those
//
// A call is told from others by its place in the file, not by what it calls: the
// relocation of each call is changed to a stub of its own. Nothing is compiled anew,
// so that a module that was built already can be had as well. Package fault sweeps
// with it.
package calls
