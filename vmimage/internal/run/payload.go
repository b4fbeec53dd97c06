package run

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
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
	p.info.Counters = o.counters()
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
