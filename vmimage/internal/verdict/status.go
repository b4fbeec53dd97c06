package verdict

import "slices"

// died is the exit status of a Go program that panics.
const died = 2

// Status works the exit status of a run out of what else its verdict says, the
// order of which does not matter:
//
//   - 2 if a guest died, or the binary did not end by itself in one, or there
//     was no guest at all,
//   - else the binary's highest status,
//   - else 1 if a test failed, the kernel log holds a finding that is neither
//     allowed nor expected, or there is a problem,
//   - else 0.
func Status(v Verdict) int {
	status := 0
	if len(v.Ends) == 0 {
		status = died
	}
	for _, e := range v.Ends {
		if e.Died || e.Signal != "" || e.Error != "" {
			status = max(status, died)
		}
		status = max(status, e.Code)
	}
	red := len(v.Problems) > 0 || slices.ContainsFunc(v.Findings, Finding.Fails) ||
		slices.ContainsFunc(v.Tests, func(t TestResult) bool { return t.State != Pass && t.State != Skip })
	if red {
		status = max(status, 1)
	}
	return status
}
