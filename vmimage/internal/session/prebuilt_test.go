package session

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// TestPrebuiltCompressed gives the guest the module itself, whatever the file
// that the user built is compressed with.
func TestPrebuiltCompressed(t *testing.T) {
	module := fakeModule("\x00name=m\x00vermagic=6.12.1 SMP ")
	k := kernel.Kernel{Release: "6.12.1"}
	store := kernel.OpenStore(t.TempDir(), nil, nil)
	defer store.Close()
	s := &Session{Config: &config.Config{}, Kernels: kernel.Options{Store: store}}
	compress := map[string]func(io.Writer) (io.WriteCloser, error){
		"m.ko.xz":  func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
		"m.ko.zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		"m.ko.gz":  func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	}
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		var b bytes.Buffer
		if c := compress[name]; c != nil {
			w, err := c(&b)
			if err == nil {
				_, err = w.Write(content)
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			content = b.Bytes()
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"m.ko", "m.ko.xz", "m.ko.zst", "m.ko.gz"} {
		t.Run(name, func(t *testing.T) {
			path := write(name, module)
			m, err := takePrebuilt(t, s, k, config.Module{Name: "m", Prebuilt: path})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []string{m.Path, m.Debug} {
				b, err := os.ReadFile(p)
				if err != nil || filepath.Base(p) != "m.ko" || !bytes.Equal(b, module) {
					t.Errorf("%s, %v: not the module", p, err)
				}
			}
			// Another build of it is another module.
			other := bytes.Replace(module, []byte("SMP "), []byte("UP  "), 1)
			write(name, other)
			m, err = takePrebuilt(t, s, k, config.Module{Name: "m", Prebuilt: path})
			if err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(m.Path); err != nil || !bytes.Equal(b, other) {
				t.Errorf("%s, %v: not the module that was built later", m.Path, err)
			}
			// What is wrong is told of the user's file.
			k := kernel.Kernel{Release: "6.99"}
			_, err = takePrebuilt(t, s, k, config.Module{Name: "m", Prebuilt: path})
			if err == nil || !strings.Contains(err.Error(), path+": it was built for kernel 6.12.1") {
				t.Errorf("error %v", err)
			}
		})
	}
	broken := write("broken.ko.gz", []byte("this is no gzip file"))
	_, err := takePrebuilt(t, s, k, config.Module{Name: "broken", Prebuilt: broken})
	if want := "decompress module " + broken + ": gzip: invalid header"; err == nil || err.Error() != want {
		t.Errorf("broken file (-want +got):\n%s", cmp.Diff(want, err.Error()))
	}
}

// takePrebuilt is the module that the configuration makes of a file.
func takePrebuilt(t *testing.T, s *Session, k kernel.Kernel, m config.Module) (run.Module, error) {
	t.Helper()
	b := treeBuilder{s: s, k: k}
	if err := b.module(t.Context(), m); err != nil {
		return run.Module{}, err
	}
	return b.mods[0], nil
}
