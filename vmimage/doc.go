// Package vmimage is the host side of kmodtest. Its folders are the stages of a
// run, each a function from plain structs to plain structs:
//
//	config.Load        kmodtest.toml  -> Config
//	kernel.Get         Spec           -> Kernel    image, headers, modules, toolchain
//	kbuild.Build       Kernel, C      -> Module
//	initramfs.Build    u-root, init   -> Image
//	run.Run            all of them, a test binary -> Verdict
//	  vm.Start           a guest
//	  internal/wire      its frames on the second serial port
//	  gotest             the tests' output
//	  klog               the kernel log's findings
//	report             Verdicts       -> text, JUnit, Markdown, HTML
//
// This package joins the stages up to the run: Prepare makes, or finds in the
// cache, everything that a guest needs.
package vmimage
