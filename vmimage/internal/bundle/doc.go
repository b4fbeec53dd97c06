// Package bundle keeps a red run in one file, with everything that it takes to
// run it again on another machine: kernel, modules, image, test binary and the
// files that the test finds, besides what the run left: verdict, console, kernel
// log, QEMU's command line.
//
//	Bundle.Write   a run          -> FILE.tar.gz
//	Open           FILE.tar.gz    -> Bundle, with its files in a directory
//
// README in a bundle tells people what is in it.
package bundle
