package smoke

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func TestText(t *testing.T) {
	red := func(kernel, module, why string, lines ...string) Cell {
		return Cell{
			Kernel: kernel, Module: module, Outcome: Red, Stage: Unload, Why: why, Where: "b.c:7", Lines: lines,
			Bundle: "bundles/" + kernel + "-" + module + ".tar.gz", Detail: "------------[ cut here ]------------",
		}
	}
	stepped := red("6.12", "c", "BUG: in f")
	stepped.Step, stepped.Alone = "genl c #1", "alone it does the same"
	many := strings.Split("1 2 3 4 5 6 7 8 9 10", " ")
	r := Result{
		Source: "p-dkms 1.0", Seed: 3,
		Notes: []Note{{"6.1", "a note"}, {"6.12", "a note"}, {"6.12", "another"}},
		Cells: []Cell{
			{Kernel: "6.1", Module: "a", Outcome: OK, Stage: Reload, Notes: []string{"n=9 is too much"}},
			{Kernel: "6.12", Module: "a", Outcome: NoDevice, Errno: "ENODEV", Why: "none", Lines: []string{"said before"}},
			red("6.1", "b", "underflow in f.isra.0+0x10/0x20"), red("6.12", "b", "underflow in f+0x18/0x30"), red("7.2", "b", "another"),
			stepped, red("7.2", "c", "still there:", many...),
			{Kernel: "7.2", Module: "a", Outcome: OK, Stage: Reload, Notes: []string{"n=9 is too much"}},
		},
	}
	const want = `6.1, 6.12: a note
6.12: another
p-dkms 1.0   6.1           6.12                 7.2
a            ok            no device (ENODEV)   ok
b            red: UNLOAD   red: UNLOAD          red: UNLOAD
c            -             red: UNLOAD          red: UNLOAD

a on 6.1, 7.2: n=9 is too much

a on 6.12: no device: none

b on 6.1, 6.12: red: b.c:7: underflow in f.isra.0+0x10/0x20
    again: kmodtest repro report/bundles/6.1-b.tar.gz

b on 7.2: red: b.c:7: another
    again: kmodtest repro report/bundles/7.2-b.tar.gz

c on 6.12: red: b.c:7: BUG: in f
    done: genl c #1
    alone it does the same
    again: kmodtest repro report/bundles/6.12-c.tar.gz

c on 7.2: red: b.c:7: still there:
    1
    2
    3
    4
    5
    6
    7
    8
    … 2 more
    again: kmodtest repro report/bundles/7.2-c.tar.gz
`
	var b strings.Builder
	if err := Text(&b, r, "report"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// output is what a red test printed, as it comes from a guest.
const output = `=== RUN   TestModule/unload
=== NAME  TestModule
    main.go:72: module slow_link is gone, but something still points to it:
            netdevice notifier chain: dcbnl_nb+0x8 points to slow_link_nb+0x0 [slow_link] (slow_link.c:10)
slow_link.c:12: kernel: WARNING in notifier_chain_register [warn]
  slow_link.c:14: slow_init
  | WARNING: kernel/notifier.c:23 at notifier_chain_register+0x37/0xb0
    testing.go:1913: test executed panic(nil) or runtime.Goexit: subtest may have called FailNow on a parent test
    main.go:69: smoketest: {"values":3}
    main.go:81: load module slow_link: EBUSY (device or resource busy)
`

func TestMessages(t *testing.T) {
	var got []string
	for _, m := range messages(output) {
		got = append(got, m.String())
	}
	want := []string{
		"module slow_link is gone, but something still points to it:\n    netdevice notifier chain: dcbnl_nb+0x8 points to slow_link_nb+0x0 [slow_link] (slow_link.c:10)",
		"load module slow_link: EBUSY (device or resource busy)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	var c Cell
	c.say(messages(output)[0])
	wantCell := Cell{
		Why:   "module slow_link is gone, but something still points to it: netdevice notifier chain: dcbnl_nb+0x8 points to slow_link_nb+0x0 [slow_link]",
		Where: "slow_link.c:10",
	}
	if diff := cmp.Diff(wantCell, c); diff != "" {
		t.Errorf("cell (-want +got):\n%s", diff)
	}
}

// No report points at a line of the program in the guest.
func TestPlain(t *testing.T) {
	v := verdict.Verdict{Tests: []verdict.TestResult{{Name: "TestModule", State: verdict.Fail, Output: output}}}
	got := plain(&v).Tests[0].Output
	if logged.MatchString(got) || strings.Contains(got, ".go:") || strings.Contains(got, `"values"`) {
		t.Errorf("it names the program:\n%s", got)
	}
	for _, want := range []string{"still points to it:\n", "(slow_link.c:10)\n", "kernel: WARNING in", "EBUSY"} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
	if v.Tests[0].Output != output {
		t.Error("the verdict itself was changed")
	}
}
