package ktap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		tests      []Test
		problems   []string
	}{
		{"TAP", "TAP version 13\n1..3\nok 1 - a # b\nnot ok 2 second\nok 3 - third # SKIP no device\n", []Test{
			{Name: "a # b", Status: Pass}, {Name: "second", Status: Fail}, {Name: "third", Status: Skip, Reason: "no device"},
		}, nil},
		{"a plan at the end, no version", "1..2\nok\nnot ok - x # TODO later\n", []Test{
			{Name: "1", Status: Pass}, {Name: "x", Status: Skip, Reason: "later"},
		}, nil},
		{"everything skipped", "TAP version 13\n1..0 # SKIP no KVM\n", []Test{{Name: "all", Status: Skip, Reason: "no KVM"}}, nil},
		// From Documentation/dev-tools/ktap.rst.
		{"KTAP with subtests", `KTAP version 1
1..1
  KTAP version 1
  1..3
    KTAP version 1
    1..1
    # test_1: initializing test_1
    ok 1 test_1
  ok 1 example_test_1
    KTAP version 1
    1..2
    ok 1 test_1 # SKIP test_1 skipped
    ok 2 test_2
  ok 2 example_test_2
    KTAP version 1
    1..3
    ok 1 test_1
    # test_2: FAIL
    not ok 2 test_2
    ok 3 test_3 # SKIP test_3 skipped
  not ok 3 example_test_3
not ok 1 main_test
`, []Test{
			{Name: "main_test/example_test_1/test_1", Status: Pass},
			{Name: "main_test/example_test_1", Status: Pass},
			{Name: "main_test/example_test_2/test_1", Status: Skip, Reason: "test_1 skipped"},
			{Name: "main_test/example_test_2/test_2", Status: Pass},
			{Name: "main_test/example_test_2", Status: Pass},
			{Name: "main_test/example_test_3/test_1", Status: Pass},
			{Name: "main_test/example_test_3/test_2", Status: Fail},
			{Name: "main_test/example_test_3/test_3", Status: Skip, Reason: "test_3 skipped"},
			{Name: "main_test/example_test_3", Status: Fail},
			{Name: "main_test", Status: Fail},
		}, nil},
		// As tools/testing/selftests/kselftest/runner.sh prints.
		{"kselftest", `TAP version 13
1..2
# selftests: net: a.sh
# TAP version 13
# 1..1
# ok 1 inner
ok 1 selftests: net: a.sh
# selftests: net: b.sh
not ok 2 selftests: net: b.sh # TIMEOUT 45 seconds
`, []Test{
			{Name: "selftests: net: a.sh/inner", Status: Pass},
			{Name: "selftests: net: a.sh", Status: Pass},
			{Name: "selftests: net: b.sh", Status: Fail, Reason: "45 seconds"},
		}, nil},
		{"one after the other", "KTAP version 1\n1..1\nok 1 a\nKTAP version 1\n1..2\nok 1 b\nok 2 c\n", []Test{
			{Name: "a", Status: Pass}, {Name: "b", Status: Pass}, {Name: "c", Status: Pass},
		}, nil},
		{"the first of two stops", "KTAP version 1\n1..2\nKTAP version 1\n1..1\nok 1 b\n", []Test{{Name: "b", Status: Pass}}, []string{"2 tests were planned, 0 ended"}},
		{"stops half-way", "TAP version 13\n1..3\nok 1 a\n", []Test{{Name: "a", Status: Pass}}, []string{"3 tests were planned, 1 ended"}},
		{"no plan", "TAP version 13\nok 1 a\n", []Test{{Name: "a", Status: Pass}}, []string{"there is no plan: nobody knows whether 1 tests are all"}},
		{"bails out", "1..3\nok 1 a\nBail out! no memory\n", []Test{{Name: "a", Status: Pass}}, []string{"it bailed out: no memory"}},
		{"a number is missing", "1..2\nok 1 a\nok 3 c\n", []Test{{Name: "a", Status: Pass}, {Name: "c", Status: Pass}}, []string{"test 3 follows test 1"}},
		{"two plans", "1..1\n1..1\nok 1 a\n", []Test{{Name: "a", Status: Pass}}, []string{"a second plan, or none that counts: 1..1"}},
		{"too many", "1..1\nok 1 a\nok 2 b\n", []Test{{Name: "a", Status: Pass}, {Name: "b", Status: Pass}}, []string{"1 tests were planned, 2 ended"}},
		{"ok with a failed subtest", "1..1\n    1..1\n    not ok 1 in\nok 1 out\n", []Test{{Name: "out/in", Status: Fail}, {Name: "out", Status: Pass}}, []string{"out is ok, but out/in is not"}},
		{"a header and nothing", "TAP version 13\n", nil, []string{"it has no test"}},
	} {
		got := Parse(tc.text)
		if diff := cmp.Diff(tc.tests, got.Tests, cmpopts.IgnoreFields(Test{}, "Output")); diff != "" {
			t.Errorf("%s: tests (-want +got):\n%s", tc.name, diff)
		}
		if diff := cmp.Diff(tc.problems, got.Problems); diff != "" {
			t.Errorf("%s: problems (-want +got):\n%s", tc.name, diff)
		}
		if !got.Found {
			t.Errorf("%s: not taken for TAP", tc.name)
		}
	}
}

// Other output is none of it, whatever words it has.
func TestOther(t *testing.T) {
	for _, text := range []string{"", "ok then\n", "not ok, but so what\n", "all is ok\nok\n"} {
		if got := Parse(text); got.Found || len(got.Tests) > 0 || len(got.Problems) > 0 {
			t.Errorf("%q was taken for TAP: %+v", text, got)
		}
	}
}

func TestOutput(t *testing.T) {
	got := Parse("1..2\nbefore\n# a comment\nok 1 a\nnot ok 2 b\nafter\n")
	want := []Test{{Name: "a", Status: Pass, Output: "before\n# a comment\n"}, {Name: "b", Status: Fail}}
	if diff := cmp.Diff(want, got.Tests); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("TAP version 13\n1..2\n    # Subtest: x\n    1..1\n    ok 1 - y\nok 1 - x # SKIP\n# not ok 2\nBail out!\n")
	f.Fuzz(func(t *testing.T, text string) { Parse(text) })
}
