package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func TestMissingPrograms(t *testing.T) {
	got := missingPrograms([]verdict.TestResult{
		{State: "fail", Output: "x_test.go:1: exec: \"ip\": executable file not found in $PATH\nexec: \"/x/tc\": executable file not found in $PATH"},
		{State: "skip", Output: "exec: \"ip\": executable file not found in $PATH"},
		{State: "pass", Output: "exec: \"expected\": executable file not found in $PATH"},
		{State: "fail", Output: "exec: no command"},
	})
	if diff := cmp.Diff([]string{"/x/tc", "ip"}, got); diff != "" {
		t.Errorf("missing programs (-want +got):\n%s", diff)
	}
}
