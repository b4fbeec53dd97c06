package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPrograms starts a program of another suite under another name, offline
// the second time.
func TestPrograms(t *testing.T) {
	r := newRepo(t)
	program := filepath.Join(t.TempDir(), "hello")
	compileC(t, hello, program)
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	const libs = "usr/lib/x86_64-linux-gnu/"
	r.add("greeter", "1.2-3", "all", "hello", map[string]string{"usr/share/greeter/text": "hi"})
	r.add("hello", "4-5", "amd64", "", map[string]string{"usr/bin/hello": read(program)})
	r.add("libc6", "2.36-9", "amd64", "", map[string]string{
		libs + "libc.so.6": read("/lib/x86_64-linux-gnu/libc.so.6"), libs + "ld-linux-x86-64.so.2": read("/lib64/ld-linux-x86-64.so.2"),
	})
	r.publish("testing")

	o := r.options(t)
	o.Offline = true
	if _, err := GetPrograms(t.Context(), o, "testing", "greeter"); !errors.Is(err, errNotCached) {
		t.Errorf("offline, with nothing cached: %v, want %v", err, errNotCached)
	}
	o.Offline = false
	if _, err := GetPrograms(t.Context(), o, "testing", "nosuch"); err == nil || !strings.Contains(err.Error(), "get nosuch of testing: resolve packages in testing: no package nosuch") {
		t.Errorf("a package that is not there: %v", err)
	}
	for _, o.Offline = range []bool{false, true} {
		p, err := GetPrograms(t.Context(), o, "testing", "greeter")
		if err != nil {
			t.Fatalf("%+v", err)
		}
		if v, none := p.Version("greeter"), p.Version("nosuch"); v != "1.2-3" || none != "" {
			t.Errorf("versions %q and %q, want 1.2-3 and none", v, none)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "greet"), []byte(p.Script("usr/bin/hello", "world")), 0o755); err != nil {
			t.Fatal(err)
		}
		out, err := Command{Args: []string{"greet", "again"}, Path: []string{dir}}.Run(t.Context())
		if err != nil || out != "hello world\n" {
			t.Errorf("run the script: %q, %v", out, err)
		}
		r.server.Close()
	}
}
