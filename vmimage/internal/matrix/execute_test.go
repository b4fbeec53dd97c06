package matrix

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// progressEvents are a kernel that goes through and one that does not build.
var progressEvents = []Event{
	{Kernel: "6.12", Phase: verdict.PhaseFetch},
	{Kernel: "6.12", Phase: verdict.PhaseFetch, Text: "fetch linux-image (20.0 MB)"},
	{Kernel: "6.12", Phase: verdict.PhaseFetch, Text: "fetched 4 packages, 40.0 MB"},
	{Kernel: "6.12", Phase: verdict.PhaseFetch, State: verdict.Pass, Elapsed: time.Second},
	{Kernel: "7.3", Phase: verdict.PhaseBuild, Text: "  CC [M] kmod/main.o"},
	{Kernel: "7.3", Phase: verdict.PhaseBuild, Text: "kmod/main.c:3: error: no"},
	{Kernel: "7.3", Phase: verdict.PhaseBuild, State: verdict.Fail, Elapsed: time.Second},
	{Kernel: "6.12", Package: "./tests", Phase: verdict.PhaseTest, Test: "TestA", State: verdict.Pass},
	{Kernel: "6.12", Package: "./tests", Phase: verdict.PhaseTest, Test: "TestB", State: verdict.Fail, Elapsed: time.Second},
	{Kernel: "6.12", Package: "./tests", Phase: verdict.PhaseTest, State: verdict.Fail, Elapsed: 2 * time.Second},
}

func TestProgressPlain(t *testing.T) {
	var b bytes.Buffer
	jobs := []Job{{Kernel: Kernel{Name: "6.12"}}, {Kernel: Kernel{Name: "7.3"}}}
	p := (&Told{Stderr: &b}).newProgress(jobs, false)
	for _, e := range progressEvents {
		p.event(e)
	}
	p.stop()
	want := `6.12  FETCH  | fetched 4 packages, 40.0 MB
6.12  FETCH  ok   1.00s
7.3   BUILD  | kmod/main.c:3: error: no
7.3   BUILD  FAIL 1.00s
6.12  TEST   FAIL TestB 1.00s
6.12  TEST   FAIL 2.00s (1 ok, 0 skipped, 1 failed)
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

// What stays on a terminal is the last drawing, below the lines that were told.
func TestProgressLive(t *testing.T) {
	var b bytes.Buffer
	jobs := []Job{{Kernel: Kernel{Name: "6.12"}}, {Kernel: Kernel{Name: "7.3"}}, {Kernel: Kernel{Name: "7.4"}}}
	p := (&Told{Stderr: &b}).newProgress(jobs, false)
	p.live = true
	for _, e := range progressEvents {
		p.event(e)
	}
	p.draw()
	p.stop()
	want := `6.12  FETCH  | fetched 4 packages, 40.0 MB
7.3   BUILD  | kmod/main.c:3: error: no
6.12  TEST   FAIL TestB 1.00s
6.12  FETCH ✓ 1.0s  TEST ✗ 2.0s
7.3   BUILD ✗ 1.0s
7.4   waits
`
	if diff := cmp.Diff(want, screen(b.String())); diff != "" {
		t.Errorf("screen (-want +got):\n%s", diff)
	}
}

// screen is what a terminal shows after text that only goes up and erases.
func screen(text string) string {
	var lines []string
	for part := range strings.SplitSeq(text, "\x1b[J") {
		up := 0
		if i := strings.LastIndex(part, "\x1b["); i >= 0 {
			for _, d := range strings.TrimSuffix(part[i+2:], "A") {
				up = up*10 + int(d-'0')
			}
			part = part[:i]
		}
		lines = append(lines, strings.SplitAfter(strings.TrimSuffix(part, "\n"), "\n")...)
		for i := range lines {
			lines[i] = strings.TrimSuffix(lines[i], "\n") + "\n"
		}
		lines = lines[:len(lines)-up]
	}
	return strings.Join(lines, "")
}

func TestBetween(t *testing.T) {
	build := func(series, abi string) kernel.Build {
		return kernel.Build{Series: series, Release: abi + "-cloud-amd64", Spec: kernel.Spec{Series: abi}}
	}
	all := []kernel.Build{
		build("5.10", "5.10.1"), build("6.1", "6.1.1"), build("6.1", "6.1.1"), build("6.1", "6.1.2"), build("6.12", "6.12.1"), build("6.12", "6.12.2"),
	}
	tests := map[string]struct{ good, bad, want, err string }{
		"series": {"6.1", "6.12", "6.1.1 6.1.2 6.12.1 6.12.2", ""},
		"builds": {"6.1.2", "6.12.1-cloud-amd64", "6.1.2 6.12.1", ""},
		"one":    {"6.12", "6.12", "6.12.1 6.12.2", ""},
		"order":  {"6.12", "6.1", "", "good has to be older than bad"},
		"none":   {"4.4", "6.1", "", "find kernel 4.4: the suites have 5.10, 6.1, 6.12"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := between(all, tt.good, tt.bad)
			var names []string
			for _, b := range got {
				names = append(names, b.Spec.Series)
			}
			if s := strings.Join(names, " "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestAnswerOf(t *testing.T) {
	runs := func(exit int) []report.Run { return []report.Run{{Verdict: &verdict.Verdict{Exit: exit}}} }
	tests := map[string]struct {
		k    report.Kernel
		want Answer
	}{
		"green":    {report.Kernel{Runs: runs(0)}, Green},
		"red":      {report.Kernel{Runs: runs(1)}, Red},
		"no build": {report.Kernel{Failure: &report.Failure{Phase: verdict.PhaseBuild}}, Unknown},
		"no boot":  {report.Kernel{Runs: []report.Run{{Failure: &report.Failure{Phase: verdict.PhaseBoot}}}}, Unknown},
		"nothing":  {report.Kernel{}, Red},
	}
	for name, tt := range tests {
		if got := answerOf(tt.k); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// The README shows the kernels of the list, and no others.
func TestReadmeMatrix(t *testing.T) {
	c, err := config.Default(kmodtest.DefaultConfig)
	if err != nil {
		t.Fatal(err)
	}
	kernels, err := Choose(t.Context(), &session.Session{Config: c}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, k := range kernels {
		want = append(want, k.Name+" "+k.Suite)
	}
	got, err := readmeKernels("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kernels (-kmodtest.toml +README.md); kmodtest matrix -readme README.md writes them:\n%s", diff)
	}
}
