package guest

import "runtime"

// spareProcessor gives Go a second processor to schedule on where it has one,
// as in a guest with one CPU. Go takes its only processor away from a thread
// whose system call lasts longer than 20 us, and under emulation nearly every
// one does: each then ends in two switches of threads, and a look at the kernel
// makes a thousand calls. With a processor to spare, Go leaves the thread alone
// for 10 ms (retake in the runtime's proc.go).
//
// The function that it returns takes the processor back. Package testing asks
// for the number of processors before it runs the first test: the default of
// -parallel and the names of benchmarks stay what they are.
func spareProcessor() (restore func()) {
	if runtime.GOMAXPROCS(0) != 1 {
		return func() {}
	}
	runtime.GOMAXPROCS(2)
	return func() { runtime.GOMAXPROCS(1) }
}
