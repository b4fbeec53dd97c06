package kernel

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeKbuild stands for the makefile of a kernel: it knows CONFIG_A, and CONFIG_NET,
// counts how often it compiles each file, and fails or waits while a file says so.
const fakeKbuild = `allnoconfig:
	grep -E '^(CONFIG_A|CONFIG_NET|CONFIG_LOCALVERSION)=' $(KCONFIG_ALLCONFIG) > .config
	echo 'CONFIG_CC_VERSION_TEXT="$(shell $(CC) --version | head -n1)"' >> .config
	mkdir -p include/config && echo 6.66.1-debug > include/config/kernel.release
a.o:
	@echo '  CC      a.o'; echo a >> compiled; touch a.o
b.o:
	@echo '  CC [M]  b.o'; if [ -e $(FAULT) ]; then echo 'b.c:1: no luck' >&2; exit 1; fi
	@if [ -e $(FAULT).wait ]; then touch $(FAULT).waits; sleep 100; fi; echo b >> compiled; touch b.o
bzImage modules: a.o b.o
	mkdir -p arch/x86/boot arch/x86/include/asm arch/x86/kernel scripts/mod tools/objtool
	echo "image of $(KCFLAGS) $(HOSTLDFLAGS) $$KBUILD_BUILD_USER" > arch/x86/boot/bzImage
	echo '0 T _text' > System.map; echo '0x0	f	vmlinux	EXPORT_SYMBOL	' > Module.symvers
	touch scripts/mod/modpost scripts/mod/modpost.o tools/objtool/objtool arch/x86/include/asm/a.h arch/x86/kernel/a.c arch/x86/Makefile
modules_install:
	mkdir -p $(INSTALL_MOD_PATH)/lib/modules/6.66.1-debug/kernel
	cp b.o $(INSTALL_MOD_PATH)/lib/modules/6.66.1-debug/kernel/b.ko
	echo kernel/b.ko > $(INSTALL_MOD_PATH)/lib/modules/6.66.1-debug/modules.order
	ln -s $(CURDIR) $(INSTALL_MOD_PATH)/lib/modules/6.66.1-debug/build
`

// compilable is an archive with a kernel whose source is fakeKbuild. Its builds
// break while the file fault is there.
func compilable(t *testing.T) (r *repo, fault string) {
	t.Helper()
	old := profiles
	t.Cleanup(func() { profiles = old })
	profiles = map[string]string{"debug": "CONFIG_NET=y\nCONFIG_NEW=y # since 9.9\n"}
	r = testRepo(t)
	fault = filepath.Join(t.TempDir(), "fault")
	r.addMakefile(t, "6.66", "6.66.1-1", strings.ReplaceAll(fakeKbuild, "$(FAULT)", fault))
	const libs = "usr/lib/x86_64-linux-gnu/"
	program := filepath.Join(t.TempDir(), "bc")
	compileC(t, hello, program)
	for _, name := range compileTools {
		files := map[string]string{"usr/share/x/" + name: name}
		for target, source := range map[string]string{
			libs + "libc.so.6": "/lib/x86_64-linux-gnu/libc.so.6", libs + "ld-linux-x86-64.so.2": "/lib64/ld-linux-x86-64.so.2", "usr/bin/bc": program,
		} {
			if (name == "libc6") == strings.HasPrefix(target, libs) && (name == "libc6" || name == "bc") {
				data, err := os.ReadFile(source)
				if err != nil {
					t.Fatal(err)
				}
				files[target] = string(data)
			}
		}
		r.add(name, "2.36-1", "amd64", "", files)
	}
	r.publish("testing")
	return r, fault
}

// addMakefile makes the source package of a series of a makefile.
func (r *repo) addMakefile(t *testing.T, series, version, makefile string) {
	t.Helper()
	top := sourcePackage(series)
	root := writeTree(t, map[string]string{top + "/Makefile": makefile})
	out, err := exec.CommandContext(t.Context(), "tar", "-cJf", filepath.Join(root, "a.tar.xz"), "-C", root, top).CombinedOutput()
	if err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	archive, err := os.ReadFile(filepath.Join(root, "a.tar.xz"))
	if err != nil {
		t.Fatal(err)
	}
	r.add(top, version, "all", "", map[string]string{"usr/src/" + top + ".tar.xz": string(archive)})
}

