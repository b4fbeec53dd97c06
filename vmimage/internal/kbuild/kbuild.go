// Package kbuild builds trees of out-of-tree modules against an unpacked
// kernel.
//
// A tree is a folder with whatever its authors have in it: makefiles of their
// own, a configure script, several modules, headers above them. It is only
// read. The build happens in a copy below the store, which is kept, so that
// the next build compiles what changed; messages and debug information name
// the user's files all the same. What makefiles see of the kernel is one
// directory that behaves like /lib/modules/RELEASE/build; see [KernelDir].
//
//	t, err := kbuild.BuildTree(ctx, kbuild.TreeOptions{Kernel: k, Dir: dir, Store: store})
//	m, ok := t.Module("a-b")  // dashes and underscores are the same
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
	// Before are modules to load first if the kernel has them (softdep).
	Before []string
	// SourceDir is the user's source directory that paths in messages and
	// findings refer to.
	SourceDir string
	// Kept is the directory with what an instrumented build left beside the
	// objects, as [Instrument] says, and Built the directory that it was built
	// in; both are empty for others.
	Kept, Built string
	// Log is the output of the build that made it, with the user's paths;
	// empty for a module that was not built here.
	Log string
	// Digest identifies the module's content.
	Digest string
}
