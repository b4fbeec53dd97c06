package guest

import "regexp"

// splats match the first line of what a kernel says when it caught itself in a
// fault. They are the guest's quick look, so that the fault lands on the test
// that ran; the host reads the whole log with far more detectors.
var splats = []*regexp.Regexp{
	regexp.MustCompile(`^WARNING: `),
	regexp.MustCompile(`^BUG: `),
	regexp.MustCompile(`^kernel BUG at `),
	regexp.MustCompile(`^BUG \S+ \(.*\): `), // slab corruption
	regexp.MustCompile(`\bOops: `),
	regexp.MustCompile(`^Oops\b`),
	regexp.MustCompile(`^general protection fault`),
	regexp.MustCompile(`^(divide error|invalid opcode|stack segment|double fault): `),
	regexp.MustCompile(`^UBSAN: `),
	regexp.MustCompile(`^INFO: task .* blocked for more than `),
	regexp.MustCompile(`rcu: INFO: .*detected.* stall`),
	regexp.MustCompile(`^watchdog: BUG: `),
	regexp.MustCompile(`^unregister_netdevice: waiting for `),
	regexp.MustCompile(`^list_(add|del) corruption`),
	regexp.MustCompile(`^refcount_t: `),
	regexp.MustCompile(`^slab_err|^Slab .* objects remaining|^BUG .* Objects remaining`),
	regexp.MustCompile(`^Kernel panic`),
}

// findSplats returns the lines in which the kernel reports a fault.
func findSplats(lines []string) []string {
	var found []string
	for _, line := range lines {
		for _, re := range splats {
			if re.MatchString(line) {
				found = append(found, line)
				break
			}
		}
	}
	return found
}
