package kbuild

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// TestBuildTreeAtOnce has two kmodtests build one tree: one of them does.
func TestBuildTreeAtOnce(t *testing.T) {
	o := treeOptions(t, map[string]string{"Makefile": "obj-m := a.o b.o\n", "a.c": named("a", "", ""), "b.c": named("b", "", "")})
	var logs [2]bytes.Buffer
	var trees [2]Tree
	var errs [2]error
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			mine := o
			mine.Store = &cache.Store{Dir: o.Store.Dir}
			defer mine.Store.Close()
			mine.Log = &logs[i]
			trees[i], errs[i] = BuildTree(t.Context(), mine)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("build %d: %v", i, err)
		}
	}
	if diff := cmp.Diff(trees[0], trees[1]); diff != "" {
		t.Errorf("the two got different trees:\n%s", diff)
	}
	if n := strings.Count(logs[0].String()+logs[1].String(), "CC [M]"); n != 2 {
		t.Errorf("the compiler ran %d times for two modules:\n%s%s", n, &logs[0], &logs[1])
	}
}

// TestBuildTreeAgain changes things between two builds of a tree, one module of
// which takes a header from above.
func TestBuildTreeAgain(t *testing.T) {
	o := treeOptions(t, map[string]string{
		"Makefile": "obj-m := a.o b.o\n", "a.c": named("a", "", ""), "b.c": named("b", "", ""), "config.sh": "#!/bin/sh\n", "link": "-> a.c",
	})
	change := func(name, content string) func() {
		return func() { write(t, filepath.Join(o.Dir, name), content) }
	}
	tests := []struct {
		name   string
		change func()
		want   int // how many modules are compiled
	}{
		{"first", func() {}, 2},
		{"nothing", func() {}, 0},
		{"one file", change("a.c", named("a", "", "int x;")), 1},
		{"a makefile", change("Makefile", "obj-m := a.o b.o\n# more\n"), 2},
		{"another link", func() {
			if err := os.Remove(filepath.Join(o.Dir, "link")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("b.c", filepath.Join(o.Dir, "link")); err != nil {
				t.Fatal(err)
			}
		}, 2},
		{"the recipe", func() { o.Recipe.Args = []string{"X=1"} }, 2},
		{"what others export", func() {
			path := filepath.Join(t.TempDir(), "Module.symvers")
			write(t, path, "0x1\tsymbol\tother\tEXPORT_SYMBOL\n")
			o.Exports = []Tree{{Symvers: path}}
		}, 0}, // that is modpost's business, not the compiler's
	}
	for _, tt := range tests {
		tt.change()
		var log bytes.Buffer
		o.Log = &log
		tree, err := BuildTree(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff([]string{"a=a.ko", "b=b.ko"}, made(tree)); diff != "" {
			t.Errorf("%s: modules (-want +got):\n%s", tt.name, diff)
		}
		if compiled := strings.Count(log.String(), "CC [M]"); compiled != tt.want {
			t.Errorf("%s: compiled %d modules, want %d\n%s", tt.name, compiled, tt.want, &log)
		}
	}
}
