package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseStatus(t *testing.T) {
	const text = "Name:\ttest\nUmask:\t0022\nState:\tD (disk sleep)\nTgid:\t123\nSigPnd:\t0000000000000100\nShdPnd:\t0000000000000000\n"
	want := threadStatus{name: "test", state: "D (disk sleep)", killed: true}
	if diff := cmp.Diff(want, parseStatus([]byte(text)), cmp.AllowUnexported(threadStatus{})); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if parseStatus([]byte("SigPnd:\t0000000000000001\n")).killed {
		t.Error("SIGHUP is taken for SIGKILL")
	}
}

// A process that nobody told to end has no stuck threads, whatever they do.
func TestStuckThreadsOfLiveProcess(t *testing.T) {
	if got := stuckThreads(os.Getpid()); len(got) != 0 {
		t.Errorf("stuck threads %q of a process that runs", got)
	}
}
