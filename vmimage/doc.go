// Package vmimage is the host side of kmodtest, and its one door:
//
//	s, err := vmimage.Open(vmimage.Options{Settings: …, Dir: dir})   // kmodtest.toml, nothing fetched
//	p, err := s.Prepare(ctx)                                         // kernel, modules, image
//	v, err := p.Run(ctx, vmimage.Program{Binary: …, Dir: …})         // -> Verdict
//	t, err := s.Smoke(ctx, vmimage.Smoke{What: "."})                // a module without tests
//	r, err := s.Matrix(ctx, vmimage.Matrix{Args: …})                 // on every kernel -> Result
//
// The command kmodtest is made of it. A value takes one straight way from the
// command line to the verdict:
//
//	flags, environment, kmodtest.toml
//	  internal/settings   the one table          -> Settings
//	  internal/session    Settings, a directory  -> Session: configuration, cache, allow list
//	    config              kmodtest.toml          -> Config
//	    kernel              Spec                   -> Kernel    image, headers, modules, toolchain
//	    dkms                dkms.conf              -> Recipe    how a tree is built
//	    kbuild              Kernel, C, Recipe      -> Tree      modules, in the order of loading
//	    initramfs           u-root, init           -> Image
//	  session.Prepared    kernel, modules, image, accelerator: data, which kmodtest test
//	                      hands over to the kmodtest exec that go test starts
//	  session.Run         Prepared               -> run.Options, the only place that fills them
//	  internal/run        Options, a test binary -> Verdict
//	    boot                greeted guests: restored from a snapshot, or booted
//	    vm                  QEMU
//	    gotest              the tests' output
//	    klog                the kernel log's findings
//	    ktap                what scripts print as TAP
//	    program             programs of the host, and what they need
//	  internal/verdict    what came of it, as plain data: all below are functions of it
//	  internal/calls      the calls of a module into the kernel: counted, made to fail, recorded
//	  internal/fault      each call fails, on every kernel -> Result
//	  internal/smoke      modules that have no tests, on every kernel -> Result
//	  internal/matrix     the stages on every kernel of the list
//	  internal/bundle     a red run              -> what repeats it elsewhere
//	  internal/report     Result                 -> text, JUnit, Markdown, HTML
//
// A stage is a function from plain structs to plain structs. The stages lie below
// internal/: what they look like is nobody else's business. internal/dev holds the
// programs that only develop kmodtest.
//
// The payload of a run (test binary, modules, files) is not part of the image.
// It reaches every guest, booted or restored, through the memory of an
// ivshmem-plain device of QEMU, which needs no driver: one image serves all runs,
// and one snapshot all clones. A second such device has the kernel's own modules,
// see internal/modarchive: a file for each kernel, which all of its guests map.
//
// The guest's own programs are built from the source that this binary carries, in
// an environment that is not the user's (package goenv).
package vmimage
