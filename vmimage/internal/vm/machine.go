package vm

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/wire"
)

// Accel is how the guest's processor is provided.
type Accel string

// The accelerators of QEMU that kmodtest uses.
const (
	TCG Accel = "tcg"
	KVM Accel = "kvm"
)

// PayloadDeviceSize is the size in bytes of the payload device. The file
// behind it is sparse: only what a payload fills is ever allocated.
const PayloadDeviceSize = 256 << 20

// Config describes a guest. Kernel and Initrd are required.
type Config struct {
	// QEMU is the path of qemu-system-x86_64.
	QEMU string
	// Kernel is the kernel image, Initrd the initramfs.
	Kernel, Initrd string
	// KernelArgs are added to the kernel command line.
	KernelArgs []string
	// MemoryMiB is the guest's memory; 0 means 512.
	MemoryMiB int
	// CPUs is the number of the guest's processors; 0 means 1. More than one
	// blurs which test a kernel message belongs to, and may lose what a test
	// printed in the moment before a crash.
	CPUs int
	// Accel is the accelerator; empty means TCG.
	Accel Accel
	// Payload is the file behind the payload device, PayloadDeviceSize bytes
	// long; nil leaves the device out. NewPayload makes one without a name,
	// so that nothing is left when the process dies.
	Payload *os.File
	// Modules is the file behind the device with the kernel's own modules, whose
	// length has to be a power of two; empty leaves the device out. It is only
	// read, and every guest reads the same pages of it.
	Modules string
	// Devices are further devices, by their names in DeviceNames; a name may come
	// twice.
	Devices []string
	// RAM is the file that holds the guest's memory; empty uses anonymous
	// memory. A guest that is saved needs one, which it writes to; a guest
	// that is restored only reads it.
	RAM string
	// Hold keeps the memory of a guest that has stopped, by itself or in a panic,
	// until VM.OnStop has had it read.
	Hold bool
}

// defaultMemoryMiB is the guest's memory where the configuration is silent.
const defaultMemoryMiB = 512

// Memory is the guest's memory in MiB.
func (c Config) Memory() int {
	if c.MemoryMiB <= 0 {
		return defaultMemoryMiB
	}
	return c.MemoryMiB
}

