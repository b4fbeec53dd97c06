package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCompilerGeneration(t *testing.T) {
	tests := []struct{ config, want, err string }{
		{`CONFIG_CC_VERSION_TEXT="x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"`, "12", ""},
		{`CONFIG_CC_VERSION_TEXT="gcc-10 (Debian 10.2.1-6) 10.2.1 20210110"`, "10", ""},
		{`CONFIG_CC_VERSION_TEXT="gcc (GCC) 15.1.1 20250425 (Red Hat 15.1.1-1)"`, "15", ""},
		{`CONFIG_CC_VERSION_TEXT="clang version 19.1.0"`, "", "is no gcc"},
		{`CONFIG_X=y`, "", "no CONFIG_CC_VERSION_TEXT"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), ".config")
		if err := os.WriteFile(path, []byte("CONFIG_A=y\n"+tt.config+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := compilerGeneration(path)
		if got != tt.want || (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %q, %v; want %q %s", tt.config, got, err, tt.want, tt.err)
		}
	}
}

// compileC makes a program of one C file.
func compileC(t *testing.T, source, out string) {
	t.Helper()
	c := filepath.Join(t.TempDir(), "x.c")
	if err := os.WriteFile(c, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (Command{Args: []string{"gcc", "-o", out, c}}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const hello = `#include <stdio.h>
int main(int c, char **v) { printf("hello %s\n", c > 1 ? v[1] : ""); return 0; }`

// dispatcher is how Debian's modpost chooses among its siblings.
const dispatcher = `#include <stdio.h>
#include <unistd.h>
int main(int c, char **v) { char p[4096]; snprintf(p, sizeof p, "%s.real-x86", v[0]); execv(p, v); perror(p); return 1; }`

func TestWrapKbuild(t *testing.T) {
	dir := t.TempDir()
	compileC(t, hello, filepath.Join(dir, "fixdep"))
	compileC(t, hello, filepath.Join(dir, "objtool.real-x86"))
	compileC(t, dispatcher, filepath.Join(dir, "objtool"))
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte("#!/bin/sh\necho hello $1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := wrapKbuild(dir); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "scripts")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, loader := range []string{"", "/lib64/ld-linux-x86-64.so.2 --library-path /nowhere:/lib/x86_64-linux-gnu"} {
		for _, program := range []string{"fixdep", "objtool", "script"} {
			out, err := Command{Args: []string{filepath.Join(link, program), "you"}, Clean: true, Env: []string{envLoader + "=" + loader}}.Run(t.Context())
			if err != nil || out != "hello you\n" {
				t.Errorf("%s through %q: %q, %v", program, loader, out, err)
			}
		}
	}
	if lacks, err := hostLacks(dir); err != nil || len(lacks) > 0 {
		t.Errorf("this machine lacks %q of its own programs, %v", lacks, err)
	}
}

func TestHostLacks(t *testing.T) {
	dir := t.TempDir()
	lib, program := filepath.Join(dir, "libnosuch.so.1"), filepath.Join(dir, "program")
	c := filepath.Join(dir, "x.c")
	if err := os.WriteFile(c, []byte("int f(void) { return 0; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(dir, "main.c")
	if err := os.WriteFile(main, []byte("int f(void); int main(void) { return f(); }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"gcc", "-shared", "-fPIC", "-Wl,-soname,libnosuch.so.1", "-o", lib, c}, {"gcc", "-o", program, main, lib},
	} {
		if _, err := (Command{Args: args}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	lacks, err := hostLacks(dir)
	if err != nil || len(lacks) != 1 || lacks[0] != "libnosuch.so.1" {
		t.Errorf("this machine lacks %q, %v; want libnosuch.so.1", lacks, err)
	}
}

// TestToolchain takes a compiler that this machine has not from the kernel's
// suite, with a C library of its own.
func TestToolchain(t *testing.T) {
	r := newRepo(t)
	program := filepath.Join(t.TempDir(), "gcc")
	compileC(t, hello, program)
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	const libs = "usr/lib/x86_64-linux-gnu/"
	r.add("gcc-99", "99.1-1", "amd64", "libc6", map[string]string{"usr/bin/gcc-99": read(program), "usr/share/doc/x": "useless"})
	r.add("binutils", "1-1", "amd64", "libc6", map[string]string{"usr/bin/objcopy": read(program)})
	r.add("libc6", "2.36-9", "amd64", "", map[string]string{
		libs + "libc.so.6": read("/lib/x86_64-linux-gnu/libc.so.6"), libs + "ld-linux-x86-64.so.2": read("/lib64/ld-linux-x86-64.so.2"),
	})
	r.addShared("6.66.1+deb9", "6.66.1-1")
	r.addKernel("6.66.1+deb9", "cloud-amd64", "6.66.1-1", "99")
	r.publish("testing-backports")
	r.publish("testing")

	o := r.options(t)
	spec := Spec{Series: "6.66", Suite: "testing-backports"}
	k, err := Get(t.Context(), o, spec)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	if k.Toolchain.CC != "gcc-99" || len(k.Toolchain.Path) != 1 {
		t.Errorf("toolchain is %+v", k.Toolchain)
	}
	out, err := k.Toolchain.Command([]string{"gcc-99", "world"}).Run(t.Context())
	if err != nil || out != "hello world\n" {
		t.Errorf("run gcc-99: %q, %v", out, err)
	}
	if exists(filepath.Join(k.Toolchain.Path[0], "../share/doc")) {
		t.Error("the toolchain was unpacked with its documentation")
	}
	// And offline, now that it is there.
	r.server.Close()
	o.Offline = true
	again, err := Get(t.Context(), o, spec)
	if err != nil || again.Digest != k.Digest {
		t.Errorf("offline: digest %s, %v; want %s", again.Digest, err, k.Digest)
	}
}

// TestToolchainMissing has a suite without the compiler.
func TestToolchainMissing(t *testing.T) {
	r := newRepo(t)
	r.addShared("6.66.1+deb9", "6.66.1-1")
	r.addKernel("6.66.1+deb9", "cloud-amd64", "6.66.1-1", "99")
	r.publish("testing")
	o := r.options(t)
	_, err := Get(t.Context(), o, Spec{Series: "6.66", Suite: "testing"})
	if err == nil || !strings.Contains(err.Error(), "find gcc-99: resolve packages in testing: no package gcc-99") {
		t.Errorf("Get: %v", err)
	}
}