// TestCompiled has one archive for all of it, which takes the longest to make.
func TestCompiled(t *testing.T) {
	r, fault := compilable(t)
	t.Run("once", func(t *testing.T) { testCompiled(t, r.options(t)) })
	t.Run("again", func(t *testing.T) { testCompileAgain(t, r.options(t), fault) })
	t.Run("errors", func(t *testing.T) { testCompiledErrors(t, r.options(t)) })
	t.Run("artefact", func(t *testing.T) { testArtefact(t, r.options(t), r.options(t)) })
	t.Run("locked", func(t *testing.T) { testCompiledLocked(t, r, fault) }) // changes the archive
}

func testCompiled(t *testing.T, o Options) {
	var stages []string
	o.Progress = func(p Progress) { stages = append(stages, p.Stage) }
	spec := Spec{Series: "6.66", Suite: "testing", Profile: "debug", Options: "CONFIG_A=y"}
	k, err := Get(t.Context(), o, spec)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	if k.Name != "6.66-debug" || k.Series != "6.66" || k.Release != "6.66.1-debug" || k.BuildDir != k.SourceDir || k.Toolchain.CC == "" {
		t.Errorf("kernel is %+v", k)
	}
	image, err := os.ReadFile(k.Image)
	if want := "image of -g0 -static kmodtest\n"; err != nil || string(image) != want {
		t.Errorf("image is %q, %v; want %q", image, err, want)
	}
	if files, err := k.ResolveModules("b"); err == nil {
		t.Errorf("b.ko, which is none, resolves to %q", files)
	} else if !strings.Contains(err.Error(), "kernel/b.ko") {
		t.Errorf("resolve b: %v", err)
	}
	var have []string
	for _, name := range []string{
		"Makefile", ".config", "Module.symvers", "include/config/kernel.release", "scripts/mod/modpost", "scripts/mod/modpost.o",
		"tools/objtool/objtool", "arch/x86/include/asm/a.h", "arch/x86/kernel/a.c", "arch/x86/Makefile", "a.o",
	} {
		if exists(filepath.Join(k.BuildDir, name)) {
			have = append(have, name)
		}
	}
	want := []string{
		"Makefile", ".config", "Module.symvers", "include/config/kernel.release", "scripts/mod/modpost",
		"tools/objtool/objtool", "arch/x86/include/asm/a.h", "arch/x86/Makefile",
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("of the source there is (-want +got):\n%s", diff)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Store.Dir, kindCompile, "*")); len(left) > 0 || exists(filepath.Join(k.Modules, "build")) {
		t.Errorf("the compilation left %q", left)
	}
	if text := strings.Join(stages, " "); !strings.HasSuffix(text, "configure compile install") {
		t.Errorf("it told of %s", text)
	}
	// From here on it is as one that was fetched.
	o.Offline = true
	again, err := Get(t.Context(), o, spec)
	if diff := cmp.Diff(k, again); err != nil || diff != "" {
		t.Errorf("again, offline: %v (-first +second):\n%s", err, diff)
	}
	l, err := List(t.Context(), o, []string{"testing"})
	if err != nil || len(l.Builds) != 1 || l.Builds[0].Name() != "6.66-debug" || !l.Builds[0].Cached {
		t.Errorf("the list has %+v, %v", l.Builds, err)
	}
}

