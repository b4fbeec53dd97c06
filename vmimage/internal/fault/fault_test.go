package fault

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func TestChoose(t *testing.T) {
	one := &calls.Only{At: 2}
	tests := []struct {
		only          *calls.Only
		before, times uint64
		want          []uint64
	}{
		{nil, 0, 0, nil}, {nil, 0, 1, []uint64{1}}, {nil, 0, 1000000, []uint64{1, 1000000}}, {nil, 3, 3, nil}, {nil, 3, 2, nil}, {nil, 3, 4, []uint64{4}}, {nil, 3, 9, []uint64{4, 9}},
		{one, 0, 1, nil}, {one, 0, 5, []uint64{2}}, {one, 2, 5, nil}, {&calls.Only{}, 0, 2, []uint64{1, 2}}, {&calls.Only{Context: calls.Interrupt}, 0, 2, nil},
	}
	for _, tt := range tests {
		if got := occurrences(tt.only, calls.Process, tt.before, tt.times); !slices.Equal(got, tt.want) {
			t.Errorf("%+v of %d to %d: %v, want %v", tt.only, tt.before, tt.times, got, tt.want)
		}
	}
}

// What is needed comes first, interrupts count by themselves, and what cannot fail is
// left out.
func TestChooseOrder(t *testing.T) {
	s := &sweeper{done: make(map[int]done), sites: []calls.Site{{Call: "kmalloc", Fails: calls.Null}, {Call: "kfree"}, {Call: "misc_register", Fails: calls.Errno, Required: true}}}
	var got []calls.Shot
	for _, shot := range s.choose([]calls.Reached{{Times: 1, InInterrupt: 2}, {Times: 5}, {Times: 1}}) {
		got = append(got, shot.Shot)
	}
	want := []calls.Shot{{Site: 2, At: 1}, {Site: 0, At: 1}, {Site: 0, At: 1, Context: calls.Interrupt}, {Site: 0, At: 2, Context: calls.Interrupt}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if again := s.choose([]calls.Reached{{Times: 1}, {}, {Times: 1}}); len(again) > 0 {
		t.Errorf("another scenario has them again: %v", again)
	}
}

// Second failures come after those that were cleaned up after, each pair once.
func TestPairs(t *testing.T) {
	s := &sweeper{sites: []calls.Site{{Call: "a", Fails: calls.Null}, {Call: "b", Fails: calls.Null}, {Call: "kfree"}}}
	var got []calls.Shot
	for _, shot := range s.pairs([]first{
		{calls.Shot{Site: 0, At: 1}, Clean, []int{1, 2}}, {calls.Shot{Site: 0, At: 9}, Clean, []int{1}}, {calls.Shot{Site: 1, At: 1}, GoesOn, []int{0}},
	}) {
		got = append(got, shot.all()...)
	}
	want := []calls.Shot{{Site: 0, At: 1}, {Site: 1, At: 1, Second: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

// A guest that did not say what was called is none that did not call it.
func TestJudgeUnread(t *testing.T) {
	o := Outcome{Site: calls.Site{Call: "f"}, Of: 1, second: -1}
	if got := o.judge(&guest{}, true); got.State != Crash {
		t.Errorf("unread: %+v", got)
	}
	if got := o.judge(&guest{reached: []calls.Reached{{Times: 1}}}, true); got.State != Unsteady || got.Remark == "" {
		t.Errorf("not failed: %+v", got)
	}
	if got := o.judge(&guest{reached: []calls.Reached{{Failed: 1}}}, true); got.State != GoesOn {
		t.Errorf("failed: %+v", got)
	}
}

func TestGoTest(t *testing.T) {
	o := Outcome{Site: calls.Site{Module: "m", File: "src/m-x.c", Line: 3, Call: "misc_register", Fails: calls.Errno}, At: 1}
	want := `func TestFails_src_m_x_c_3(t *testing.T) {
	guest.FailCall(t, "src/m-x.c:3 misc_register #1")
	if _, err := guest.TryLoad(t, "m", "a=1"); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("load: %v", err)
	}
}
`
	if diff := cmp.Diff(want, Order{Params: map[string][]string{"m": {"a=1"}}}.goTest(o, Scenario{load: true})); diff != "" {
		t.Errorf("test (-want +got):\n%s", diff)
	}
}

// A module that is refused even if nothing fails says so in the table and the report,
// and is not green if it left nothing to try.
func TestRefused(t *testing.T) {
	v := verdict.Verdict{Tests: []verdict.TestResult{{Output: smoketest.AnswerPrefix + `{"errno":"ENODEV","log":["m: taints kernel","m: no device"]}` + "\n"}}}
	f, ok := refusal(Scenario{Name: "load", load: true}, v)
	if !ok {
		t.Fatal("it is not seen")
	}
	f.Kernel = "6.1"
	d := f
	d.Dependency = "ec"
	if want := "load: init of ec, which it depends on, returns ENODEV even"; !strings.HasPrefix(d.text(), want) {
		t.Errorf("%q, want %q", d.text(), want)
	}
	r := Result{Outcomes: []Outcome{{Kernel: "6.1", State: NotReached, Site: calls.Site{File: "m.c", Line: 1, Call: "kmalloc"}}}, Refused: []Refusal{f}}
	var b strings.Builder
	if err := Text(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"note: load: init returns ENODEV even if nothing fails (kernel: m: no device); what it does after that is not reached: with -devices there may be one for it (6.1)\n",
		"sweep: 1 not reached: nothing failed\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, b.String())
		}
	}
	if runs := r.Report(time.Now(), 1).Kernels[0].Runs; len(runs) != 2 || runs[1].Verdict.Tests[0].State != verdict.Skip {
		t.Errorf("report: %+v", runs)
	}
	if _, ok := refusal(Scenario{Name: "TestX"}, v); ok {
		t.Error("a test's module is taken for one that is refused")
	}
}

func TestOnly(t *testing.T) {
	o := Outcome{Kernel: "6.12", Site: calls.Site{File: "a b.c", Line: 3, Call: "kmalloc_noprof"}, Context: calls.Interrupt, At: 2, Then: &calls.Site{File: "x.c", Line: 1, Call: "f"}}
	order := Order{TestFlags: []string{"-run", "^(TestX)$"}, Flags: []string{"dir"}}
	want := `kmodtest sweep -kernels 6.12 -site 'a b.c:3 kmalloc interrupt #2' -then 'x.c:1 f' -run '^(TestX)$' dir`
	if got := order.again(o, Scenario{}); got != want {
		t.Errorf("again:\n%s\nwant\n%s", got, want)
	}
	got, err := calls.ParseOnly("x.c:1 f interrupt #2")
	if diff := cmp.Diff(calls.Only{Where: "x.c:1", Call: "f", Context: calls.Interrupt, At: 2}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"", "x.c:1 f g", "x.c:1 #0", "x.c:1 #x"} {
		if o, err := calls.ParseOnly(text); err == nil {
			t.Errorf("%q: %+v", text, o)
		}
	}
}

func TestJudge(t *testing.T) {
	answer := func(errno string) verdict.TestResult {
		return verdict.TestResult{Name: "TestModule/load", State: verdict.Pass, Output: "main.go:1: " + smoketest.AnswerPrefix + `{"errno":"` + errno + `"}` + "\n"}
	}
	errno := calls.Site{Call: "misc_register", Fails: calls.Errno, Required: true}
	tests := map[string]struct {
		site calls.Site
		v    verdict.Verdict
		test bool
		want Outcome
	}{
		"clean":      {errno, verdict.Verdict{Tests: []verdict.TestResult{answer("ENOMEM")}}, false, Outcome{State: Clean, Errno: "ENOMEM"}},
		"other":      {errno, verdict.Verdict{Tests: []verdict.TestResult{answer("EIO")}}, false, Outcome{State: Wrong, Errno: "EIO", Why: "init returns EIO where misc_register said ENOMEM"}},
		"own":        {calls.Site{Fails: calls.Null}, verdict.Verdict{Tests: []verdict.TestResult{answer("EIO")}}, false, Outcome{State: Clean, Errno: "EIO"}},
		"zero":       {errno, verdict.Verdict{}, false, Outcome{State: Wrong, Why: "init returns 0, as if misc_register had not failed"}},
		"goes on":    {calls.Site{Fails: calls.Null}, verdict.Verdict{}, false, Outcome{State: GoesOn}},
		"finding":    {errno, verdict.Verdict{Findings: []verdict.Finding{{Title: "oops", Raw: "raw"}}}, false, Outcome{State: Crash, Why: "oops", Detail: "raw"}},
		"died":       {errno, verdict.Verdict{Problems: []verdict.Problem{{Kind: verdict.ProblemDied, Text: "the guest died"}}}, false, Outcome{State: Crash, Why: "the guest died"}},
		"at the end": {errno, verdict.Verdict{Exit: 1, Problems: []verdict.Problem{{Kind: verdict.ProblemLeft, Text: "left behind:\n    m_dir"}}}, true, Outcome{State: Leak, Why: "left behind: m_dir", Detail: "left behind:\n    m_dir"}},
		"loaded":     {errno, verdict.Verdict{Exit: 1, Problems: []verdict.Problem{{Kind: verdict.ProblemLoaded, Text: "m was still loaded"}}}, true, Outcome{State: Leak, Why: "m was still loaded"}},
		"told":       {errno, verdict.Verdict{Tests: []verdict.TestResult{{State: verdict.Fail, Output: "cannot allocate memory"}}}, true, Outcome{State: Clean, Errno: "ENOMEM"}},
		"not told":   {errno, verdict.Verdict{Tests: []verdict.TestResult{{State: verdict.Pass}}}, true, Outcome{State: GoesOn, Remark: "no test noticed that misc_register failed"}},
		"told else":  {errno, verdict.Verdict{Exit: 1, Tests: []verdict.TestResult{{State: verdict.Fail, Output: "no such device"}}}, true, Outcome{State: Clean, Errno: "ENODEV", Remark: "the first error that a test tells is ENODEV, and it was ENOMEM"}},
		"left": {errno, verdict.Verdict{Exit: 1, Tests: []verdict.TestResult{{State: verdict.Fail, Output: "m.go:1: the kernel refused module m, but it left:\n\tdevice x\n"}}}, false,
			Outcome{State: Leak, Why: "m.go:1: the kernel refused module m, but it left: device x", Detail: "m.go:1: the kernel refused module m, but it left:\n\tdevice x"}},
		"refused as ever": {calls.Site{Fails: calls.Errno}, verdict.Verdict{Tests: []verdict.TestResult{answer("ENODEV")}}, false,
			Outcome{State: GoesOn, Errno: "ENODEV", Refused: "ENODEV", Remark: "init returns ENODEV, as it does if nothing fails"}},
		"refused otherwise": {errno, verdict.Verdict{Tests: []verdict.TestResult{answer("ENOMEM")}}, false, Outcome{State: Clean, Errno: "ENOMEM", Refused: "ENODEV"}},
	}
	for name, tt := range tests {
		tt.want.Site = tt.site
		if diff := cmp.Diff(tt.want, (Outcome{Site: tt.site, Refused: tt.want.Refused}).of(tt.v, !tt.test), cmpopts.IgnoreUnexported(Outcome{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What is not given back makes a leak of what looks clean, and of nothing that is red.
func TestBalance(t *testing.T) {
	accounts := []calls.Account{{Kind: "memory", Takes: []int{0}, Places: []string{"m.c:1 kmalloc"}, Gives: []int{1}}}
	left, back := []calls.Reached{{Times: 1}, {}}, []calls.Reached{{Times: 1}, {Times: 1}}
	for _, tt := range []struct {
		was     State
		reached []calls.Reached
		want    State
	}{{Clean, left, Leak}, {GoesOn, left, Leak}, {Clean, back, Clean}, {Wrong, left, Wrong}} {
		got := Outcome{State: tt.was, accounts: accounts}.balance(tt.reached)
		if got.State != tt.want || got.owes != (tt.was != tt.want) {
			t.Errorf("%s of %v: %s, %s", tt.was, tt.reached, got.State, got.Why)
		}
	}
}
