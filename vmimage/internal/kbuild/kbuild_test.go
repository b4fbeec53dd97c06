package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// fakeHeaders is a kbuild of twenty lines: it compiles main.c of M= into
// NAME.ko, says what it compiles, and compiles only what changed.
const fakeHeaders = `
.DELETE_ON_ERROR:
modules: $(M)/$(shell sed -n 's/^obj-m := \(.*\).o/\1/p' $(M)/Kbuild).ko
	@echo "flags: $(KCFLAGS)"
$(M)/%.ko: $(M)/main.c $(M)/Kbuild
	@echo "  CC [M]  $(M)/main.o" && cd $(M) && $(CC) $(KCFLAGS) -Wall -g -c -o $@ $(M)/main.c
`

const fakeRelease = "6.66.1-test"

func fakeKernel(t *testing.T) kernel.Kernel {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Makefile"), fakeHeaders)
	write(t, filepath.Join(dir, ".config"), "CONFIG_NET=y\nCONFIG_VIRTIO=m\n# CONFIG_KASAN is not set\nCONFIG_HZ=250\nCONFIG_CC_VERSION_TEXT=\"gcc\"\n")
	return kernel.Kernel{Release: fakeRelease, SourceDir: dir, BuildDir: dir, Config: filepath.Join(dir, ".config"),
		Digest: "digest", Toolchain: kernel.Toolchain{CC: "gcc"}}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// source is a module for release; extra is more C.
func source(release, extra string) string {
	return fmt.Sprintf(`char info[] __attribute__((section(".modinfo"))) =
	"vermagic=%s SMP mod_unload\0name=tiny\0license=GPL\0depends=virtio,9pnet\0srcversion=ABC\0parmtype=count:int";
const char *file = __FILE__;
%s
`, release, extra)
}

// options is a build of a new source directory, which has a blank and a
// quote in its name: users have such directories.
func options(t *testing.T) Options {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "it's my module")
	write(t, filepath.Join(dir, "Kbuild"), "obj-m := tiny.o\n")
	write(t, filepath.Join(dir, "main.c"), source(fakeRelease, ""))
	store := &cache.Store{Dir: filepath.Join(t.TempDir(), "store")}
	t.Cleanup(func() { store.Close() })
	return Options{Kernel: fakeKernel(t), Name: "tiny", SourceDir: dir, Store: store}
}

// compiled runs Build and tells whether the compiler ran.
func compiled(t *testing.T, o Options) (Module, string, bool) {
	t.Helper()
	var log bytes.Buffer
	o.Log = &log
	m, err := Build(t.Context(), o)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	return m, log.String(), strings.Contains(log.String(), "CC [M]")
}

func TestBuild(t *testing.T) {
	o := options(t)
	m, log, ran := compiled(t, o)
	if !ran {
		t.Errorf("the compiler did not run:\n%s", log)
	}
	if m.Name != "tiny" || m.Vermagic != fakeRelease+" SMP mod_unload" || m.Srcversion != "ABC" || strings.Join(m.Depends, " ") != "virtio 9pnet" {
		t.Errorf("module is %+v", m)
	}
	guest, err := Inspect(m.Path)
	if err != nil || guest.HasDebug {
		t.Errorf("the guest's copy has debug information: %v, %v", guest.HasDebug, err)
	}
	debug, err := Inspect(m.Debug)
	if err != nil || !debug.HasDebug {
		t.Errorf("the debug copy has none: %v", err)
	}
	// Debug information and __FILE__ name the user's file, not the copy's.
	data, err := os.ReadFile(m.Debug)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(filepath.Join(o.SourceDir, "main.c"))) || bytes.Contains(data, []byte(o.Store.Dir)) {
		t.Error("the module names another source file than the user's")
	}
	if text, err := os.ReadFile(m.Log); err != nil || string(text) != log {
		t.Errorf("kept log: %v\n%s", err, text)
	}
	if left, _ := filepath.Glob(filepath.Join(o.SourceDir, "*")); len(left) != 2 {
		t.Errorf("the user's directory holds %q", left)
	}
}

func TestBuildAgain(t *testing.T) {
	o := options(t)
	first, _, _ := compiled(t, o)
	tests := []struct {
		name   string
		change func(o *Options)
		ran    bool
	}{
		{"nothing changed", func(o *Options) {}, false},
		{"touched", func(o *Options) {
			now := time.Now().Add(time.Hour)
			os.Chtimes(filepath.Join(o.SourceDir, "main.c"), now, now)
		}, false},
		{"objects beside the sources", func(o *Options) { write(t, filepath.Join(o.SourceDir, "main.o"), "x") }, false},
		{"source edited", func(o *Options) { write(t, filepath.Join(o.SourceDir, "main.c"), source(fakeRelease, "int x;")) }, true},
		{"edited back, older than the object", func(o *Options) {
			write(t, filepath.Join(o.SourceDir, "main.c"), source(fakeRelease, "int y;"))
			old := time.Now().Add(-time.Hour)
			os.Chtimes(filepath.Join(o.SourceDir, "main.c"), old, old)
		}, true},
		{"file added", func(o *Options) { write(t, filepath.Join(o.SourceDir, "more.h"), "") }, true},
		{"kernel changed", func(o *Options) { o.Kernel.Digest = "another" }, true},
		{"flags changed", func(o *Options) { o.ExtraCFlags = []string{"-DX"} }, true},
		{"all as it was", func(o *Options) {
			o.Kernel.Digest, o.ExtraCFlags = "digest", nil
			os.Remove(filepath.Join(o.SourceDir, "more.h"))
			write(t, filepath.Join(o.SourceDir, "main.c"), source(fakeRelease, ""))
		}, false},
	}
	for _, tt := range tests {
		tt.change(&o)
		if _, log, ran := compiled(t, o); ran != tt.ran {
			t.Errorf("%s: compiled %v, want %v\n%s", tt.name, ran, tt.ran, log)
		}
	}
	if last, _, _ := compiled(t, o); last.Digest != first.Digest || last.Path != first.Path {
		t.Error("the same sources made another module")
	}
}

