package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// A run goes on where the one before was killed, and tries again whom that accused.
func TestTally(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a", "6.66.jsonl")
	first, err := openTally(file, "6.66", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []result{
		{Module: "a", Outcome: clean}, {Module: "b", Outcome: accused, Text: "left"}, {Module: "c", Outcome: refused},
		{Module: "d", Outcome: untried}, {Module: "b", Outcome: accused, Text: "left again"},
	} {
		if err := first.add(r); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("{\"release\":\"5.5\",\"module\":\"e\",\"outcome\":\"clean\"}\n{\"release\":\"6.66\",\"mod")
	if cerr := f.Close(); err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
	names := []string{"a", "b", "c", "d", "e"}
	next, err := openTally(file, "6.66", false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b", "d", "e"}, next.due(names)); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	var out strings.Builder
	if !next.report(&out, names) || !strings.HasPrefix(out.String(), "6.66: 5 modules: 1 clean 1 refused 0 permanent 0 guilty 0 excluded 0 accused 0 untried 3 left;") {
		t.Errorf("a run that is not over is green, or says %q", out.String())
	}
	for _, n := range []string{"b", "d", "e"} {
		if err := next.add(result{Module: n, Outcome: clean}); err != nil {
			t.Fatal(err)
		}
	}
	if next.report(&out, names) {
		t.Errorf("all are clean, and it is red: %s", out.String())
	}
	if again, err := openTally(file, "6.66", true); err != nil || len(again.due(names)) != len(names) {
		t.Errorf("a fresh run has old outcomes: %v", err)
	}
}

// The parts of all shards are the whole, of a sample, too.
func TestChoose(t *testing.T) {
	all := strings.Split("abcdefghijklmnopq", "")
	for _, sample := range []int{0, 1, 3} {
		every := regexp.MustCompile("[^bq]")
		whole := choose(all, every, matrix.Shard{}, sample)
		var parts []string
		for i := range 4 {
			parts = append(parts, choose(all, every, matrix.Shard{Index: i + 1, Count: 4}, sample)...)
		}
		if got, want := strings.Join(parts, ""), strings.Join(whole, ""); len(got) != len(want) || strings.ContainsFunc(want, func(r rune) bool { return !strings.ContainsRune(got, r) }) {
			t.Errorf("sample %d: the shards have %q, want %q", sample, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	const leak = "after unload of module x there is still: vmalloc area 8192 bytes"
	for _, tc := range []struct {
		release, name string
		state         verdict.State
		output        string
		want          outcome
	}{
		{"6.12.1", "x", verdict.Pass, "", clean},
		{"6.12.1", "x", verdict.Pass, "refused: no such device", refused},
		{"6.12.1", "x", verdict.Fail, "unload module x: EWOULDBLOCK", permanent},
		{"6.12.1", "x", verdict.Fail, "module x is gone, but something still points to it: a points to b", accused},
		{"5.10.0-46-cloud-amd64", "raw", verdict.Fail, leak, guilty},
		{"6.12.1", "raw", verdict.Fail, leak, accused},
		{"5.10.0-46-cloud-amd64", "drawer", verdict.Fail, leak, accused},
	} {
		if r := judge(tc.release, tc.name, verdict.TestResult{State: tc.state, Output: tc.output}); r.Outcome != tc.want {
			t.Errorf("%s on %s, %v %q: %s, want %s", tc.name, tc.release, tc.state, tc.output, r.Outcome, tc.want)
		}
	}
}
