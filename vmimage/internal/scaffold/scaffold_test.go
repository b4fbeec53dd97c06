package scaffold

import (
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
)

const kernels = "[[kernel]]\nseries = \"6.12\"\nsuite = \"s\"\n"

// unpack makes the files of an archive.
func unpack(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "my module")
	for _, f := range txtar.Parse([]byte(text)).Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Each shape of a repository gets a configuration that can be read, and a test that
// is formatted; a second time nothing changes.
func TestInit(t *testing.T) {
	tests := map[string]struct {
		files       string
		tree        config.Tree
		has, hasNot []string // of the test
	}{
		"one file": {
			"-- Makefile --\nobj-m := one.o\n-- one.c --\nmodule_param(n, int, 0);\n",
			config.Tree{Dir: "."}, []string{"TestLoad", "TestParameters"}, []string{"TestFamilies", "genetlink"},
		},
		"folder": {
			"-- README --\n-- src/Kbuild --\nobj-$(CONFIG_X) += x.o\n-- src/x.c --\ngenl_register_family(&f);\n-- go.mod --\nmodule x\n",
			config.Tree{Dir: "src"}, []string{"TestFamilies", "genetlink.Dial"}, []string{"TestParameters"},
		},
		"dkms": {
			"-- dkms.conf --\nPACKAGE_NAME=x\n-- configure --\n-- src/x.c --\n",
			config.Tree{Dir: "."}, []string{"TestLoad"}, nil,
		},
		"configure": {
			"-- configure --\n-- Makefile.in --\n-- ext/Kbuild --\nobj-m += a.o b.o\n",
			config.Tree{Dir: ".", Build: config.Build{Before: []string{"./configure"}}}, []string{"TestLoad"}, nil,
		},
		"tree": {
			"-- Makefile --\nall:\n\tmake -C a\n-- a/Makefile --\nobj-m += a.o\n-- b/Makefile --\nobj-m += b.o\n",
			config.Tree{Dir: "."}, []string{"TestLoad"}, nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := unpack(t, tt.files)
			if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil {
				t.Fatal(err)
			}
			o := Options{Dir: dir, Go: "1.26.0"}
			if _, _, err := Init(o); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(filepath.Join(dir, config.FileName), []byte(kernels))
			if err != nil {
				t.Fatal(err)
			}
			tt.tree.Dir = filepath.Join(dir, tt.tree.Dir)
			if diff := cmp.Diff([]config.Tree{tt.tree}, c.Trees); diff != "" {
				t.Errorf("trees (-want +got):\n%s", diff)
			}
			code := read(t, filepath.Join(dir, "kmodtest/module_test.go"))
			pretty, err := format.Source([]byte(code))
			if err != nil {
				t.Fatalf("the test is no Go: %v\n%s", err, code)
			}
			if diff := cmp.Diff(string(pretty), code); diff != "" {
				t.Errorf("the test is not formatted (-want +got):\n%s", diff)
			}
			for _, s := range tt.has {
				if !strings.Contains(code, s) {
					t.Errorf("the test lacks %s", s)
				}
			}
			for _, s := range tt.hasNot {
				if strings.Contains(code, s) {
					t.Errorf("the test has %s", s)
				}
			}
			if w := read(t, filepath.Join(dir, ".github/workflows/kmodtest.yml")); !strings.Contains(w, `folder: "."`) || !strings.Contains(w, "${{ matrix.command }}") {
				t.Errorf("workflow:\n%s", w)
			}
			if mod := read(t, filepath.Join(dir, "go.mod")); name != "folder" && mod != "module my-module\n\ngo 1.26.0\n" {
				t.Errorf("go.mod:\n%s", mod)
			}
			own := filepath.Join(dir, "kmodtest/module_test.go")
			if err := os.WriteFile(own, []byte("mine"), 0o644); err != nil {
				t.Fatal(err)
			}
			again, _, err := Init(o)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range again {
				if !f.Kept {
					t.Errorf("%s was written a second time", f.Path)
				}
			}
			if read(t, own) != "mine" {
				t.Error("the user's file was overwritten")
			}
		})
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestInitErrors(t *testing.T) {
	tests := map[string]struct{ files, want string }{
		"nothing":        {"-- README --\n", "neither it nor a folder in it"},
		"only programs":  {"-- Makefile --\nall:\n\tcc x.c\n", "neither it nor a folder in it"},
		"several":        {"-- a/Kbuild --\nobj-m += a.o\n-- b/Kbuild --\nobj-m += b.o\n", "several folders in it can be built, a, b"},
		"commented away": {"-- Kbuild --\n# obj-m += a.o\n", "neither it nor a folder in it"},
	}
	for name, tt := range tests {
		dir := unpack(t, tt.files)
		if _, _, err := Init(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if _, err := os.Stat(filepath.Join(dir, config.FileName)); err == nil {
			t.Errorf("%s: a configuration was written", name)
		}
	}
}
