package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/report"
)

// readmeKernels reads kernel and suite from the table of a README.
func readmeKernels(name string) ([]string, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	_, rest, ok := strings.Cut(string(b), readmeBegin)
	table, _, closed := strings.Cut(rest, readmeEnd)
	if !ok || !closed {
		return nil, fmt.Errorf("%s has no matrix between %s and %s", name, readmeBegin, readmeEnd)
	}
	var all []string
	for line := range strings.Lines(strings.TrimSpace(table)) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || strings.Contains(line, "---") || strings.TrimSpace(cells[1]) == "kernel" {
			continue
		}
		all = append(all, strings.TrimSpace(cells[1])+" "+strings.TrimSpace(cells[3]))
	}
	return all, nil
}

func TestUpdateReadme(t *testing.T) {
	name := filepath.Join(t.TempDir(), "README.md")
	write := func(s string) {
		if err := os.WriteFile(name, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := report.Result{Kernels: []report.Kernel{{Name: "5.10", Suite: "old"}, {Name: "6.12", Suite: "stable"}}}
	write("# x\n" + readmeBegin + "\nold\n" + readmeEnd + "\nrest\n")
	for range 2 { // the second time changes nothing
		if err := updateReadme(name, r); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); !strings.HasPrefix(s, "# x\n") || !strings.HasSuffix(s, readmeEnd+"\nrest\n") || strings.Contains(s, "old\n"+readmeEnd) {
		t.Errorf("README:\n%s", s)
	}
	got, err := readmeKernels(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"5.10 old", "6.12 stable"}, got); diff != "" {
		t.Errorf("kernels (-want +got):\n%s", diff)
	}
	write("# no marks\n")
	if err := updateReadme(name, r); err == nil {
		t.Error("a README without marks is no error")
	}
}
