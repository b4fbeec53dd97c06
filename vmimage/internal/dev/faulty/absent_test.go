package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func TestAbsent(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("CONFIG_KASAN=y\n# CONFIG_UBSAN is not set\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		row  Row
		want string
	}{
		{Row{}, ""},
		{Row{Needs: []string{"CONFIG_KASAN"}}, ""},
		{Row{Needs: []string{"CONFIG_UBSAN"}}, "not on this kernel: CONFIG_UBSAN is off"},
		{Row{Needs: []string{"CONFIG_UNHEARD"}}, "not on this kernel: CONFIG_UNHEARD is off"},
		{Row{Needs: []string{"CONFIG_KASAN", "CONFIG_UBSAN"}}, "not on this kernel: CONFIG_UBSAN is off"},
		{Row{Unless: "CONFIG_KASAN"}, "not on this kernel: CONFIG_KASAN is on, and finds it first"},
		{Row{Unless: "CONFIG_UBSAN"}, ""},
	} {
		got, err := c.row.absent(kernel.Kernel{Config: config})
		if err != nil || got != c.want {
			t.Errorf("needs %q, unless %q: %q, %v; want %q", c.row.Needs, c.row.Unless, got, err, c.want)
		}
	}
	if _, err := (Row{}).absent(kernel.Kernel{Config: config + "-gone"}); err == nil {
		t.Error("a configuration that cannot be read has everything")
	}
}

// Every option that a row needs is one that the debug kernel has.
func TestDebugConfig(t *testing.T) {
	options, err := kernel.ProfileOptions("debug", "6.12")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range allRows(t) {
		for _, option := range r.Needs {
			switch option {
			case "CONFIG_HARDLOCKUP_DETECTOR_BUDDY": // chosen by what is preferred
			case "CONFIG_DEBUG_INFO_BTF": // of the distribution's kernels
			default:
				if !slices.Contains(options, option+"=y") {
					t.Errorf("%s needs %s, which the profile debug does not turn on", r.Fault, option)
				}
			}
		}
	}
}

// What could not be tried is no success.
func TestTally(t *testing.T) {
	var tally Tally
	for _, res := range []Result{{}, {Skipped: "not on this kernel"}, {Wrong: []string{"x"}}, {}} {
		tally.Add(res)
	}
	if got, want := tally.String(), "4 rows: 2 as they should be, 1 wrong, 1 not on this kernel"; got != want {
		t.Errorf("tally is %q, want %q", got, want)
	}
}

// A trace is of the kernel log while the guest lives, of the console when it
// died, and starts where the module comes in.
func TestTrace(t *testing.T) {
	row := Row{Module: "warn", Test: "TestWarn", Kind: klog.KindWarn}
	k := kernel.Kernel{Release: "6.12.117-debug", Series: "6.12"}
	const report = "WARNING: CPU: 0 PID: 1 at warn.c:13 faulty_warn+0x15/0x20 [faulty_warn]"
	kmsg := "5,0,0,-;Linux version\n4,1,9,-;faulty_warn: loading out-of-tree module taints kernel.\n4,2,10,-;" + report + "\n"
	console := "[    0.000000] Linux version\n[    0.000009] faulty_warn: loading out-of-tree module taints kernel.\n[    0.000010] " + report + "\n"
	const about = "SOURCE: faulty_warn by TestWarn of the faults table\nKERNEL: 6.12.117-debug\n"

	name, data, err := trace(row, k, verdict.Verdict{Log: []byte(kmsg), Console: []byte(console)})
	if want := about + "FORMAT: kmsg\n\n" + kmsg[strings.Index(kmsg, "4,1"):]; err != nil || name != "own-6.12-warn.txt" || string(data) != want {
		t.Errorf("trace of a guest that lives: %s, %v\n%s", name, err, data)
	}
	k.Flavour = "cloud"
	name, data, err = trace(row, k, verdict.Verdict{Log: []byte("5,0,0,-;Linux version\n"), Console: []byte(console)})
	if want := about + "\n" + console[strings.Index(console, "[    0.000009]"):]; err != nil || name != "6.12-warn.txt" || string(data) != want {
		t.Errorf("trace of a guest that died: %s, %v\n%s", name, err, data)
	}
	if _, _, err = trace(row, k, verdict.Verdict{Log: []byte("5,0,0,-;Linux version\n")}); err == nil {
		t.Error("a log without a finding is a trace")
	}
}
