package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"

	"github.com/kmodtest/kmodtest/vmimage"
)

// The table of the repository says something about everything in it.
func TestTable(t *testing.T) {
	if _, err := Read("../../../../tests/suites/suites.toml"); err != nil {
		t.Error(err)
	}
}

// What of this machine's environment changes tests stays here, and what the suite asks
// for does not.
func TestConfig(t *testing.T) {
	s := Suite{Guest: map[string]any{"memory_mib": 512, "env": map[string]any{"CI": "true"}}, ByKernel: map[string]map[string]any{"6.12": {"memory_mib": 1024}}}
	b, err := s.config("6.12")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Guest struct {
			Memory int            `toml:"memory_mib"`
			Env    map[string]any `toml:"env"`
		} `toml:"guest"`
	}
	if err := toml.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if e := got.Guest.Env; got.Guest.Memory != 1024 || e["CI"] != "true" || e["GOMAXPROCS"] != false {
		t.Errorf("configuration:\n%s", b)
	}
}

func TestCompare(t *testing.T) {
	s := Suite{
		Module: "m", Passes: map[string]int{"6.12": 2},
		Not: []Not{
			{Tests: []string{"TestSkips"}, State: "skip", Why: "x"},
			{Tests: []string{"TestFails"}, State: "fail", Kernels: []string{"6.12"}, Why: "x"},
			{Tests: []string{"TestElsewhere"}, State: "fail", Kernels: []string{"5.10"}, Why: "x"},
			{Tests: []string{"TestHangs"}, State: leftOut, Why: "x"},
		},
	}
	// Two packages may have a test of one name.
	two := Suite{Passes: map[string]int{"6.12": 1}, Not: []Not{{Tests: []string{"link.TestX"}, State: "skip", Why: "x"}}}
	wrong, _ := two.Compare("6.12", []vmimage.Verdict{
		{Binary: "ebpf.test", Tests: []vmimage.TestResult{{Name: "TestX", State: "pass"}}},
		{Binary: "link.test", Tests: []vmimage.TestResult{{Name: "TestX", State: "skip"}}},
	})
	if len(wrong) > 0 {
		t.Errorf("tests of one name: %v", wrong)
	}
	test := func(name, state string) vmimage.TestResult { return vmimage.TestResult{Name: name, State: state} }
	good := []vmimage.TestResult{test("TestA", "pass"), test("TestA/sub", "pass"), test("TestB", "pass"), test("TestB/sub", "fail"), test("TestSkips", "skip"), test("TestFails", "fail")}
	for _, tc := range []struct {
		name  string
		tests []vmimage.TestResult
		want  []string
	}{
		{"as it is known", good, nil},
		{"one more fails, one fewer ran", append(good[2:5:5], test("TestNew", "fail")), []string{
			"1 tests pass, the table has 2", "TestFails: it did not run, the table has fail", "TestNew: fail, and the table does not say why",
		}},
		{"one is mended", append(good[:5:5], test("TestFails", "pass")), []string{"3 tests pass, the table has 2", "TestFails: pass, the table has fail"}},
		{"nothing ran", nil, []string{
			"0 tests pass, the table has 2", "TestFails: it did not run, the table has fail", "TestSkips: it did not run, the table has skip",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, _ := s.Compare("6.12", []vmimage.Verdict{{Tests: tc.tests}})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}
