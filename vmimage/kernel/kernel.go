// Package kernel turns the name of a kernel into an unpacked, verified kernel
// on disk: image, headers, modules, configuration and the toolchain that
// builds modules for it.
package kernel

// Kernel is an unpacked kernel. All paths are absolute.
type Kernel struct {
	// Name is what the user asked for: "6.12", "dir:/opt/k", "tree:/src/linux".
	Name string
	// Series is the kernel's major and minor version, "6.12".
	Series string
	// Flavour is the Debian flavour, "cloud" or "generic"; empty for dir: and tree:.
	Flavour string
	// Release is what uname -r prints on it.
	Release string
	// Image is the bootable kernel image (bzImage).
	Image string
	// Config is the kernel's .config.
	Config string
	// SourceDir is the directory for make -C.
	SourceDir string
	// BuildDir is the directory for make O=. It equals SourceDir for a tree
	// that was built in place.
	BuildDir string
	// Modules is the directory that holds the in-tree modules
	// (…/lib/modules/RELEASE); empty if the kernel has none.
	Modules string
	// Symbols is the System.map; empty if the kernel has none.
	Symbols string
	// Toolchain builds modules for this kernel.
	Toolchain Toolchain
	// Digest identifies the kernel's content, toolchain included: the cache
	// key of everything that is derived from the kernel.
	Digest string
}

// Toolchain is how the kernel's build tools and compiler are run.
type Toolchain struct {
	// CC is the compiler for make CC=; empty leaves the choice to kbuild.
	CC string
	// Overlay lists usr directories, first wins, that have to lie over /usr
	// in a private mount namespace while make runs; empty runs make directly.
	Overlay []string
}
