package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

func TestFuzzLimit(t *testing.T) {
	for _, tt := range []struct {
		args string
		want time.Duration
	}{
		{"-test.timeout=10m -test.fuzz=X", 0},
		{"-test.timeout=10m -test.fuzz=X -test.fuzztime=1000x", 0},
		{"-test.timeout=10m -test.fuzz=X -test.fuzztime=1h", 71*time.Minute + 5*time.Second},
		{"-test.fuzz=X -test.fuzztime=1h", 91*time.Minute + 5*time.Second},
		{"-test.timeout=10m", 10*time.Minute + 5*time.Second},
	} {
		r := &runner{o: &Options{Limits: Limits{Run: 30 * time.Minute, Grace: 5 * time.Second}}, flags: gotest.ParseFlags(strings.Fields(tt.args))}
		r.timeout, _ = r.flags.Timeout()
		if got := r.limit(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.args, got, tt.want)
		}
	}
}

func TestSuspects(t *testing.T) {
	runs, ran, last := wire.Input{Turn: 3, Runs: true}, wire.Input{Turn: 4}, wire.Input{Turn: 5}
	for _, tt := range []struct {
		name string
		in   []wire.Input
		died bool
		want []wire.Input
	}{
		{"nothing was announced", nil, true, nil},
		{"one ran", []wire.Input{ran, runs, last}, true, []wire.Input{runs}},
		{"all had ended", []wire.Input{ran, last}, true, []wire.Input{last}},
		{"all had ended, and the guest lives", []wire.Input{ran, last}, false, nil},
		{"the process was ended", []wire.Input{ran, runs}, false, []wire.Input{runs}},
	} {
		if diff := cmp.Diff(tt.want, suspects(tt.in, tt.died)); diff != "" && len(tt.want)+len(suspects(tt.in, tt.died)) > 0 {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestKeepInput(t *testing.T) {
	dir := t.TempDir()
	r := &runner{o: &Options{Dir: dir}}
	text, err := r.keepInput(wire.Input{Test: "FuzzX", Values: []any{[]byte("0")}, Runs: true})
	if err != nil {
		t.Fatal(err)
	}
	const want = "The input that ran is in testdata/fuzz/FuzzX/582528ddfad69eb5\nTo run it again:\nkmodtest test -run='FuzzX/582528ddfad69eb5'"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	b, err := os.ReadFile(filepath.Join(dir, "testdata/fuzz/FuzzX/582528ddfad69eb5"))
	if string(b) != "go test fuzz v1\n[]byte(\"0\")\n" || err != nil {
		t.Errorf("file %q, %v", b, err)
	}
	for _, in := range []wire.Input{
		{Test: "../../FuzzX", Values: []any{1}}, {Test: "TestX", Values: []any{1}}, {Test: "FuzzX/..", Values: []any{1}}, {Test: "FuzzX"},
	} {
		if text, err := r.keepInput(in); err == nil {
			t.Errorf("%+v: %s", in, text)
		}
	}
}

func TestReports(t *testing.T) {
	o := &Options{Kernel: kernel.Kernel{Release: "6.12.1"}}
	const warn = "4,10,5,-;------------[ cut here ]------------\n4,11,5,-;WARNING: CPU: 0 PID: 1 at m.c:7 m_write+0x1/0x2 [m]\n" +
		"4,12,5,-;Call Trace:\n4,13,5,-; m_write+0x1/0x2 [m]\n4,14,5,-;---[ end trace 0000000000000000 ]---\n"
	for log, want := range map[string]int{"4,1,2,-;m: refused\n": 0, warn: 1} {
		got, err := o.reports(log)
		if len(got) != want || err != nil {
			t.Errorf("%q: %q, %v", log, got, err)
		}
	}
}
