package bundle

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

const readme = `This is a failed run of kmodtest. Run it again, on any machine with QEMU:

	kmodtest repro FILE.tar.gz

bundle.json     what was run, and how
verdict.json    what came of it; error.txt if nothing did
qemu.txt        QEMU's command line; the descriptors in it were inherited
console.txt     the kernel console
kernel.log      the kernel log, as /dev/kmsg gives it
kernel/         image, configuration, symbols; its own modules, if some were loaded
modules/        modules under test, for the guest and with debug information
image/          initramfs
test/           test binary
root/           files that the test finds, at their paths
`

// Write writes the bundle. The file is there whole or not at all.
func (b Bundle) Write(name string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write bundle: %w", err)
		}
	}()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	// Most of it is compressed already; what is left gains most from little.
	gz, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return err
	}
	w := &writer{tw: tar.NewWriter(gz), seen: make(map[string]bool)}
	b.fill(w)
	if w.err != nil {
		return w.err
	}
	for _, c := range []io.Closer{w.tw, gz} {
		if err := c.Close(); err != nil {
			return err
		}
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func (b Bundle) fill(w *writer) {
	o := b.Options
	w.text("README", []byte(readme))
	w.json(manifestFile, b.manifest())
	if b.Err != nil {
		w.text("error.txt", fmt.Appendf(nil, "%+v\n", b.Err))
	}
	if v := b.Verdict; v != nil {
		w.json(verdictFile, v)
		w.text("qemu.txt", []byte(v.CommandLine+"\n"))
		w.text("console.txt", v.Console)
		w.text("kernel.log", v.Log)
	}
	w.file(configFile, o.Kernel.Config)
	w.file(kernelFile, o.Kernel.Image)
	if o.Kernel.Symbols != "" {
		w.file(symbolsFile, o.Kernel.Symbols)
	}
	if b.hasModules() {
		w.file(modulesFile, o.ModuleArchive)
	}
	w.file(imageFile, o.Image.Path)
	w.file(binaryFile, o.Binary)
	for _, m := range o.Modules {
		w.file(moduleFile(m.Name), m.Path)
		w.file(debugFile(m.Name), m.Debug)
		if m.Log != "" {
			w.file(buildLogFile(m.Name), m.Log)
		}
		for _, d := range m.DependsPaths {
			w.file("modules/depends/"+filepath.Base(d), d)
		}
	}
	for _, p := range o.Preload {
		w.file("modules/depends/"+filepath.Base(p), p)
	}
	for _, p := range o.Programs {
		w.file("programs/"+filepath.Base(p), p)
	}
	w.pack(o.Root, o.Dir)
	for _, f := range o.Files {
		w.tree(o.Root, f)
	}
	// In the bundle they lie where the guest has them.
	for name, file := range o.Placed {
		w.treeAs(file, name)
	}
}

// writer writes files to an archive; the first error sticks.
type writer struct {
	tw   *tar.Writer
	seen map[string]bool
	err  error
}

func (w *writer) header(h *tar.Header) bool {
	if w.err != nil || w.seen[h.Name] {
		return false
	}
	w.seen[h.Name] = true
	w.err = w.tw.WriteHeader(h)
	return w.err == nil
}

func (w *writer) text(name string, b []byte) {
	if w.header(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(b)), ModTime: time.Now()}) {
		_, w.err = w.tw.Write(b)
	}
}

func (w *writer) json(name string, v any) {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil && w.err == nil {
		w.err = err
		return
	}
	w.text(name, append(b, '\n'))
}

func (w *writer) file(name, from string) {
	if w.err != nil || w.seen[name] {
		return
	}
	f, err := os.Open(from)
	if err != nil {
		w.err = err
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		w.err = err
		return
	}
	if w.header(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: int64(st.Mode().Perm()), Size: st.Size(), ModTime: st.ModTime()}) {
		_, w.err = io.CopyN(w.tw, f, st.Size())
	}
}

// pack adds a package's directory: its own files and testdata, which is what a
// run puts into the guest.
func (w *writer) pack(root, dir string) {
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil && w.err == nil {
		w.err = err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch {
		case e.Name() == "testdata":
			w.tree(root, name)
		case e.Type().IsRegular():
			w.file(path.Join(rootDir, filepath.ToSlash(name)), filepath.Join(root, name))
		}
	}
	if len(entries) == 0 {
		w.header(&tar.Header{Name: path.Join(rootDir, filepath.ToSlash(dir)) + "/", Typeflag: tar.TypeDir, Mode: 0o755})
	}
}

func (w *writer) tree(root, name string) { w.treeAs(filepath.Join(root, name), name) }

// treeAs adds the file or directory top as the guest's name.
func (w *writer) treeAs(top, name string) {
	err := filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside := path.Join(rootDir, filepath.ToSlash(name), filepath.ToSlash(strings.TrimPrefix(file, top)))
		switch {
		case d.IsDir():
			w.header(&tar.Header{Name: inside + "/", Typeflag: tar.TypeDir, Mode: 0o755})
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(file)
			if err != nil {
				return err
			}
			w.header(&tar.Header{Name: inside, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777})
		case d.Type().IsRegular():
			w.file(inside, file)
		}
		return w.err
	})
	if err != nil && w.err == nil {
		w.err = err
	}
}
