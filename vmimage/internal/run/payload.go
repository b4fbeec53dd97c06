package run

import (
	"archive/tar"
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/vmimage/internal/cover"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Where the payload's files are in the guest.
const (
	guestBinary  = "/run/kmodtest/test"
	guestModules = "/lib/kmodtest/"
	// Of the image's own directories in PATH, /bin is the one for programs
	// that are no u-root commands.
	guestPrograms = "/bin/"
)

// payload is what one run adds to the guest.
type payload struct {
	file     *os.File
	size     int64
	info     guestenv.Info
	preload  []string
	modprobe []string
}

// newPayload packs the test binary, the modules, and the files that the test
// finds in its directory.
func newPayload(o *Options) (*payload, error) {
	f, err := vm.NewPayload()
	if err != nil {
		return nil, err
	}
	p := &payload{file: f, modprobe: o.Modprobe, info: guestenv.Info{
		Release: o.Kernel.Release, Modules: make(map[string]guestenv.Module), Emulated: o.Accel != vm.KVM,
		UnloadLimit: o.Limits.Unload, SettleLimit: o.Limits.Settle,
	}}
	for _, k := range klog.Kinds() {
		p.info.Kinds = append(p.info.Kinds, string(k))
	}
	if gotest.ParseFlags(o.Args).Fuzzes() {
		p.info.Counters = guestenv.Counters{At: graft.CountersAt, N: cover.Size(o.counted())}
	}
	if err := p.pack(o); err != nil {
		f.Close()
		return nil, fmt.Errorf("pack payload: %w", err)
	}
	return p, nil
}

// errTooLarge says that a payload does not fit.
var errTooLarge = fmt.Errorf("test binary, modules and files exceed %d MiB, the size of the payload device", vm.PayloadDeviceSize>>20)

func (p *payload) pack(o *Options) error {
	count := &counter{w: p.file}
	buf := bufio.NewWriterSize(count, 1<<20)
	var big largest
	err := p.add(o, buf, &big)
	if err == nil {
		err = buf.Flush()
	}
	if errors.Is(err, errTooLarge) {
		return fmt.Errorf("%w; the largest file is %s, %d MiB", errTooLarge, big.name, big.size>>20)
	}
	p.size = count.n
	return err
}

// largest is the largest file of a payload.
type largest struct {
	name string
	size int64
}

// add writes the archive.
func (p *payload) add(o *Options, w io.Writer, big *largest) error {
	a := &archive{tw: tar.NewWriter(w), seen: make(map[string]bool), big: big}
	here := &archive{tw: a.tw, seen: a.seen, root: o.Root, big: big}
	if o.Binary != "" {
		if err := a.addBinary(o.Binary, guestBinary); err != nil {
			return err
		}
	}
	for _, name := range o.Programs {
		if err := a.addAs(name, guestPrograms+filepath.Base(name)); err != nil {
			return err
		}
	}
	for _, m := range o.Modules {
		gm := guestenv.Module{Path: guestModules + filepath.Base(m.Path)}
		if err := a.addAs(m.Path, gm.Path); err != nil {
			return err
		}
		if o.Command != nil {
			// A script loads what make has built; that is for the host's kernel.
			if err := a.addModuleLink(m, gm.Path); err != nil {
				return err
			}
		}
		for _, d := range m.DependsPaths {
			name := guestModules + filepath.Base(d)
			if err := a.addAs(d, name); err != nil {
				return err
			}
			gm.Depends = append(gm.Depends, name)
		}
		p.info.Modules[m.Name] = gm
	}
	for _, d := range o.Preload {
		name := guestModules + filepath.Base(d)
		if err := a.addAs(d, name); err != nil {
			return err
		}
		p.preload = append(p.preload, name)
	}
	if o.Dir != "" {
		if err := here.addPackage(o.Dir, o.Binary); err != nil {
			return err
		}
	}
	for _, name := range o.Files {
		if err := here.addTree(name); err != nil {
			return err
		}
	}
	if cache := gotest.ParseFlags(o.Args).FuzzCache(o.Dir); cache != "" && o.Root == "" {
		if _, err := os.Stat(cache); err == nil {
			if err := here.addTree(cache); err != nil {
				return err
			}
		}
	}
	if zone := o.zone(); zone != "" {
		if err := a.addAs(zone, zone); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Placed)) {
		if err := a.addTreeAs(o.Placed[name], name); err != nil {
			return err
		}
	}
	return a.tw.Close()
}