// A compilation that failed, or was broken off, leaves no kernel, and the next goes
// on where it was.
func testCompileAgain(t *testing.T, o Options, fault string) {
	spec := Spec{Series: "6.66", Suite: "testing", Profile: "debug"}
	if err := os.WriteFile(fault, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Get(t.Context(), o, spec)
	wantError(t, o, err, "get kernel 6.66-debug: compile: run make", "b.c:1: no luck")
	os.Remove(fault)

	if err := os.WriteFile(fault+".wait", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped by the user")
	o.Progress = func(p Progress) {
		if p.Stage == "compile" {
			go func() {
				for !exists(fault + ".waits") {
					time.Sleep(5 * time.Millisecond)
				}
				cancel(stopped)
			}()
		}
	}
	if _, err = Get(ctx, o, spec); !errors.Is(err, stopped) {
		t.Fatalf("broken off: %v", err)
	}
	wantError(t, o, err)
	os.Remove(fault + ".wait")

	o.Progress = nil
	trees, _ := filepath.Glob(filepath.Join(o.Store.Dir, kindCompile, "*/linux/compiled"))
	if len(trees) != 1 {
		t.Fatalf("what was compiled is not kept: %q", trees)
	}
	compiled, err := os.ReadFile(trees[0])
	if err != nil || string(compiled) != "a\n" {
		t.Errorf("compiled by then is %q, %v", compiled, err)
	}
	if _, err := Get(t.Context(), o, spec); err != nil {
		t.Fatalf("%+v", err)
	}
}

func testCompiledErrors(t *testing.T, o Options) {
	offline := o
	offline.Offline = true
	for _, tt := range []struct {
		o     Options
		spec  Spec
		wants []string
	}{
		{o, Spec{Series: "6.66", Suite: "testing", Profile: "debug", Options: "CONFIG_B=m\nCONFIG_A=y"}, []string{"does not take", "CONFIG_B=m (it is not there)"}},
		{o, Spec{Series: "7.7", Suite: "testing", Profile: "debug"}, []string{"no package linux-source-7.7", "there are those of 6.66"}},
		{o, Spec{Series: "6.66", Suite: "testing", Profile: "fast"}, []string{`profile "fast"`}},
		{o, Spec{Series: "6.66", Suite: "testing", Profile: "debug", Flavour: "cloud"}, []string{"of no flavour"}},
		{offline, Spec{Series: "7.7", Suite: "testing", Profile: "debug"}, []string{"not cached"}},
	} {
		_, err := Get(t.Context(), tt.o, tt.spec)
		wantError(t, tt.o, err, tt.wants...)
	}
}

// A locked kernel is compiled of the source that the lock names, with its tools.
func testCompiledLocked(t *testing.T, r *repo, fault string) {
	gcc := "gcc-" + hostGeneration(t)
	for _, name := range []string{gcc, "binutils"} {
		r.add(name, "1-1", "amd64", "", map[string]string{"usr/share/x/" + name: name})
	}
	r.publish("testing")
	spec := Spec{Series: "6.66", Suite: "testing", Profile: "debug"}
	l, err := MakeLock(t.Context(), r.options(t), []Spec{spec})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	r.addMakefile(t, "6.66", "6.66.2-1", strings.NewReplacer("6.66.1", "6.66.2", "$(FAULT)", fault).Replace(fakeKbuild))
	r.publish("testing")
	other := r.options(t)
	other.Locked = l
	if k, err := Get(t.Context(), other, spec); err != nil || k.Release != "6.66.1-debug" {
		t.Errorf("locked: %q, %v", k.Release, err)
	}
}

func TestCompileCount(t *testing.T) {
	var told []string
	c := &compileCount{tell: func(text string) { told = append(told, text) }}
	for _, text := range []string{"  CC      init/ma", "in.o\n  CC [M]  net/a.o\nwarning: x\n  LD      vmlinux\n  AS      b.o\n"} {
		if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("Write: %d, %v", n, err)
		}
	}
	if c.files != 3 || len(told) > 0 {
		t.Errorf("counted %d files, and told %q within a moment; want 3", c.files, told)
	}
	c.count([]byte("  CC      kernel/fork.o"), c.told.Add(tellEvery))
	if diff := cmp.Diff([]string{"4 files in 15s, at kernel/fork.o"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
