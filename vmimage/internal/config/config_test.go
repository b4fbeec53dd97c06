package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

const defaults = `[[kernel]]
series = "6.1"
suite = "bookworm-security"

[[kernel]]
series = "6.12"
suite = "bookworm-security"
tags = ["default"]

[[kernel]]
series = "6.12"
suite = "bookworm-security"
flavour = "generic"

[[kernel]]
series = "6.12"
suite = "bookworm-security"
profile = "debug"
config = ["CONFIG_DRM=m"]
`

// write writes a project with a module directory and returns its file.
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "mod"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, FileName)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	path := write(t, `
[[module]]
name = "m"
dir = "mod"
needs = ["CONFIG_NET_NS=y", "CONFIG_VETH=y|m"]

[[module]]
name = "p"
prebuilt = "p.ko"

[[tree]]
dir = "mod"
modules = ["all"]
subdir = "src"
before = ["./configure"]
make = ["CONFIG_X=m"]
target = "driver"

[tests]
packages = ["./tests"]
files = ["data", "/etc/hosts"]

[guest]
memory_mib = 256
cpus = 2
kernel_args = ["slub_debug=U"]
commands = ["./cmd/tool"]

[[allow]]
kind = "WARN"
match = "known"
kernels = "..5.10"
reason = "fixed in 5.11"
`)
	c, err := Load(path, []byte(defaults))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	want := &Config{
		Path: path, Dir: dir,
		Modules: []Module{
			{Name: "m", Dir: filepath.Join(dir, "mod"), Needs: []string{"CONFIG_NET_NS=y", "CONFIG_VETH=y|m"}},
			{Name: "p", Prebuilt: filepath.Join(dir, "p.ko")},
		},
		Trees: []Tree{{Dir: filepath.Join(dir, "mod"), Modules: []string{"all"},
			Build: Build{Subdir: "src", Before: []string{"./configure"}, Make: []string{"CONFIG_X=m"}, Target: "driver"}}},
		Tests: Tests{Packages: []string{"./tests"}, Files: []string{filepath.Join(dir, "data"), "/etc/hosts"}},
		Guest: Guest{MemoryMiB: 256, CPUs: 2, KernelArgs: []string{"slub_debug=U"}, Commands: []string{"./cmd/tool"}},
		Allow: []klog.Allow{{Kind: "WARN", Match: "known", Kernels: "..5.10", Reason: "fixed in 5.11", Pos: "kmodtest.toml:29"}},
		Kernels: []Kernel{
			{Series: "6.1", Suite: "bookworm-security"},
			{Series: "6.12", Suite: "bookworm-security", Tags: []string{"default"}},
			{Series: "6.12", Suite: "bookworm-security", Flavour: "generic"},
			{Series: "6.12", Suite: "bookworm-security", Profile: "debug", Config: []string{"CONFIG_DRM=m"}},
		},
	}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(klog.Allow{})); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestLoadErrors(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string // LINE: message, all of them
	}{
		{"syntax", "[[module]]\nname = m\n", []string{":2: "}},
		{"type", "[guest]\ncpus = \"two\"\n", []string{":2: guest.cpus: "}},
		{"key", "[tests]\npackage = []\n", []string{`:2: unknown key "tests.package" (did you mean "packages"?)`}},
		{"key unlike any", "[tests]\nzzz = 1\n", []string{`:2: unknown key "tests.zzz" (known are faults, files, needs, outputs, packages, skip_ok)`}},
		{"table", "[guests]\ncpus = 1\n", []string{`:1: unknown key "guests" (did you mean "guest"?)`}},
		{"module", "[[module]]\ndir = \"mod\"\n", []string{`:1: module: name ""`}},
		{"module twice", "[[module]]\nname = \"m\"\ndir = \"mod\"\n[[module]]\nname = \"m\"\ndir = \"mod\"\n", []string{":5: module m: named twice"}},
		{"module twice, with a dash", "[[module]]\nname = \"a-b\"\ndir = \"mod\"\n[[tree]]\ndir = \"mod\"\nmodules = [\"a_b\"]\n",
			[]string{":4: tree mod: module a_b: named twice"}},
		{"prebuilt with a recipe", "[[module]]\nname = \"m\"\nprebuilt = \"m.ko\"\nmake = [\"X=1\"]\n", []string{":1: module m: prebuilt, and said how to build"}},
		{"tree", "[[tree]]\nsubdir = \"..\"\nmodules = [\"all\", \"a\"]\nneeds = [\"NET\"]\n",
			[]string{":1: tree: no dir", `:1: tree : subdir ".." lies outside of dir`, "modules: all, and some", `needs "NET"`}},
		{"tree is none", "[[tree]]\ndir = \"x\"\n", []string{":1: tree: ", "is no directory"}},
		{"no dir", "[[module]]\nname = \"m\"\n", []string{":1: module m: no dir"}},
		{"dir and prebuilt", "[[module]]\nname = \"m\"\ndir = \"mod\"\nprebuilt = \"m.ko\"\n", []string{":4: module m: both dir and prebuilt"}},
		{"dir is none", "[[module]]\nname = \"m\"\ndir = \"x\"\n", []string{":3: module m: ", "is no directory"}},
		{"dir after a prebuilt module", "[[module]]\nname = \"p\"\nprebuilt = \"p.ko\"\n[[module]]\nname = \"m\"\ndir = \"x\"\n", []string{":6: module m: "}},
		{"dir after another table's", "[[module]]\nname = \"m\"\n\"dir\" = \"mod\"\n[[module]]\nname = \"n\"\n'dir'=\"x\"\n", []string{":6: module n: "}},
		{"key that is known elsewhere", "[guest]\ncpus = 1\n[tests]\ncpus = 1\n", []string{`:4: unknown key "tests.cpus"`}},
		{"key of the second entry", "[[kernel]]\nseries = \"6.1\"\nsuite = \"s\"\n[[kernel]]\nseries = \"6.12\"\nsuite = \"s\"\nflavor = \"cloud\"\n",
			[]string{`:7: unknown key "kernel.flavor" (did you mean "flavour"?)`}},
		{"second unknown key", "[tests]\nneeds = []\n# zzz = 1\nfiles = [\"zzz = 1\"]\nzzz = 1\n", []string{`:5: unknown key "tests.zzz"`}},
		{"inline tables", "module = [\n  {name = \"m\", dir = \"mod\"},\n  {name = \"n\", dir = \"x\"},\n]\n", []string{":3: module n: "}},
		{"dotted keys", "tests.files = []\nguest.cpus = -1\n", []string{":2: guest: negative cpus"}},
		{"text that looks like a table", "[tests]\nfiles = [\"\"\"\n[[allow]]\n\"\"\"]\n[[allow]]\nkind = \"WARN\"\n", []string{":5: allow: no reason"}},
		{"need of tests", "[tests]\nneeds = [\"CONFIG_VETH=n\"]\n", []string{`:2: tests: needs "CONFIG_VETH=n" is not of the form`}},
		{"need", "[[module]]\nname = \"m\"\ndir = \"mod\"\nneeds = [\"VETH\"]\n", []string{`:4: module m: needs "VETH" is not of the form`}},
		{"kernels", "[[kernel]]\nseries = \"6.1\"\n[[kernel]]\nseries = \"6.1\"\nsuite = \"s\"\n",
			[]string{":1: kernel 6.1: no suite", ":3: kernel 6.1: it stands on line 1 already"}},
		{"profile with a flavour", "[[kernel]]\nseries = \"6.1\"\nsuite = \"s\"\nflavour = \"cloud\"\nprofile = \"debug\"\n",
			[]string{":4: kernel 6.1-debug: flavour cloud and a profile: leave one of them out"}},
		{"unknown profile", "[[kernel]]\nseries = \"6.1\"\nsuite = \"s\"\nprofile = \"fast\"\n", []string{`:4: kernel 6.1-fast: profile "fast": known is debug`}},
		{"config", "[[kernel]]\nseries = \"6.1\"\nsuite = \"s\"\nprofile = \"debug\"\nconfig = [\"DRM=m\"]\n",
			[]string{`:5: kernel 6.1-debug: option "DRM=m" is not of the form CONFIG_X=y`}},
		{"config without a profile", "[[kernel]]\nseries = \"6.1\"\nsuite = \"s\"\nconfig = [\"CONFIG_DRM=m\"]\n", []string{":4: kernel 6.1: config without a profile"}},
		{"allow", "[[allow]]\nmatch = \"(\"\nkernels = \"new\"\n",
			[]string{":1: allow: match: ", "; kernels: parse kernel range \"new\"", "; no reason"}},
		{"allow all", "[[allow]]\nreason = \"so\"\n", []string{":1: allow: neither kind nor match"}},
		{"allow an unknown kind", "\n[[allow]]\nkind = \"WARNING\"\nreason = \"so\"\n", []string{":2: allow: kind: no kind is called \"WARNING\" (kinds: "}},
		{"guest", "[guest]\ncpus = -1\n", []string{":2: guest: negative cpus"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.text)
			_, err := Load(path, []byte(defaults))
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q lacks %q", err, w)
				}
			}
			var ce *Error
			if !errors.As(err, &ce) || ce.Path != path {
				t.Errorf("error %v names no file", err)
			}
		})
	}
}