// counter counts what it passes on, and stops at the end of the device.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	if c.n+int64(len(b)) > vm.PayloadDeviceSize {
		return 0, errTooLarge
	}
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// archive writes files to a tar archive, each once.
type archive struct {
	tw   *tar.Writer
	seen map[string]bool
	root string // files are read below it
	big  *largest
}

// addPackage adds a package's directory: its own files, and testdata with all
// that is below it, as go test guarantees them to a test.
func (a *archive) addPackage(dir, binary string) error {
	entries, err := os.ReadDir(filepath.Join(a.root, dir))
	if err != nil {
		return err
	}
	if err := a.addDir(dir); err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch {
		case e.Name() == "testdata":
			err = a.addTree(name)
		case e.Type().IsRegular() && name != binary:
			err = a.addAs(name, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addTree adds a file, or a directory with all that is below it.
func (a *archive) addTree(root string) error {
	return a.addTreeAs(root, root)
}

// addTreeAs adds the file or directory root, below the archive's own root, as
// guestName.
func (a *archive) addTreeAs(root, guestName string) error {
	top := filepath.Join(a.root, root)
	return filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, file)
		if err != nil {
			return err
		}
		name := filepath.Join(guestName, rel)
		switch {
		case d.IsDir():
			return a.addDir(name)
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(file)
			if err != nil {
				return err
			}
			return a.header(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777})
		case d.Type().IsRegular():
			return a.addAs(filepath.Join(root, rel), name)
		}
		return nil // sockets and the like mean nothing in the guest
	})
}

// addModuleLink puts a module of the guest where kbuild would leave it.
func (a *archive) addModuleLink(m Module, guestPath string) error {
	if !filepath.IsAbs(m.SourceDir) {
		return nil // it was built already
	}
	return a.header(&tar.Header{
		Name: filepath.Join(m.SourceDir, filepath.Base(m.Path)), Typeflag: tar.TypeSymlink, Linkname: guestPath, Mode: 0o777,
	})
}

func (a *archive) addDir(name string) error {
	return a.header(&tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o755})
}

func (a *archive) weigh(name string, size int64) {
	if size > a.big.size {
		*a.big = largest{filepath.Join(a.root, name), size}
	}
}

func (a *archive) header(h *tar.Header) error {
	if a.seen[h.Name] {
		return nil
	}
	a.seen[h.Name] = true
	h.Name = h.Name[1:] // archives hold relative names
	return a.tw.WriteHeader(h)
}

// addBinary adds the part of an executable that the kernel loads. Symbols and
// debug information come after it in what Go links: a third of the file, which
// nothing in the guest reads.
func (a *archive) addBinary(name, guestName string) error {
	f, err := elf.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var end uint64
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD {
			end = max(end, p.Off+p.Filesz)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if end < 64 || end > uint64(len(b)) {
		return fmt.Errorf("%s: its segments end at %d, the file at %d", name, end, len(b))
	}
	b = b[:end]
	a.weigh(name, int64(end))
	// e_shoff, e_shnum and e_shstrndx of Elf64_Ehdr: there are no sections.
	clear(b[0x28:0x30])
	clear(b[0x3c:0x40])
	if err := a.header(&tar.Header{Name: guestName, Typeflag: tar.TypeReg, Size: int64(len(b)), Mode: 0o755}); err != nil {
		return err
	}
	_, err = a.tw.Write(b)
	return err
}

// addAs adds the regular file name, below the archive's root, as guestName.
func (a *archive) addAs(name, guestName string) error {
	if a.seen[guestName] {
		return nil
	}
	f, err := os.Open(filepath.Join(a.root, name))
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s: %w", name, errors.New("not a regular file"))
	}
	a.weigh(name, fi.Size())
	if err := a.header(&tar.Header{
		Name: guestName, Typeflag: tar.TypeReg, Size: fi.Size(), Mode: int64(fi.Mode().Perm()), ModTime: fi.ModTime(),
	}); err != nil {
		return err
	}
	if _, err := io.CopyN(a.tw, f, fi.Size()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
