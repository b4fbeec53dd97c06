// Package matrix runs test packages on many kernels at once.
//
//	Choose     the list of kernels    -> those of this run
//	Packages   package patterns       -> test packages (go list)
//	Flags      go test's flags        -> flags of a test binary, flags for go test -c
//	Plan       kernels x packages     -> the jobs of this shard
//	Run        jobs, Stages           -> report.Result
//	Bisect     builds, a probe        -> the first red one
//
// Each kernel goes its own way through the phases FETCH, BUILD, BOOT, TEST and
// UNLOAD; what goes wrong on one stops no other. Fetching, building and guests
// have slots of their own, so that a slow download never keeps a guest waiting.
// Stages are the functions that do the work: NewStages makes the real ones.
package matrix
