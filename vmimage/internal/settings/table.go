package settings

// The verbs that rows name. A verb that a row leaves out has no use for it. "dev"
// stands for the programs that only develop kmodtest.
var (
	guests  = []string{"exec", "test", "matrix", "bisect", "shell", "run", "smoke", "sweep"} // that boot a kernel
	boots   = append([]string{"repro", "dev"}, guests...)                                    // and those that boot a bundle's
	tests   = []string{"exec", "test", "matrix", "smoke", "bisect"}                          // that judge
	counts  = []string{"exec", "test", "matrix", "run", "smoke", "sweep"}                    // that can count lines
	one     = []string{"exec", "test", "shell", "run", "build", "dev"}                       // on one kernel
	many    = []string{"matrix", "smoke"}                                                    // on several
	archive = append([]string{"build", "kernels", "lock", "doctor", "dev"}, guests...)       // that may fetch
	project = append([]string{"build", "kernels", "lock", "doctor"}, guests...)              // that read kmodtest.toml
	all     = append([]string{"cache"}, append(archive, "repro")...)
)

var table = []row{
	{Setting{Name: "config", Variable: "KMODTEST_CONFIG", Arg: "file", Default: "the nearest kmodtest.toml",
		Help: "`file` to read the project's configuration from", Verbs: project},
		func(s *Settings) any { return &s.Config }},
	{Setting{Name: "kernel", Variable: "KMODTEST_KERNEL", Arg: "kernel", Default: "the one that is tagged default",
		Help: "`kernel` to take: SERIES[-FLAVOUR] or SERIES-debug of the list or of its suites, dir:PATH, or tree:PATH", Verbs: one},
		func(s *Settings) any { return &s.Kernel }},
	{Setting{Name: "kernels", Variable: "KMODTEST_KERNELS", Arg: "list", Default: "all but those tagged nightly",
		Help: "`list` of kernels, with commas: names, dir:PATH, tree:PATH, tag:NAME, or all", Verbs: append([]string{"sweep"}, many...)},
		func(s *Settings) any { return &s.Kernels }},
	{Setting{Name: "update", Variable: "KMODTEST_UPDATE",
		Help: "look for newer builds of the kernels in the archive", Verbs: append([]string{"build"}, guests...)},
		func(s *Settings) any { return &s.Update }},
	{Setting{Name: "locked", Variable: "KMODTEST_LOCKED",
		Help: "take exactly the packages of the lock file", Verbs: []string{"exec", "test", "matrix", "smoke", "build", "shell", "run"}},
		func(s *Settings) any { return &s.Locked }},
	{Setting{Name: "lock", Variable: "KMODTEST_LOCK", Arg: "file", Default: "kmodtest.lock beside the configuration",
		Help: "lock `file`", Verbs: []string{"exec", "test", "matrix", "smoke", "build", "shell", "run", "lock"}},
		func(s *Settings) any { return &s.Lock }},

	{Setting{Name: "isolate", Variable: "KMODTEST_ISOLATE", Arg: "what", Default: "package",
		Help: "`what` gets a fresh kernel: package (all tests of a binary share one) or test", Verbs: tests},
		func(s *Settings) any { return &s.Isolate }},
	{Setting{Name: "slab-debug", Variable: "KMODTEST_SLAB_DEBUG",
		Help: "boot with slub_debug=FZPU, which finds leaks, double frees and writes out of bounds; tests take three times as long", Verbs: append([]string{"dev"}, guests...)},
		func(s *Settings) any { return &s.SlabDebug }},
	{Setting{Name: "cold", Variable: "KMODTEST_COLD",
		Help: "boot every guest, restore none", Verbs: boots},
		func(s *Settings) any { return &s.Cold }},
	{Setting{Name: "accel", Variable: "KMODTEST_ACCEL", Arg: "accelerator", Default: "auto: kvm where it works",
		Help: "`accelerator`: kvm, tcg or auto", Verbs: boots},
		func(s *Settings) any { return &s.Accel }},
	{Setting{Name: "boot-timeout", Variable: "KMODTEST_BOOT_TIMEOUT", Arg: "time", Default: "1m with KVM, 3m without",
		Help: "`time` that a guest may take to boot", Verbs: boots},
		func(s *Settings) any { return &s.BootTimeout }},
	{Setting{Name: "unload-timeout", Variable: "KMODTEST_UNLOAD_TIMEOUT", Key: "guest.unload_timeout", Arg: "time", Default: "15s",
		Help: "`time` that a module's exit function may take", Verbs: guests},
		func(s *Settings) any { return &s.UnloadTimeout }},
	{Setting{Name: "settle-timeout", Variable: "KMODTEST_SETTLE_TIMEOUT", Key: "guest.settle_timeout", Arg: "time", Default: "3s",
		Help: "`time` that what goes on behind an unload may take until nothing of the module is left", Verbs: guests},
		func(s *Settings) any { return &s.SettleTimeout }},
	{Setting{Name: "memory", Variable: "KMODTEST_MEMORY", Key: "guest.memory_mib", Arg: "MiB", Default: "256",
		Help: "memory of a guest, in `MiB`", Verbs: guests},
		func(s *Settings) any { return &s.MemoryMiB }},
	{Setting{Name: "cpus", Variable: "KMODTEST_CPUS", Key: "guest.cpus", Arg: "number", Default: "1",
		Help: "`number` of a guest's processors", Verbs: guests},
		func(s *Settings) any { return &s.CPUs }},
	{Setting{Name: "devices", Variable: "KMODTEST_DEVICES", Key: "guest.devices", Arg: "list",
		Help: "`list` of devices for drivers to find, with commas: edu, nvme, e1000e, … as docs/devices.md has them", Verbs: guests},
		func(s *Settings) any { return &s.Devices }},
	{Setting{Name: "kernel-args", Variable: "KMODTEST_KERNEL_ARGS", Key: "guest.kernel_args", Arg: "arguments",
		Help: "further `arguments` of the kernel's command line, with blanks", Verbs: guests},
		func(s *Settings) any { return &s.KernelArgs }},
	{Setting{Name: "jobs", Variable: "KMODTEST_JOBS", Arg: "number", Default: "what processors and memory allow",
		Help: "`number` of guests at once", Verbs: tests},
		func(s *Settings) any { return &s.Jobs }},

	{Setting{Name: "verdict", Variable: "KMODTEST_VERDICT", Arg: "file",
		Help: "write the verdicts to `file`, a line of JSON for each package", Verbs: []string{"exec", "test", "run", "repro"}},
		func(s *Settings) any { return &s.Verdict }},
	{Setting{Name: "ccover", Variable: "KMODTEST_CCOVER", Arg: "file",
		Help: "have the modules count which of their lines run, and write that to `file` as lcov does, with a page beside it; it is not for modules that were built already", Verbs: counts},
		func(s *Settings) any { return &s.CCover }},
	{Setting{Name: "ccover-diff", Variable: "KMODTEST_CCOVER_DIFF", Arg: "commit",
		Help: "tell the lines that changed since `commit` and did not run", Verbs: counts},
		func(s *Settings) any { return &s.CCoverDiff }},
	{Setting{Name: "fuzz-blind", Variable: "KMODTEST_FUZZ_BLIND",
		Help: "fuzz without the lines of the modules that an input runs: modules that cannot count them can be fuzzed so", Verbs: []string{"exec", "test"}},
		func(s *Settings) any { return &s.FuzzBlind }},
	{Setting{Name: "report-dir", Variable: "KMODTEST_REPORT_DIR", Arg: "directory",
		Help: "write reports, and bundles of a matrix, to `directory`", Verbs: append([]string{"run"}, many...)},
		func(s *Settings) any { return &s.ReportDir }},

	{Setting{Name: "cache", Variable: "KMODTEST_CACHE", Arg: "directory", Default: "kmodtest in the user's cache directory",
		Help: "`directory` of the cache", Verbs: all},
		func(s *Settings) any { return &s.Cache }},
	{Setting{Name: "mirror", Variable: "KMODTEST_MIRROR", Arg: "address", Default: "apt's",
		Help: "base `address` of the Debian archive", Verbs: archive},
		func(s *Settings) any { return &s.Mirror }},
	{Setting{Name: "security-mirror", Variable: "KMODTEST_SECURITY_MIRROR", Arg: "address", Default: "apt's",
		Help: "base `address` of the security archive", Verbs: archive},
		func(s *Settings) any { return &s.SecurityMirror }},
	{Setting{Name: "offline", Variable: "KMODTEST_OFFLINE",
		Help: "use what is cached, never the network", Verbs: archive},
		func(s *Settings) any { return &s.Offline }},
	{Setting{Name: "quiet", Variable: "KMODTEST_QUIET",
		Help: "do not tell what takes long", Verbs: all},
		func(s *Settings) any { return &s.Quiet }},
}