// Validate reports everything that is wrong with c.
func (c Config) Validate() error {
	var errs []error
	if c.QEMU == "" {
		errs = append(errs, errors.New("no QEMU"))
	}
	if strings.ContainsAny(c.QEMU, " \t") {
		errs = append(errs, fmt.Errorf("QEMU path %q: blanks are not supported by vmtest", c.QEMU))
	}
	if c.Kernel == "" {
		errs = append(errs, errors.New("no kernel image"))
	}
	if c.Initrd == "" {
		errs = append(errs, errors.New("no initramfs"))
	}
	if c.Accel != "" && c.Accel != TCG && c.Accel != KVM {
		errs = append(errs, fmt.Errorf("accelerator %q: known are %s and %s", c.Accel, TCG, KVM))
	}
	if err := CheckDevices(c.Devices); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// NewPayload returns a file without a name for the payload device.
func NewPayload() (*os.File, error) {
	f, err := sharedFile("kmodtest payload", PayloadDeviceSize)
	if err != nil {
		return nil, fmt.Errorf("make payload device: %w", err)
	}
	return f, nil
}

// cmdline is the kernel command line.
func (c Config) cmdline() string {
	args := []string{
		guestenv.CmdlineToken,
		"console=ttyS0",
		// Warnings and worse reach the console, the rest only the log: a boot
		// that prints every line spends a tenth of its time on the port.
		"loglevel=5",
		// A panic ends the guest at once (with -no-reboot), and so does an
		// oops: it kills a thread of the test binary, which would then hang
		// until its deadline.
		"panic=-1", "oops=panic",
		// Self-tests and mitigations say nothing about a module, and TCG has
		// no clock to check the TSC against.
		"cryptomgr.notests", "mitigations=off", "tsc=reliable", "random.trust_cpu=on",
		// rmmod and the end of a network namespace wait for RCU, mostly for
		// nothing. Expedited, a wait takes a third of the time. rcu_barrier
		// cannot be expedited; but threads of their own (rcu_nocbs) hand it
		// its callbacks at once, where the processor that queued them would
		// take three ticks, all of them idle.
		"rcupdate.rcu_expedited=1",
		fmt.Sprintf("rcu_nocbs=0-%d", max(c.CPUs, 1)-1), "rcutree.jiffies_till_first_fqs=0",
		// With such threads a kernel may put callbacks off for seconds.
		"rcutree.enable_rcu_lazy=0",
		// The environment of init: its goroutines need no signals to take turns,
		// and every signal costs emulation.
		"GODEBUG=asyncpreemptoff=1",
		// The log must hold a splat that is followed by a flood.
		"log_buf_len=4M",
	}
	return strings.Join(append(args, c.KernelArgs...), " ")
}

// fds are the numbers that the inherited descriptors have in QEMU.
type fds struct {
	console, frames, terminal, qmp, ring, payload, modules int

	modulesSize int64 // of the file; 0 if there is none

	disks []int // of Devices
	tpm   int   // the socket of one, of Devices
}

// disk is the descriptor of the nth disk; where none are open, 0 stands for it.
func (fd fds) disk(n int) int {
	if n < len(fd.disks) {
		return fd.disks[n]
	}
	return 0
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// args is QEMU's command line after the program. share tells whether the guest
// shares its memory, payload and modules: one that is saved has to, for QEMU to
// leave their content out of the stream; a restored one must not, for it reads
// what others read too, and QEMU compares the addresses of shared memory. The
// ring of the frames is shared by every guest.
func (c Config) args(fd fds, share bool) []string {
	accel := c.Accel
	if accel == "" {
		accel = TCG
	}
	// Page tables of five levels cost emulation and buy a guest nothing. And
	// cmpxchg16b, which the slab allocator can do without, is not to be trusted:
	// guests of QEMU 7.2 have died of a double fault right behind it, with garbage
	// in EFLAGS.
	cpu := "max,la57=off,cx16=off"
	if accel == KVM {
		cpu = "host"
	}
	// What a test never looks at is left out: it costs boot time.
	machine := "q35,accel=" + string(accel) + ",smm=off,usb=off,sata=off,vmport=off,graphics=off"
	args := []string{
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
		"-cpu", cpu, "-smp", fmt.Sprint(max(c.CPUs, 1)), "-m", fmt.Sprintf("%dM", c.Memory()),
	}
	if c.Hold {
		args = append(args, "-no-shutdown")
	}
	if c.RAM != "" {
		machine += ",memory-backend=ram"
		args = append(args, "-object", fmt.Sprintf("memory-backend-file,id=ram,mem-path=%s,size=%dM,share=%s", option(c.RAM), c.Memory(), onOff(share)))
	}
	args = append(args, "-machine", machine)
	for _, ch := range []struct {
		id string
		fd int
	}{{"console", fd.console}, {"frames", fd.frames}, {"terminal", fd.terminal}} {
		args = append(args, "-chardev", fmt.Sprintf("socket,id=%s,fd=%d", ch.id, ch.fd), "-serial", "chardev:"+ch.id)
	}
	args = append(args, "-chardev", fmt.Sprintf("socket,id=qmp,fd=%d", fd.qmp), "-mon", "chardev=qmp,mode=control")
	args = append(args, memory("ring", fd.ring, wire.RingSize, "share=on", wire.FramesSlot)...)
	if c.Payload != nil {
		args = append(args, memory("payload", fd.payload, PayloadDeviceSize, "share="+onOff(share), wire.PayloadSlot)...)
	}
	if fd.modulesSize > 0 {
		// What a guest writes there is dropped.
		args = append(args, memory("modules", fd.modules, fd.modulesSize, "readonly=on,share="+onOff(share), wire.ModulesSlot)...)
	}
	if len(c.Devices) > 0 {
		args = append(args, c.build(fd).args...)
	}
	return args
}

// option quotes the value of an option, which ends at a comma
// (docs/system/invocation of QEMU).
func option(value string) string { return strings.ReplaceAll(value, ",", ",,") }

// memory is a PCI device whose memory is the file fd.
func memory(id string, fd int, size int64, options string, slot int) []string {
	return []string{
		"-object", fmt.Sprintf("memory-backend-file,id=%s,mem-path=/proc/self/fd/%d,size=%d,%s", id, fd, size, options),
		"-device", fmt.Sprintf("ivshmem-plain,memdev=%s,master=on,addr=%#x", id, slot),
	}
}

// openModules opens the file behind the device with the modules; it returns nil
// if there is none.
func (c Config) openModules() (f *os.File, size int64, err error) {
	if c.Modules == "" {
		return nil, 0, nil
	}
	if f, err = os.Open(c.Modules); err != nil {
		return nil, 0, fmt.Errorf("open modules of the kernel: %w", err)
	}
	fi, err := f.Stat()
	if err == nil && (fi.Size() < pageSize || fi.Size()&(fi.Size()-1) != 0) {
		err = fmt.Errorf("%s has %d bytes, which is no power of two", c.Modules, fi.Size())
	}
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("open modules of the kernel: %w", err)
	}
	return f, fi.Size(), nil
}

const pageSize = 4096
