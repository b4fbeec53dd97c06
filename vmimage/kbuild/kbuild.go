// Package kbuild builds out-of-tree modules against an unpacked kernel.
package kbuild

// Module is a built kernel module. All paths are absolute.
type Module struct {
	// Name is the module's name, "vnet_nl".
	Name string
	// Path is the .ko for the guest, without debug information.
	Path string
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
