package vm

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// device is a device that a guest can have, by the name that users give it.
type device struct {
	name string
	// models are the devices of QEMU that it is made of.
	models []string
	// cold, if not empty, is why QEMU cannot freeze a guest with it: it is booted.
	cold string
	// program is what has to be installed beside QEMU.
	program string
	// one tells that a guest has room for one of them.
	one bool
	add func(*parts)
}

// DiskSize is the size in bytes of the disk behind a device that has one, and
// scratchSize that of the one for [ScratchDevice]. It is empty in each guest, and kept
// in memory.
const (
	DiskSize    = 64 << 20
	scratchSize = 512 << 20 // mkfs.xfs takes none of less than 300 MB
)

// ScratchDevice is the name of the disk for a file system of the tests' own, and its
// serial number in the guest.
const ScratchDevice = "scratch"

// Of the bus that a guest's devices are on, these slots are free: those below have
// the host bridge and what users take for a display, those above are kmodtest's.
const (
	firstSlot = 0x02
	lastSlot  = 0x0f
)

// parts puts devices together.
type parts struct {
	args []string
	// number is that of the device under way; disks are the sizes of those that were
	// asked for.
	number int
	disks  []int64
	tpm    bool // one was asked for
	fd     fds
	next   int // slot
	ended  bool
	shared map[string]bool
}

func (p *parts) device(format string, args ...any) {
	p.args = append(p.args, "-device", fmt.Sprintf(format, args...))
}

// slot is the next free slot of the bus.
func (p *parts) slot() string {
	if p.next > lastSlot {
		p.ended = true
	}
	p.next++
	return fmt.Sprintf("addr=%#02x", p.next-1)
}

// disk makes an empty disk and returns its name.
func (p *parts) disk() string { return p.diskOf(DiskSize) }

func (p *parts) diskOf(size int64) string {
	n := len(p.disks)
	name := fmt.Sprintf("disk%d", n)
	p.args = append(p.args, "-blockdev",
		fmt.Sprintf("driver=raw,node-name=%s,discard=unmap,file.driver=file,file.locking=off,file.filename=/proc/self/fd/%d", name, p.fd.disk(n)))
	p.disks = append(p.disks, size)
	return name
}

// wire is a plug of the one wire that all network cards of a guest are on.
func (p *parts) wire() string {
	name := fmt.Sprintf("net%d", p.number)
	p.args = append(p.args, "-netdev", fmt.Sprintf("hubport,id=%s,hubid=0", name))
	return name
}

// once makes an object that several devices use.
func (p *parts) once(object string) {
	if !p.shared[object] {
		p.shared[object] = true
		p.args = append(p.args, "-object", object)
	}
}

// usbPorts are the ports of the USB controller for each speed; QEMU makes a hub at the
// last one when they run out.
const usbPorts = 15

// usb makes the one controller that all USB devices are on.
func (p *parts) usb() {
	if !p.shared["usb"] {
		p.shared["usb"] = true
		p.device("qemu-xhci,id=usb,p2=%d,p3=%[1]d,%s", usbPorts, p.slot())
	}
}

// build puts the devices of c together.
func (c Config) build(fd fds) *parts {
	p := &parts{next: firstSlot, shared: make(map[string]bool), fd: fd}
	for i, name := range c.Devices {
		if d := findDevice(name); d != nil {
			p.number = i
			d.add(p)
		}
	}
	return p
}

func findDevice(name string) *device {
	i := slices.IndexFunc(devices, func(d device) bool { return d.name == name })
	if i < 0 {
		return nil
	}
	return &devices[i]
}

// DeviceNames are the names of all devices that a guest can have.
func DeviceNames() []string {
	var names []string
	for _, d := range devices {
		names = append(names, d.name)
	}
	slices.Sort(names)
	return names
}

// CheckDevices reports everything that is wrong with a list of devices, whatever
// QEMU can do.
func CheckDevices(names []string) error {
	var errs []error
	seen := make(map[string]bool)
	for _, name := range names {
		d := findDevice(name)
		switch {
		case d == nil:
			errs = append(errs, fmt.Errorf("unknown device %q: known are %s", name, strings.Join(DeviceNames(), ", ")))
		case d.one && seen[name]:
			errs = append(errs, fmt.Errorf("device %s: a guest has room for one", name))
		}
		seen[name] = true
	}
	if len(errs) == 0 && (Config{Devices: names}).build(fds{}).ended {
		errs = append(errs, fmt.Errorf("%d devices: a guest has %d slots for them", len(names), lastSlot-firstSlot+1))
	}
	return errors.Join(errs...)
}

var modelRE = regexp.MustCompile(`(?m)^name "([^"]+)"`)

// HasDevices returns an error that names the devices which this QEMU lacks. Without
// devices it asks nothing.
func HasDevices(ctx context.Context, qemu string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	cmd := exec.CommandContext(ctx, qemu, "-device", "help")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("ask QEMU for its devices: %w\n%s", err, out)
	}
	has := make(map[string]bool)
	for _, m := range modelRE.FindAllStringSubmatch(string(out), -1) {
		has[m[1]] = true
	}
	var errs []error
	for _, name := range names {
		d := findDevice(name)
		if d == nil {
			continue // CheckDevices tells
		}
		if d.program != "" {
			if _, err := exec.LookPath(d.program); err != nil {
				errs = append(errs, fmt.Errorf("device %s: %w (it is in Debian's package %s): install it, or leave the device out of guest.devices", name, err, d.program))
			}
		}
		for _, m := range d.models {
			if !has[m] {
				errs = append(errs, fmt.Errorf("device %s: %s has no %s: leave it out of guest.devices, or install a QEMU that has it", name, qemu, m))
			}
		}
	}
	return errors.Join(errs...)
}

// CannotFreeze says why QEMU cannot freeze a guest with the devices of c, so that
// each guest is booted; it is empty if QEMU can.
func (c Config) CannotFreeze() string {
	for _, name := range c.Devices {
		if d := findDevice(name); d != nil && d.cold != "" {
			return fmt.Sprintf("QEMU cannot freeze a guest with device %s: %s", name, d.cold)
		}
	}
	return ""
}
