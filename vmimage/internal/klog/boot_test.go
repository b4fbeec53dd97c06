package klog

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// seriesLine is where kmodtest.toml names a kernel.
var seriesLine = regexp.MustCompile(`(?m)^series = "(.+)"$`)

// TestGoldenBoots: an ordinary boot of every kernel in kmodtest.toml, from
// banner to power-off, yields nothing, neither from the console nor as records.
func TestGoldenBoots(t *testing.T) {
	b, err := os.ReadFile("../../../kmodtest.toml")
	if err != nil {
		t.Fatal(err)
	}
	var series []string
	for _, m := range seriesLine.FindAllSubmatch(b, -1) {
		series = append(series, string(m[1]))
	}
	series = slices.Compact(slices.Sorted(slices.Values(series)))
	if len(series) < 5 {
		t.Fatalf("kmodtest.toml names few kernels: %v", series)
	}
	goldens := readGoldens(t)
	for _, s := range series {
		for _, name := range []string{s + "-boot.txt", s + "-boot-kmsg.txt"} {
			i := slices.IndexFunc(goldens, func(g golden) bool { return g.path == "testdata/"+name })
			if i < 0 {
				t.Errorf("no boot of kernel %s in testdata/%s", s, name)
				continue
			}
			checkBoot(t, goldens[i], s)
		}
	}
}

func checkBoot(t *testing.T, g golden, series string) {
	t.Helper()
	recs := g.records(t)
	has := func(text string) bool {
		return slices.ContainsFunc(recs, func(r Record) bool { return strings.HasPrefix(r.Text, text) })
	}
	for _, text := range []string{"Linux version " + series + ".", "Run /init as init process"} {
		if !has(text) {
			t.Errorf("%s: no %q in it", g.path, text)
		}
	}
	if !bytes.Contains(g.log, []byte("reboot: ")) && !slices.Contains(g.about, "FORMAT: kmsg") {
		t.Errorf("%s: the log ends before the machine does", g.path)
	}
	for _, f := range Scan(recs) {
		t.Errorf("%s: an ordinary boot yields %s: %s", g.path, f.Kind, f.Title)
	}
}
