package bundle

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// write makes files below dir, with their names as content.
func write(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, n := range names {
		p := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	d := t.TempDir()
	write(t, d, "vmlinuz", "config", "System.map", "cpio", "bin", "m.ko", "debug/m.ko", "log", "mii.ko", "virtio.ko", "tool", "modules",
		"p/a_test.go", "p/testdata/in/x", "p/sub/not.go", "extra/e")
	in := func(n string) string { return filepath.Join(d, n) }
	if err := os.Symlink("x", in("p/testdata/in/link")); err != nil {
		t.Fatal(err)
	}
	o := run.Options{
		Kernel: kernel.Kernel{Name: "6.12", Series: "6.12", Flavour: "cloud", Release: "6.12.1-cloud-amd64", Digest: "d",
			Image: in("vmlinuz"), Config: in("config"), Symbols: in("System.map")},
		SourceRoot: "/src", Binary: in("bin"), Args: []string{"-test.run=X"}, Dir: in("p"), Env: []string{"LC_ALL=b", "TOKEN=secret"}, Files: []string{in("extra")},
		Preload: []string{in("virtio.ko")}, Programs: []string{in("tool")}, Accel: "tcg", MemoryMiB: 256, CPUs: 2, KernelArgs: []string{"quiet"},
	}
	o.Words = []graft.Word{{At: graft.CallsAt, Value: 1}}
	o.Placed = map[string]string{"/lib/firmware": in("extra")}
	o.Image.Path, o.ModuleArchive = in("cpio"), in("modules")
	o.Devices, o.Setup, o.Teardown = []string{"edu"}, []string{"up"}, []string{"down"}
	mod := run.Module{Module: kbuild.Module{Name: "m", Path: in("m.ko"), Debug: in("debug/m.ko"), Log: in("log"), Vermagic: "v", SourceDir: "/src/kmod"}, DependsPaths: []string{in("mii.ko")}}
	o.Modules = []run.Module{mod}
	was := Bundle{
		Options: o, Package: "./p", Allow: []klog.Allow{{Kind: "warn", Match: "x", Reason: "known"}},
		Verdict: &verdict.Verdict{Kernel: "6.12", Modprobed: true, Exit: 1, Problems: []verdict.Problem{{Text: "p"}}, Console: []byte("console text"), CommandLine: "qemu -m 256"},
		Err:     errors.New("boom"), Sweep: []byte(`{"load":true}`),
	}
	file := filepath.Join(t.TempDir(), "new dir", "b.tar.gz")
	if err := was.Write(file); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := Unpack(file, out); err != nil {
		t.Fatal(err)
	}
	is, err := Open(out)
	if err != nil {
		t.Fatal(err)
	}
	// What the run said is there in files of their own.
	for name, want := range map[string]string{"console.txt": "console text", "qemu.txt": "qemu -m 256\n", "error.txt": "boom\n"} {
		b, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || string(b) != want {
			t.Errorf("%s: %q, %v; want %q", name, b, err, want)
		}
	}
	// Every path leads to the same content as before.
	pairs := map[string]string{
		o.Kernel.Image: is.Options.Kernel.Image, o.Kernel.Config: is.Options.Kernel.Config, o.Kernel.Symbols: is.Options.Kernel.Symbols,
		o.ModuleArchive: is.Options.ModuleArchive,
		o.Image.Path:    is.Options.Image.Path, o.Binary: is.Options.Binary, mod.Path: is.Options.Modules[0].Path,
		mod.Debug: is.Options.Modules[0].Debug, mod.DependsPaths[0]: is.Options.Modules[0].DependsPaths[0],
		o.Preload[0]: is.Options.Preload[0], o.Programs[0]: is.Options.Programs[0],
		in("p/a_test.go"): filepath.Join(is.Options.Root, in("p/a_test.go")), in("p/testdata/in/link"): filepath.Join(is.Options.Root, in("p/testdata/in/link")),
		in("extra") + "/./e": filepath.Join(is.Options.Root, "lib/firmware/e"),
		in("extra/e"):        filepath.Join(is.Options.Root, in("extra/e")),
	}
	for before, after := range pairs {
		want, err1 := os.ReadFile(before)
		got, err2 := os.ReadFile(after)
		if err1 != nil || err2 != nil || string(got) != string(want) {
			t.Errorf("%s: %q, %v; want %q, %v", after, got, err2, want, err1)
		}
	}
	if _, err := os.Stat(filepath.Join(is.Options.Root, in("p/sub"))); err == nil {
		t.Error("another package's directory is in the bundle")
	}
	paths := cmp.FilterPath(func(p cmp.Path) bool {
		switch p.Last().String() {
		case ".Image", ".Config", ".Symbols", ".Binary", ".Root", ".Path", ".Debug", ".Log", ".DependsPaths", ".Preload", ".Programs", ".Allow", ".ModuleArchive", ".Modprobed":
			return true
		}
		return false
	}, cmp.Ignore())
	// An environment holds secrets: only what is known to be none is kept.
	was.Options.Files, was.Options.Placed = append(was.Options.Files, "/lib/firmware"), nil
	was.Options.Env = []string{"LC_ALL=b"}
	if diff := cmp.Diff([]string{"TOKEN"}, is.EnvDropped); diff != "" {
		t.Errorf("variables that were dropped (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(was.Options, is.Options, paths, cmpopts.IgnoreUnexported(klog.AllowList{})); diff != "" {
		t.Errorf("options (-before +after):\n%s", diff)
	}
	if a := is.Options.Allow.Allows(&klog.Finding{Kind: klog.KindWarn, Title: "x"}, "6.12"); a == nil || a.Reason != "known" {
		t.Errorf("the allow list has %v for what was allowed", a)
	}
	if got := strings.Join(strings.Fields(string(is.Sweep)), ""); got != string(was.Sweep) {
		t.Errorf("sweep is %s", got)
	}
	if is.Verdict == nil || is.Verdict.Exit != 1 {
		t.Errorf("verdict %+v", is.Verdict)
	}
}

// A file that is missing leaves no half of a bundle.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	err := Bundle{}.Write(filepath.Join(dir, "b.tar.gz"))
	if err == nil || !strings.HasPrefix(err.Error(), "write bundle: ") {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A bundle comes from elsewhere: it must not reach out of its directory.
func TestUnpackHostile(t *testing.T) {
	tests := map[string][]tar.Header{
		"parent":       {{Name: "../evil", Typeflag: tar.TypeReg}},
		"absolute":     {{Name: "/evil", Typeflag: tar.TypeReg}},
		"through link": {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "l/evil", Typeflag: tar.TypeReg}},
		"device":       {{Name: "null", Typeflag: tar.TypeChar}},
		"twice":        {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../evil"}, {Name: "l", Typeflag: tar.TypeReg}},
	}
	for name, headers := range tests {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			file, dir := filepath.Join(top, "b.tar.gz"), filepath.Join(top, "out")
			f, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			gz := gzip.NewWriter(f)
			tw := tar.NewWriter(gz)
			for _, h := range headers {
				if err := tw.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
			}
			tw.Close()
			gz.Close()
			f.Close()
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := Unpack(file, dir); err == nil {
				t.Error("no error")
			}
			if _, err := os.Stat(filepath.Join(top, "evil")); err == nil {
				t.Error("it wrote outside its directory")
			}
		})
	}
}

func TestOpenHostile(t *testing.T) {
	tests := map[string]string{
		"version": `{"version": 9, "dir": "/p"}`,
		"dir":     `{"version": 1, "dir": "/../p"}`,
		"no dir":  `{"version": 1}`,
		"files":   `{"version": 1, "dir": "/p", "files": ["/x/../../etc"]}`,
		"module":  `{"version": 1, "dir": "/p", "modules": [{"name": "../../../m"}]}`,
		"depends": `{"version": 1, "dir": "/p", "modules": [{"name": "m", "depends": ["/etc/passwd"]}]}`,
		"json":    `{`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, manifestFile), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); err == nil {
				t.Error("no error")
			}
		})
	}
}
