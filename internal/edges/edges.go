// Package edges has Go's fuzzing engine see coverage that is not Go's.
//
// The engine (internal/fuzz) looks at counters of eight bits that the compiler, with
// -d=libfuzzer, puts at the start of each block of code, and nothing but the compiler
// can make one. So this package is N blocks of code that do nothing else: to run
// block i is to count there. Without that option it compiles to nothing.
package edges

//go:generate go test -run TestTable -update

// N is the number of blocks.
const N = 2048

// Hit runs block i modulo N.
func Hit(i int) { hit(i % N) }
