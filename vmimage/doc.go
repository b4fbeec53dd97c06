// Package vmimage is the host side of kmodtest. Its folders are the stages of a
// run, each a function from plain structs to plain structs:
//
//	config.Load        kmodtest.toml  -> Config
//	kernel.Get         Spec           -> Kernel    image, headers, modules, toolchain
//	kbuild.BuildTree   Kernel, C      -> Tree      modules, in the order of loading
//	dkms.Recipe        dkms.conf      -> Recipe    how such a tree is built
//	initramfs.Build    u-root, init   -> Image
//	run.Run            all of them, a test binary -> Verdict
//	  boot.Source        greeted guests: restored from a snapshot, or booted
//	  vm.Start, Restore  QEMU
//	  internal/wire      the frames between host and guest
//	  gotest             the tests' output
//	  klog               the kernel log's findings
//	smoke.Run          a tree, kernels -> Result   modules that have no tests
//	matrix.Run         the stages on every kernel of the list -> report.Result
//	bundle             a red run -> what repeats it elsewhere
//	report             Result         -> text, JUnit, Markdown, HTML
//
// The payload of a run (test binary, modules, files) is not part of the image.
// It reaches every guest, booted or restored, through the memory of an
// ivshmem-plain device of QEMU, which needs no driver: one image serves all runs,
// and one snapshot all clones.
//
// This package joins the stages up to the run: Prepare makes, or finds in the
// cache, everything that a guest needs.
package vmimage
