package smoke

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/dkms"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// guestVerdict is one of a guest whose stages ended so: "load=pass unload=pass".
func guestVerdict(exit int, stages, said string) verdict.Verdict {
	v := verdict.Verdict{Exit: exit}
	for s := range strings.FieldsSeq(stages) {
		name, status, _ := strings.Cut(s, "=")
		if strings.HasPrefix(name, "Test") {
			v.Tests = append(v.Tests, verdict.TestResult{Name: name, State: verdict.State(status)})
			continue
		}
		v.Tests = append(v.Tests, verdict.TestResult{Name: smoketest.TestName + "/" + name, State: verdict.State(status)})
	}
	if said != "" {
		v.Tests[0].Output = "    main.go:1: " + smoketest.AnswerPrefix + said + "\n"
	}
	return v
}

func TestJudge(t *testing.T) {
	oops := guestVerdict(1, "load=pass unload=fail", "")
	oops.Findings = []verdict.Finding{{Allowed: "known"}, {Title: "refcount_t: underflow", Kind: "REFCOUNT", Where: &verdict.Place{File: "xtrx.c", Line: 7}}}
	left := guestVerdict(1, "load=pass unload=fail", "")
	left.Tests[1].Output = "=== RUN   TestModule/unload\n    main.go:1: after unload of module m there is still:\n            proc entry /proc/m\n    main.go:81: load module m: EBUSY\n"
	panicked := guestVerdict(2, "load=pass", "")
	panicked.Problems = []verdict.Problem{{Text: "the guest died"}}
	const all = "load=pass unload=pass reload=pass "
	used := guestVerdict(1, all+"TestParameters=pass TestUse=fail", "")
	used.Findings = []verdict.Finding{{Title: "WARNING in f", Kind: "warn", Raw: "cut here\nWARNING at f\n", Tests: []string{"TestUse"}}}
	died := guestVerdict(2, all+"TestParameters=pass TestUse=fail", "")
	died.Problems = []verdict.Problem{{Kind: verdict.ProblemDied, Test: "TestUse", Text: "the guest died"}}
	large := guestVerdict(1, all+"TestParameters=fail TestUse=pass", "")
	large.Findings = []verdict.Finding{{Title: "Out of memory", Kind: "oom", Tests: []string{"TestParameters"}}}
	warned := guestVerdict(1, all+"TestParameters=fail TestUse=pass", "")
	warned.Findings = []verdict.Finding{{Title: "WARNING in m_init", Kind: "warn", Raw: "cut here\nRIP: 0010:__alloc_pages+0x2a9/0x330\n", Tests: []string{"TestParameters"}}}
	both := guestVerdict(1, all+"TestParameters=fail TestUse=pass", "")
	both.Findings = append(large.Findings[:1:1], verdict.Finding{Title: "WARNING in f", Kind: "warn"})
	const steps = "smoketest> TestParameters\tm with n=9\nsmoketest> TestUse\tone\nsmoketest> TestUse\ttwo\nsmoketest| WARNING at f\nsmoketest> TestUse\tthree\n"
	other := guestVerdict(0, all+"TestParameters=pass TestUse=pass", "")
	taints := verdict.Finding{Title: "module license 'x' taints kernel", Kind: "taint", Allowed: "its own", AllowedBy: licencePos}
	other.Findings = []verdict.Finding{taints, taints}
	tests := map[string]struct {
		v    verdict.Verdict
		want Cell
	}{
		"ok":        {guestVerdict(0, "load=pass unload=pass reload=pass TestParameters=pass TestUse=pass", ""), Cell{Outcome: OK, Stage: Use}},
		"no device": {guestVerdict(0, "load=pass", `{"errno":"ENODEV","log":["m: nothing here"]}`), Cell{Outcome: NoDevice, Stage: Load, Errno: "ENODEV", Why: "init says that there is no device: ENODEV (kernel: m: nothing here)", Detail: "m: nothing here"}},
		"refused":   {guestVerdict(0, "load=pass", `{"errno":"EINVAL"}`), Cell{Outcome: Refused, Stage: Load, Errno: "EINVAL", Why: "init returns EINVAL; say with -param what it wants"}},
		"refused dependency": {guestVerdict(0, "load=pass", `{"errno":"ENOENT","dependency":"d","log":["d: x taints kernel."]}`),
			Cell{Outcome: Red, Stage: Load, Errno: "ENOENT", Why: "the kernel refuses d, which it depends on: ENOENT"}},
		"dependency without a device": {guestVerdict(0, "load=pass", `{"errno":"ENODEV","dependency":"d"}`),
			Cell{Outcome: NoDevice, Stage: Load, Errno: "ENODEV", Why: "d, which it depends on, says that there is no device: ENODEV"}},
		"no device, and something is left": {guestVerdict(1, "load=fail", `{"errno":"ENODEV"}`), Cell{Outcome: Red, Stage: Load, Errno: "ENODEV"}},
		"no exit function":                 {guestVerdict(0, "load=pass unload=pass", `{"permanent":true}`), Cell{Outcome: OK, Stage: Load, Why: "it has no exit function and cannot be unloaded"}},
		"finding":                          {oops, Cell{Outcome: Red, Stage: Unload, Why: "refcount_t: underflow [REFCOUNT]", Where: "xtrx.c:7"}},
		"something left":                   {left, Cell{Outcome: Red, Stage: Unload, Why: "after unload of module m there is still: proc entry /proc/m"}},
		"guest died":                       {panicked, Cell{Outcome: Red, Stage: Load, Why: "the guest died"}},
		"no end of use":                    {guestVerdict(0, "load=pass unload=pass reload=pass TestParameters=pass", ""), Cell{Outcome: Red, Stage: Reload, Why: "the guest did not come to the end of its stages"}},
		"use":                              {used, Cell{Outcome: Red, Stage: Use, Why: "WARNING in f [warn]", Step: "two"}},
		"use, and the guest died":          {died, Cell{Outcome: Red, Stage: Use, Why: "the guest died", Step: "three"}},
		"too large a number":               {large, Cell{Outcome: OK, Stage: Use, Notes: []string{"m with n=9 is more than the machine has: Out of memory"}}},
		"too large a number, and a fault":  {both, Cell{Outcome: Red, Stage: Params, Why: "Out of memory [oom]", Step: "m with n=9"}},
		"far too large a number":           {warned, Cell{Outcome: OK, Stage: Use, Notes: []string{"m with n=9 is more than the machine has: WARNING in m_init"}}},
		"another licence":                  {other, Cell{Outcome: OK, Stage: Use, Notes: []string{taints.Title}}},
		"green, but no end":                {guestVerdict(0, "load=pass unload=pass", ""), Cell{Outcome: Red, Stage: Unload, Why: "the guest did not come to the end of its stages"}},
		"green, and nothing at all":        {verdict.Verdict{}, Cell{Outcome: Red, Stage: Load, Why: "the guest did not come to the end of its stages"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tr := newTrail()
			fmt.Fprint(tr, steps)
			got := judge(Cell{}, tt.v, tr)
			ignore := cmpopts.IgnoreFields(Cell{}, "Verdict", "Detail", "Lines")
			if tt.want.Detail != "" {
				ignore = cmpopts.IgnoreFields(Cell{}, "Verdict")
			}
			if name == "no device, and something is left" {
				ignore = cmpopts.IgnoreFields(Cell{}, "Verdict", "Detail", "Lines", "Why")
			}
			if diff := cmp.Diff(tt.want, got, ignore); diff != "" {
				t.Errorf("cell (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnbuilt(t *testing.T) {
	spec := kernel.Spec{Series: "6.1", Flavour: "generic"}
	tests := map[string]struct {
		err  error
		want Cell
	}{
		"excluded": {fmt.Errorf("x: %w", &dkms.NotForKernelError{Package: "p", Reason: "BUILD_EXCLUSIVE_CONFIG wants CONFIG_X"}),
			Cell{Outcome: NotForKernel, Why: "BUILD_EXCLUSIVE_CONFIG wants CONFIG_X"}},
		"compiler": {fmt.Errorf("x: %w", &kbuild.CompileError{Errors: []kbuild.Diagnostic{{File: "m/src/../m.c", Line: 3, Kind: "error", Text: "no such thing"}}}),
			Cell{Outcome: Red, Where: "m.c:3", Why: "error: no such thing"}},
		"linker": {&kbuild.CompileError{Errors: []kbuild.Diagnostic{{File: "modpost", Kind: "error", Text: `"x" [m.ko] undefined!`}}},
			Cell{Outcome: Red, Where: "modpost", Why: `error: "x" [m.ko] undefined!`}},
		"other": {errors.New("find modules: none\nmore"), Cell{Outcome: Red, Why: "find modules: none"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			store := kernel.OpenStore(t.TempDir(), nil, nil)
			r := kernelRun{runner: &runner{o: Options{Source: Source{Dir: "/src/m"}, Session: &session.Session{Kernels: kernel.Options{Store: store}}}}}
			tt.want.Kernel, tt.want.Stage = "6.1-generic", Build
			if diff := cmp.Diff(tt.want, r.unbuilt(spec, kernel.Kernel{}, tt.err), cmpopts.IgnoreFields(Cell{}, "Detail", "Lines")); diff != "" {
				t.Errorf("cell (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGreen(t *testing.T) {
	tests := map[string]struct {
		cells []Outcome
		want  bool
	}{
		"nothing":                 {nil, false},
		"ok":                      {[]Outcome{OK, NotForKernel, NoDevice}, true},
		"red":                     {[]Outcome{OK, Red}, false},
		"refused":                 {[]Outcome{OK, Refused}, false},
		"for none of the kernels": {[]Outcome{NotForKernel, NotForKernel}, false},
	}
	for name, tt := range tests {
		var r Result
		for _, o := range tt.cells {
			r.Cells = append(r.Cells, Cell{Outcome: o})
		}
		if r.Green() != tt.want {
			t.Errorf("%s: green %v", name, r.Green())
		}
	}
}

func TestFindSource(t *testing.T) {
	store := kernel.OpenStore(filepath.Join(t.TempDir(), "store"), nil, nil)
	defer store.Close()
	o := kernel.Options{Store: store, Offline: true}
	dir := t.TempDir()
	for _, name := range []string{"m.ko", "text"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		arg  string
		want Source
		err  string
	}{
		"folder":  {arg: dir, want: Source{Name: filepath.Base(dir), Dir: dir}},
		"module":  {arg: filepath.Join(dir, "m.ko"), want: Source{Name: "m.ko", File: filepath.Join(dir, "m.ko")}},
		"text":    {arg: filepath.Join(dir, "text"), err: "it is neither a folder nor a .deb nor a .ko"},
		"no path": {arg: filepath.Join(dir, "none"), err: "no such file"},
		"no name": {arg: "nosuch-dkms", err: "there is no such file or folder, and as a package: get package nosuch-dkms of testing: it is not cached"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := FindSource(t.Context(), o, "testing", tt.arg)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Source{}, "Recipe")); diff != "" {
				t.Errorf("source (-want +got):\n%s", diff)
			}
		})
	}
}

// Every cell is in exactly one shard, and none is in a kernel that its shard leaves
// out.
func TestShard(t *testing.T) {
	for kernels := 1; kernels < 6; kernels++ {
		for count := 1; count < 8; count++ {
			for k := range kernels {
				for m := range 20 {
					n := 0
					for i := range count {
						s := Shard{i + 1, count}
						if s.has(k, kernels, m) {
							n++
						}
						if s.has(k, kernels, m) && !s.mayHave(k, kernels) {
							t.Errorf("shard %v of %d kernels leaves kernel %d out, and has a cell of it", s, kernels, k)
						}
					}
					if n != 1 {
						t.Errorf("%d kernels, %d shards: cell %d, %d is in %d", kernels, count, k, m, n)
					}
				}
			}
		}
	}
	if s := (Shard{2, 5}); s.mayHave(0, 5) || !s.mayHave(1, 5) {
		t.Error("with as many shards as kernels, each has a kernel")
	}
}

// A report is green where the cells are, and names what is red.
func TestReport(t *testing.T) {
	green := guestVerdict(0, "load=pass", "")
	green.Ends = []verdict.End{{}}
	large := guestVerdict(1, "load=pass TestParameters=fail", "")
	tests := map[string]struct {
		c    Cell
		want string // of the only failure
	}{
		"ok":         {Cell{Kernel: "6.1", Module: "m", Outcome: OK, Verdict: &green}, ""},
		"no device":  {Cell{Kernel: "6.1", Module: "m", Outcome: NoDevice, Verdict: &green}, ""},
		"note":       {Cell{Kernel: "6.1", Module: "m", Outcome: OK, Notes: []string{"large"}, Verdict: &large}, ""},
		"refused":    {Cell{Kernel: "6.1", Module: "m", Outcome: Refused, Why: "EINVAL", Verdict: &green}, "refused: EINVAL"},
		"not built":  {Cell{Kernel: "6.1", Outcome: Red, Stage: Build, Why: "no such thing", Where: "m.c:3"}, "no such thing"},
		"not for it": {Cell{Kernel: "6.1", Outcome: NotForKernel, Stage: Build, Why: "too old"}, ""},
	}
	for name, tt := range tests {
		r := Result{Source: "s", Cells: []Cell{tt.c}}.Report()
		var got string
		for _, f := range r.Failures() {
			got += f.Title
		}
		if got != tt.want || r.Green() != (tt.want == "") {
			t.Errorf("%s: green %v, failures %q, want %q", name, r.Green(), got, tt.want)
		}
	}
}