func TestFind(t *testing.T) {
	path := write(t, "")
	deep := filepath.Join(filepath.Dir(path), "mod")
	if got, err := Find(deep); err != nil || got != path {
		t.Errorf("Find() = %q, %v, want %q", got, err, path)
	}
	if _, err := Find(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Find() error = %v, want %v", err, fs.ErrNotExist)
	}
}

func TestKernel(t *testing.T) {
	c, err := Default([]byte(defaults))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"": "6.12", "6.1": "6.1", "6.12-generic": "6.12-generic", "6.12-debug": "6.12-debug"} {
		if k, err := c.Kernel(name); err != nil || k.ID() != want {
			t.Errorf("Kernel(%q) = %s, %v, want %s", name, k.ID(), err, want)
		}
	}
	_, err = c.Kernel("4.4")
	if want := `unknown kernel "4.4": known are 6.1, 6.12, 6.12-generic, 6.12-debug, and dir:PATH and tree:PATH`; err == nil || err.Error() != want {
		t.Errorf("Kernel(4.4) error = %v, want %s", err, want)
	}
	if _, err := new(Config).Kernel(""); err == nil {
		t.Error("an empty list has a default")
	}
}

func TestShow(t *testing.T) {
	c := &Config{Dir: "/src/p"}
	for path, want := range map[string]string{"/src/p/kmod": "kmod", "/src/q": "/src/q", "/src/p": "."} {
		if got := c.Show(path); got != want {
			t.Errorf("Show(%s) = %s, want %s", path, got, want)
		}
	}
}
