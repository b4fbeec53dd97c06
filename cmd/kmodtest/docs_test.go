package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage"
)

var updateDocs = flag.Bool("update", false, "write the generated parts of docs/")

// The marks around what is generated.
const (
	docBegin = "<!-- settings:begin -->"
	docEnd   = "<!-- settings:end -->"
)

func quietApp() *app {
	return &app{stdout: new(bytes.Buffer), stderr: new(bytes.Buffer), env: func(string) string { return "" }, commands: commands()}
}

// docs/settings.md shows the table of settings.
func TestSettingsPage(t *testing.T) {
	const name = "../../docs/settings.md"
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), docBegin)
	got, foot, closed := strings.Cut(rest, docEnd)
	if !ok || !closed {
		t.Fatalf("%s lacks its marks", name)
	}
	var want bytes.Buffer
	want.WriteString("\n\n")
	settingsTable(&want)
	want.WriteString("\n")
	if *updateDocs {
		if err := os.WriteFile(name, []byte(head+docBegin+want.String()+docEnd+foot), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("%s (-table +page); go test ./cmd/kmodtest -run TestSettingsPage -update writes it:\n%s", name, diff)
	}
}

// Verbs of the table are commands, and each command takes what the table says.
func TestTableAndCommands(t *testing.T) {
	a := quietApp()
	all, err := describeCommands(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		for _, s := range vmimage.Table() {
			takes := slices.ContainsFunc(d.flags, func(f *flag.Flag) bool { return f.Name == s.Name })
			if want := slices.Contains(s.Verbs, d.name); takes != want {
				t.Errorf("kmodtest %s takes -%s: %v, the table says %v", d.name, s.Name, takes, want)
			}
		}
	}
	for _, s := range vmimage.Table() {
		for _, v := range s.Verbs {
			if v != "dev" && !slices.ContainsFunc(all, func(d described) bool { return d.name == v }) {
				t.Errorf("-%s is for %s, which is no command", s.Name, v)
			}
		}
	}
}

// What bash completes with the script.
func TestBashCompletion(t *testing.T) {
	a := quietApp()
	all, err := describeCommands(a)
	if err != nil {
		t.Fatal(err)
	}
	var script bytes.Buffer
	bashCompletion(&script, all)
	tests := []struct{ line, want string }{
		{"ma", "matrix man"},
		{"test -kern", "-kernel -kernel-args"},
		{"test ./main", ""},
		{"cache -kernel", ""},
	}
	for _, tt := range tests {
		words := strings.Fields("kmodtest " + tt.line)
		cmd := exec.Command("bash", "-c", script.String()+`COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _kmodtest; echo "${COMPREPLY[*]}"`, "bash")
		cmd.Args = append(cmd.Args, words...)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != tt.want {
			t.Errorf("%q completes to %q, want %q (%v)", tt.line, got, tt.want, err)
		}
	}
}

// Nothing in the page is taken for a request of roff's.
func TestManPage(t *testing.T) {
	a := quietApp()
	all, err := describeCommands(a)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	manPage(&b, all)
	request := regexp.MustCompile(`^\.(TH|SH|SS|TP|B|I|nf|fi)\b`)
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, ".") && !request.MatchString(line) {
			t.Errorf("line %q", line)
		}
	}
	for _, want := range []string{`.SS "kmodtest test `, `\fB\-kernel\fR \fIkernel\fR`, ".B KMODTEST_OFFLINE"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
