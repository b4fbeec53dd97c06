package kbuild

import (
	"path/filepath"
	"slices"
	"testing"
)

// An instrumented build has its own options, header and place in the cache, and
// keeps what the compiler leaves; the plain build does not know of it.
func TestInstrument(t *testing.T) {
	o := treeOptions(t, map[string]string{
		"Makefile": "obj-m := m.o\n",
		"m.c":      named("m", "", "#if defined(HEADER) != defined(FLAG)\n#error\n#endif\nint f(int a) { return a ? 1 : 2; }"),
	})
	plain, err := BuildTree(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var kernel []string
	o.Recipe.Instrument = &Instrument{
		ID: "test 1", Keep: "*.gcno", Header: "#define HEADER\n",
		CFlags: func(dirs []string) []string {
			kernel = dirs
			return []string{"-DFLAG=it's $1 #", "-ftest-coverage"}
		},
	}
	watched, err := BuildTree(t.Context(), o)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	p, w := plain.Modules[0], watched.Modules[0]
	if p.Path == w.Path || p.Kept != "" || p.Built != "" {
		t.Errorf("the plain module is %+v", p)
	}
	if !fileExists(filepath.Join(w.Kept, "m.gcno")) || w.Built == "" {
		t.Errorf("the instrumented module is %+v", w)
	}
	if !slices.Contains(kernel, o.Kernel.SourceDir) {
		t.Errorf("the kernel's directories are %q", kernel)
	}
	o.Recipe.Instrument.ID = "test 2"
	again, err := BuildTree(t.Context(), o)
	if err != nil || again.Modules[0].Path == w.Path {
		t.Errorf("another kind of instrumentation: %v, %v", again.Modules, err)
	}
}
