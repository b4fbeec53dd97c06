// Command lint is every static check of Go that this repository has, in one
// program for
//
//	go vet -vettool=build/lint ./...
//
// which keeps what it found about a package in Go's build cache. It is a module of
// its own, so that what it needs is no dependency of kmodtest.
//
// walls.go is the table of what may import and call what; analyzers.go lists the
// rest with its settings.
package main

import "golang.org/x/tools/go/analysis/unitchecker"

func main() { unitchecker.Main(analyzers()...) }