// TestBuildAfterKill has a build directory whose compiler was killed: the
// object looks newer than its source.
func TestBuildAfterKill(t *testing.T) {
	o := options(t)
	compiled(t, o)
	dirs, _ := filepath.Glob(filepath.Join(o.Store.Dir, kindBuild, "*"))
	if len(dirs) != 1 {
		t.Fatalf("build directories: %q", dirs)
	}
	if err := os.Remove(filepath.Join(dirs[0], listName)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dirs[0], "tiny.ko"), "half")
	write(t, filepath.Join(o.SourceDir, "main.c"), source(fakeRelease, "int x;"))
	if _, _, ran := compiled(t, o); !ran {
		t.Error("the compiler did not run")
	}
}

func TestBuildErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(o *Options)
		want   []string
	}{
		{"compile error", func(o *Options) {
			write(t, filepath.Join(o.SourceDir, "main.c"), source(fakeRelease, "int f(void)\n{\n\treturn nosuch;\n}"))
		}, []string{"kmod/main.c:6: error: 'nosuch' undeclared"}},
		{"no rule", func(o *Options) { os.Remove(filepath.Join(o.SourceDir, "main.c")) }, []string{"run make -C ", " M=kmod modules: exit status 2", "No rule to make target 'kmod/tiny.ko'"}},
		{"another module", func(o *Options) { o.Name = "other" }, []string{"find other.ko: the sources made tiny"}},
		{"another kernel", func(o *Options) { write(t, filepath.Join(o.SourceDir, "main.c"), source("6.1.0", "")) },
			[]string{"built for kernel 6.1.0 and cannot be loaded into " + fakeRelease}},
		{"not a module", func(o *Options) { write(t, filepath.Join(o.SourceDir, "main.c"), "int x;\n") }, []string{"not a kernel module"}},
		{"no makefile", func(o *Options) { os.Remove(filepath.Join(o.SourceDir, "Kbuild")) }, []string{"neither Kbuild nor Makefile"}},
		{"no directory", func(o *Options) { o.SourceDir = "/nosuch" }, []string{"read module sources", "no such file"}},
		{"relative directory", func(o *Options) { o.SourceDir = "kmod" }, []string{"is not absolute"}},
		{"bad name", func(o *Options) { o.Name = "../x" }, []string{`invalid module name "../x"`}},
		{"config", func(o *Options) { o.Needs = []string{"CONFIG_KASAN=y", "CONFIG_NET"} }, []string{"check configuration of kernel " + fakeRelease + ": CONFIG_KASAN is n, y is needed"}},
		{"blank in the cache's name", func(o *Options) { o.Store = &cache.Store{Dir: "/my cache"} }, []string{"kbuild cannot handle"}},
		{"no compiler", func(o *Options) { o.Kernel.Toolchain.CC = "gcc-98" }, []string{"find gcc-98: not installed; install the package gcc-98"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t)
			o.Show = "kmod"
			tt.change(&o)
			_, err := Build(t.Context(), o)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), kindBuild+"/tiny") {
				t.Errorf("error names the copy:\n%v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(o.Store.Dir, kindModule, "*")); len(left) > 0 && !strings.HasPrefix(tt.name, "another") {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestBuildMissingTools(t *testing.T) {
	o := options(t)
	t.Setenv("PATH", t.TempDir())
	_, err := Build(t.Context(), o)
	var missing *kernel.MissingToolError
	if !errors.As(err, &missing) || missing.Package != "make" {
		t.Errorf("Build without make: %v", err)
	}
}

func TestBuildOutput(t *testing.T) {
	o := options(t)
	write(t, filepath.Join(o.SourceDir, "main.c"), source(fakeRelease, "static int unused;"))
	_, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(o.SourceDir, "main.c"), source(fakeRelease, "static int unused;\n#error \"stop here\""))
	_, err = Build(t.Context(), o)
	var ce *CompileError
	if !errors.As(err, &ce) || len(ce.Errors) != 1 {
		t.Fatalf("Build: %v", err)
	}
	if d := ce.Errors[0]; d.File != filepath.Join(o.SourceDir, "main.c") || d.Line != 5 {
		t.Errorf("the error is at %s:%d", d.File, d.Line)
	}
	if long := kernel.Output(err); !strings.Contains(long, "CC [M]  "+o.SourceDir) {
		t.Errorf("Output is not the whole output:\n%s", long)
	}
}

func TestBuildCancelled(t *testing.T) {
	o := options(t)
	write(t, filepath.Join(o.Kernel.SourceDir, "Makefile"), "modules:\n\t@sleep 60\n")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := Build(ctx, o); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Store.Dir, ".tmp", "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
