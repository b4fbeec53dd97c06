// Package kbuild builds out-of-tree modules against an unpacked kernel.
//
// A module's directory is whatever kbuild takes: a Kbuild or a Makefile that
// makes NAME.ko, and all its sources; files outside of it are not seen. It is
// only read. The build happens in a copy below the store, which is kept, so
// that the next build compiles what changed; messages and debug information
// name the user's files all the same.
package kbuild

// Module is a built kernel module. All paths are absolute.
type Module struct {
	// Name is the module's name, "vnet_nl".
	Name string
	// Path is the .ko for the guest, without debug information.
	Path string
	// File is where the build left it below the tree, "src/vnet_nl.ko"; empty
	// for a module that was not built here.
	File string
	// Debug is the .ko with its debug information, for symbolisation. It
	// equals Path if the kernel was built without.
	Debug string
	// Vermagic, Srcversion and Depends are the fields of modinfo(8).
	Vermagic   string
	Srcversion string
	Depends    []string
	// SourceDir is the user's source directory that paths in messages and
	// findings refer to.
	SourceDir string
	// Log is the output of the build that made it, with the user's paths;
	// empty for a module that was not built here.
	Log string
	// Digest identifies the module's content.
	Digest string
}
