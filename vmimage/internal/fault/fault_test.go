package fault

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func TestFind(t *testing.T) {
	tests := map[string]Convention{
		"__alloc_skb": Null, "pcpu_alloc_noprof": Null, "__kmalloc_noprof": Null, "kmem_cache_alloc_trace": Null, "__kmalloc_cache_noprof": Null,
		"genl_register_family": Errno, "class_create": ErrPtr, "class_create_file_ns": Errno, "register_netdevice_notifier": Errno,
		"get_zeroed_page_noprof": Zero, "__get_free_pages": Zero, "unregister_netdevice_notifier": noFault, "kfree": noFault, "_printk": noFault,
		"platform_device_register_full": ErrPtr, "__platform_driver_register": Errno, "alloc_workqueue_noprof": Null,
	}
	for name, want := range tests {
		e, _ := find(name)
		if e.fails != want {
			t.Errorf("%s fails with %q, want %q", name, e.fails, want)
		}
	}
}

// Each entry can be found, and says where the kernel declares it.
func TestTable(t *testing.T) {
	for _, e := range table {
		if e.source == "" || e.fails == noFault {
			t.Errorf("%s: no source, or no convention", e.names)
		}
		for name := range strings.FieldsSeq(e.names) {
			name = strings.ReplaceAll(name, "*", "x")
			got, ok := find(name)
			if !ok || got.fails != e.fails {
				t.Errorf("%s is hidden by an entry before it: %s", name, got.names)
			}
		}
	}
}

func TestAgrees(t *testing.T) {
	number, pointer, void := proto{known: true, number: true}, proto{known: true, pointer: true}, proto{known: true, void: true}
	tests := []struct {
		p    proto
		c    Convention
		want bool
	}{
		{proto{}, Errno, true}, {number, Errno, true}, {pointer, Errno, false}, {void, Errno, false}, {pointer, Null, true},
		{number, ErrPtr, false}, {number, Zero, true}, {proto{known: true, boolean: true}, False, true}, {number, False, false},
	}
	for _, tt := range tests {
		if got := tt.p.agrees(tt.c); got != tt.want {
			t.Errorf("%+v agrees with %s: %v", tt.p, tt.c, got)
		}
	}
}

func TestChoose(t *testing.T) {
	tests := []struct {
		before, times uint64
		want          []uint64
	}{{0, 0, nil}, {0, 1, []uint64{1}}, {0, 1000000, []uint64{1, 1000000}}, {3, 3, nil}, {3, 2, nil}, {3, 4, []uint64{4}}, {3, 9, []uint64{4, 9}}}
	for _, tt := range tests {
		if got := choose(tt.before, tt.times); !slices.Equal(got, tt.want) {
			t.Errorf("choose(%d, %d) = %v, want %v", tt.before, tt.times, got, tt.want)
		}
	}
}

func TestJudge(t *testing.T) {
	answer := func(errno string) verdict.TestResult {
		return verdict.TestResult{Name: "TestModule/load", State: verdict.Pass, Output: "main.go:1: " + smoketest.AnswerPrefix + `{"errno":"` + errno + `"}` + "\n"}
	}
	errno := Site{Call: "misc_register", Fails: Errno, Required: true}
	tests := map[string]struct {
		site Site
		v    verdict.Verdict
		test bool
		want Outcome
	}{
		"clean":    {errno, verdict.Verdict{Tests: []verdict.TestResult{answer("ENOMEM")}}, false, Outcome{State: Clean, Errno: "ENOMEM"}},
		"other":    {errno, verdict.Verdict{Tests: []verdict.TestResult{answer("EIO")}}, false, Outcome{State: Wrong, Errno: "EIO", Why: "init returns EIO where misc_register said ENOMEM"}},
		"own":      {Site{Fails: Null}, verdict.Verdict{Tests: []verdict.TestResult{answer("EIO")}}, false, Outcome{State: Clean, Errno: "EIO"}},
		"zero":     {errno, verdict.Verdict{}, false, Outcome{State: Wrong, Why: "init returns 0, as if misc_register had not failed"}},
		"goes on":  {Site{Fails: Null}, verdict.Verdict{}, false, Outcome{State: GoesOn}},
		"finding":  {errno, verdict.Verdict{Findings: []verdict.Finding{{Title: "oops", Raw: "raw"}}}, false, Outcome{State: Crash, Why: "oops", Detail: "raw"}},
		"died":     {errno, verdict.Verdict{Problems: []verdict.Problem{{Kind: verdict.ProblemDied, Text: "the guest died"}}}, false, Outcome{State: Crash, Why: "the guest died"}},
		"loaded":   {errno, verdict.Verdict{Exit: 1, Problems: []verdict.Problem{{Kind: verdict.ProblemLoaded, Text: "m was still loaded"}}}, true, Outcome{State: Leak, Why: "m was still loaded"}},
		"told":     {errno, verdict.Verdict{Tests: []verdict.TestResult{{State: verdict.Fail, Output: "cannot allocate memory"}}}, true, Outcome{State: Clean}},
		"not told": {errno, verdict.Verdict{Tests: []verdict.TestResult{{State: verdict.Pass}}}, true, Outcome{State: GoesOn}},
		"left": {errno, verdict.Verdict{Exit: 1, Tests: []verdict.TestResult{{State: verdict.Fail, Output: "m.go:1: the kernel refused module m, but it left:\n\tdevice x\n"}}}, false,
			Outcome{State: Leak, Why: "m.go:1: the kernel refused module m, but it left: device x", Detail: "m.go:1: the kernel refused module m, but it left:\n\tdevice x"}},
	}
	for name, tt := range tests {
		tt.want.Site = tt.site
		if diff := cmp.Diff(tt.want, judge(Outcome{Site: tt.site}, tt.v, !tt.test)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
