package kernel

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// fakeModule is an object file with nothing but a .modinfo.
func fakeModule(t *testing.T, fields ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	source := `char modinfo[] __attribute__((section(".modinfo"))) = "` + strings.Join(fields, `\0`) + `";`
	if err := os.WriteFile(dir+"/x.c", []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (Command{Args: []string{"gcc", "-c", "-o", dir + "/x.o", dir + "/x.c"}}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(dir + "/x.o")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// compress packs data as a file with that suffix is packed.
func compress(t *testing.T, data []byte, suffix string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = nopCloser{&b}
	var err error
	switch suffix {
	case ".xz":
		w, err = xz.NewWriter(&b)
	case ".zst":
		w, err = zstd.NewWriter(&b)
	case ".gz":
		w = gzip.NewWriter(&b)
	}
	if err == nil {
		_, err = w.Write(data)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func TestResolveModules(t *testing.T) {
	module := func(suffix, depends string) string {
		return compress(t, fakeModule(t, "license=GPL", "depends="+depends), suffix)
	}
	root := writeTree(t, map[string]string{
		"modules.builtin":             "kernel/drivers/virtio/virtio.ko\n",
		"kernel/net/9p/9pnet.ko.xz":   module(".xz", ""),
		"kernel/net/9p/9p-virtio.ko":  module("", "9pnet,virtio"),
		"kernel/fs/9p/9p.ko.zst":      module(".zst", "9pnet,netfs"),
		"kernel/fs/netfs/netfs.ko.gz": module(".gz", ""),
		"kernel/broken/lost.ko":       module("", "gone"),
	})
	k := Kernel{Release: "6.66", Flavour: "cloud", Modules: root}
	tests := []struct {
		names []string
		want  []string
		err   string
	}{
		{nil, nil, ""},
		{[]string{"9p"}, []string{"9pnet.ko.xz", "netfs.ko.gz", "9p.ko.zst"}, ""},
		{[]string{"9p", "9p_virtio", "9p-virtio", "virtio"}, []string{"9pnet.ko.xz", "netfs.ko.gz", "9p.ko.zst", "9p-virtio.ko"}, ""},
		{[]string{"e1000"}, nil, "kernel 6.66 has no such module; the flavour generic has more"},
		{[]string{"lost"}, nil, "resolve module gone: kernel 6.66 has no such module, which lost depends on"},
	}
	for _, tt := range tests {
		files, err := k.ResolveModules(tt.names...)
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: %v, want %q", tt.names, err, tt.err)
			continue
		}
		var got []string
		for _, f := range files {
			got = append(got, filepath.Base(f))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.names, diff)
		}
	}
}

func TestReadModule(t *testing.T) {
	for _, suffix := range []string{"", ".xz", ".zst", ".gz"} {
		root := writeTree(t, map[string]string{"good.ko" + suffix: compress(t, []byte("content"), suffix), "bad.ko" + suffix: "\xfd7z"})
		if data, err := ReadModule(root + "/good.ko" + suffix); err != nil || string(data) != "content" {
			t.Errorf("%q: %q, %v", suffix, data, err)
		}
		if _, err := ReadModule(root + "/bad.ko" + suffix); (err == nil) != (suffix == "") {
			t.Errorf("%q: torn file: %v", suffix, err)
		}
	}
}

func TestModinfo(t *testing.T) {
	info, err := Modinfo(fakeModule(t, "parmtype=a:int", "parmtype=b:uint", "name=x"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"parmtype": {"a:int", "b:uint"}, "name": {"x"}}
	if diff := cmp.Diff(want, info); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := Modinfo([]byte("no ELF")); err == nil {
		t.Error("text passes for a module")
	}
}
