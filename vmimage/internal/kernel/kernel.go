// Package kernel turns the name of a kernel into an unpacked, verified kernel
// on disk: image, headers, modules, configuration and the toolchain that
// builds modules for it.
//
//	store := kernel.OpenStore(dir, onWait, onWarn)   // *cache.Store, for every stage
//	defer store.Close()                              // lets others prune what was used
//	o := kernel.Options{Store: store, Progress: f, Fetching: g, Warn: h}
//	k, err := kernel.Get(ctx, o, kernel.Spec{Series: "6.12", Suite: "bookworm-security", Flavour: "cloud"})
//	k, err  = kernel.Get(ctx, o, kernel.Spec{Series: "6.12", Suite: "bookworm-security", Profile: "debug"})
//	k, err  = kernel.Get(ctx, o, kernel.Spec{Path: "dir:/opt/k"})  // or "tree:/src/linux"
//
//	files, err := k.ResolveModules("virtio_blk")     // in load order; kernel.ReadModule decompresses
//	listing, err := kernel.List(ctx, o, suites)      // for people; with o.Offline what is cached
//	builds, err := kernel.Available(ctx, o, suites, "cloud")       // for a bisection
//	lock, err := kernel.MakeLock(ctx, o, specs)      // lock.Encode, kernel.ReadLock, o.Locked
//	p, err := kernel.GetPrograms(ctx, o, "trixie", "virtme-ng")    // p.Script starts one of them
//	text := kernel.Output(err)                       // all that a failed command printed
//
//	all, err := kernel.GetPackage(ctx, o, "bookworm", "xtrx-dkms", follow) // and what it builds on
//
//	t, err := kbuild.BuildTree(ctx, kbuild.TreeOptions{Kernel: k, Dir: dir, Show: "kmod", Store: store, Log: os.Stderr})
//	info, err := kbuild.Check(ko, k)                 // or kbuild.Prebuilt(ko, k)
//	err = kbuild.CheckConfig(k, []string{"CONFIG_NET=y|m"})
//
// Get asks the archive once and keeps the answer; from then on neither it nor
// Build needs the network. Options.Update asks again.
//
// What comes from the archive goes through the host's own apt, with a state of
// its own: mirrors, proxies and credentials are the host's, signatures are
// checked against the archive's keyring, and each package is compared with the
// digest of the signed index. Nothing is installed. A compiler that the host
// lacks, and programs of kbuild that need a newer C library than the host's,
// run through the dynamic loader of the kernel's own suite; see wrap.go.
//
// A kernel with a profile is compiled, from the archive's source, with tools of its
// suite that are not installed either; see compile.go. That takes its time once.
package kernel

// Kernel is an unpacked kernel. All paths are absolute.
type Kernel struct {
	// Name is what the user asked for: "6.12", "dir:/opt/k", "tree:/src/linux".
	Name string
	// Series is the kernel's major and minor version, "6.12".
	Series string
	// Flavour is the Debian flavour, "cloud" or "generic"; empty for others.
	Flavour string
	// Profile is that of a kernel that was compiled here, "debug"; empty for others.
	Profile string
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

// Toolchain is how the kernel's build tools and compiler are run; see
// [Toolchain.Command].
type Toolchain struct {
	// CC is the compiler for make CC=; empty leaves the choice to kbuild.
	CC string
	// Path are directories that go before PATH while make runs: a compiler
	// that is not the host's. Empty runs the host's tools.
	Path []string
	// Env are further variables for make, NAME=VALUE.
	Env []string
}
