package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func TestMissing(t *testing.T) {
	got := missing(noProgram, []verdict.TestResult{
		{State: "fail", Output: "x_test.go:1: exec: \"ip\": executable file not found in $PATH\nexec: \"/x/tc\": executable file not found in $PATH"},
		{State: "skip", Output: "exec: \"ip\": executable file not found in $PATH"},
		{State: "pass", Output: "exec: \"expected\": executable file not found in $PATH"},
		{State: "fail", Output: "exec: no command"},
	})
	if diff := cmp.Diff([]string{"/x/tc", "ip"}, got); diff != "" {
		t.Errorf("missing programs (-want +got):\n%s", diff)
	}
}

func TestMissingModules(t *testing.T) {
	got := missing(noModule, []verdict.TestResult{
		{State: "fail", Output: "    x_test.go:9: modprobe: load module rtnl-link-gtp: this kernel has no such module exit status 1\n"},
		{State: "pass", Output: "load module expected: this kernel has no such module"},
		{State: "fail", Output: "load module veth: no such device"},
	})
	if diff := cmp.Diff([]string{"rtnl-link-gtp"}, got); diff != "" {
		t.Errorf("missing modules (-want +got):\n%s", diff)
	}
}
