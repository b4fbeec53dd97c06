// Package report tells the outcome of a matrix of kernels: as a table on a
// terminal, as JUnit XML, as go test's JSON stream, as Markdown and annotations
// for a CI service, and as an HTML page.
//
//	Result        what every format is made of
//	  Failures()    what is red in it, each with the lines that it points at
//	Text          table test x kernel, then the failures
//	JUnit         a suite for each kernel
//	Stream        go test -json, as it happens
//	Markdown      the same table for a CI's summary; Kernels for a README
//	Annotations   a line for each failure that points at a Go or C line
//	HTML          a page of its own, with logs folded
package report
