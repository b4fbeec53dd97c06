package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func TestMerge(t *testing.T) {
	green := &verdict.Verdict{Tests: []verdict.TestResult{{Name: "TestA", State: verdict.Pass}}}
	shard := func(pkg string, v *verdict.Verdict, bundle string) Result {
		return Result{Elapsed: 5 * ms, Jobs: 2, Kernels: []Kernel{{
			Name: "6.12", Phases: []PhaseTime{{verdict.PhaseFetch, verdict.Pass, ms}, {verdict.PhaseTest, verdict.Pass, 2 * ms}}, Runs: []Run{{Package: pkg, Verdict: v, Bundle: bundle}},
		}}}
	}
	other := Result{Kernels: []Kernel{{Name: "7.3", Failure: &Failure{Phase: verdict.PhaseBuild, Text: "no"}}}}
	got, err := Merge([]Result{shard("./a", green, ""), shard("./b", &verdict.Verdict{Exit: 1}, "bundles/x"), other}, []string{"../1", "../2", "../3"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range got.Kernels {
		for _, r := range k.Runs {
			names = append(names, k.Name+" "+r.Package+" "+r.Bundle)
		}
	}
	if diff := cmp.Diff([]string{"6.12 ./a ", "6.12 ./b ../2/bundles/x"}, names); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if p := got.Kernels[0].Phase(verdict.PhaseTest); p.Elapsed != 4*ms {
		t.Errorf("TEST took %v, want the sum", p.Elapsed)
	}
	if len(got.Kernels) != 2 || got.Green() {
		t.Errorf("%d kernels, green %v", len(got.Kernels), got.Green())
	}
	// Nobody can tell which of two results of one cell counts.
	if _, err := Merge([]Result{shard("./a", green, ""), shard("./a", green, "")}, []string{"1", "2"}); err == nil || !strings.Contains(err.Error(), "two results") {
		t.Errorf("error %v", err)
	}
	// A shard on which the kernel failed keeps the merged kernel red.
	broken := other
	broken.Kernels[0].Name = "6.12"
	if got, err := Merge([]Result{shard("./a", green, ""), broken}, []string{"1", "2"}); err != nil || got.Green() {
		t.Errorf("green %v, error %v", got.Green(), err)
	}
}
