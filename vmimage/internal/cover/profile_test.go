package cover

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// profile is one of a file whose lines ran as counts say.
func profile(release string, tests []string, branches []uint64, counts map[int]uint64) Profile {
	f := &File{Lines: map[int]*Line{}, Funcs: []Func{{Name: "f", Start: 1, End: 9, Count: counts[1]}}}
	for n, c := range counts {
		l := &Line{Count: c, Kernels: []string{release}}
		if c > 0 {
			l.Tests = tests
		}
		if n == 2 {
			l.Branches = branches
		}
		f.line(n, l)
	}
	return Profile{Module: "m", Kernels: []string{release}, Files: map[string]*File{"/src/m.c": f}}
}

func TestMerge(t *testing.T) {
	got := Merge([]Profile{
		profile("5.10", []string{"TestA"}, []uint64{1, 0}, map[int]uint64{1: 1, 2: 1, 3: 0}),
		profile("5.10", []string{"TestB"}, []uint64{0, 2}, map[int]uint64{1: 2, 2: 2, 3: 2}),
		// Another compiler has other lines, and sees another number of ways.
		profile("7.3", nil, []uint64{0, 0, 1}, map[int]uint64{1: 1, 2: 1, 4: 0}),
	})
	want := []Profile{{Module: "m", Kernels: []string{"5.10", "7.3"}, Files: map[string]*File{"/src/m.c": {
		Funcs: []Func{{Name: "f", Start: 1, End: 9, Count: 4}},
		Lines: map[int]*Line{
			1: {Count: 4, Kernels: []string{"5.10", "7.3"}, Ran: []string{"5.10", "7.3"}, Tests: []string{"TestA", "TestB"}},
			2: {Count: 4, Branches: []uint64{0, 0, 1}, Kernels: []string{"5.10", "7.3"}, Ran: []string{"5.10", "7.3"}, Tests: []string{"TestA", "TestB"}},
			3: {Count: 2, Kernels: []string{"5.10"}, Ran: []string{"5.10"}, Tests: []string{"TestB"}},
			4: {Kernels: []string{"7.3"}},
		},
	}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	if s := got[0].Summary(); s != "coverage: 75.0 % of lines of m" {
		t.Errorf("summary %q", s)
	}
	if diff := cmp.Diff([]string{"m.c:4"}, got[0].Missed("/src")); diff != "" {
		t.Errorf("missed (-want +got):\n%s", diff)
	}
}

func TestWriteLCOV(t *testing.T) {
	var b strings.Builder
	p := profile("6.12", nil, []uint64{3, 0}, map[int]uint64{1: 3, 2: 3, 7: 0})
	if err := WriteLCOV(&b, []Profile{p}); err != nil {
		t.Fatal(err)
	}
	const want = `TN:m
SF:/src/m.c
FN:1,f
FNDA:3,f
FNF:1
FNH:1
BRDA:2,0,0,3
BRDA:2,0,1,0
BRF:2
BRH:1
DA:1,3
DA:2,3
DA:7,0
LF:3
LH:2
end_of_record
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("tracefile (-want +got):\n%s", diff)
	}
}

func TestAdded(t *testing.T) {
	const diff = `diff --git a/m.c b/m.c
--- a/m.c
+++ b/m.c
@@ -3 +3,2 @@ int f(void)
-	return 0;
+	g();
+	return 1;
@@ -20,2 +21,0 @@ int h(void)
-	g();
-	g();
@@ -30,0 +30 @@ int i(void)
+	g();
`
	changed := map[string][]int{"/src/m.c": added(diff)}
	if diff := cmp.Diff([]int{3, 4, 30}, changed["/src/m.c"]); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	p := profile("6.12", nil, nil, map[int]uint64{3: 1, 4: 0, 5: 0})
	if diff := cmp.Diff([]Place{{"/src/m.c", 4}}, MissedOf([]Profile{p}, changed)); diff != "" {
		t.Errorf("missed (-want +got):\n%s", diff)
	}
}

func TestWritePage(t *testing.T) {
	p := profile("6.12", []string{"TestA"}, []uint64{3, 0}, map[int]uint64{1: 3, 2: 3, 7: 0})
	var b strings.Builder
	if err := WritePage(&b, []Profile{p}, "/src", nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"m 66.7 %", "m.c", "its source cannot be shown"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	lines := source("int f(int a)\n\tif (a)\n", p.Files["/src/m.c"], 1, []int{2})
	want := []pageLine{
		{Number: 1, Count: "3", Text: "int f(int a)", State: "ran", Title: "ran in TestA"},
		{Number: 2, Count: "3", Text: "\tif (a)", State: "partly changed", Title: "ran in TestA"},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}
}
