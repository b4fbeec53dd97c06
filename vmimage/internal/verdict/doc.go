// Package verdict is the outcome of a run as data: plain structs that encode
// as JSON and back, which whoever makes a verdict and whoever reads one share.
//
//	run      makes a Verdict of each run
//	Status   works the exit status out of one
//	matrix, report, bundle and the programs beside them read it
//
// Nothing is told in English only: what went wrong is a Finding of the kernel
// log, a Problem with a Kind, or a test that failed; how it ended is a State,
// and where a Phase.
//
// docs/verdict.md describes the JSON, which carries [Schema].
package verdict
