package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/wire"
)

// settings make the kernel say more about a hang, and sooner.
var settings = []struct{ name, value string }{
	// All of sysrq, from the console too.
	{"sysrq", "1"},
	// The host sends an NMI to a guest that answers nothing else: the panic
	// tells where its processor is.
	{"unknown_nmi_panic", "1"},
	// Nothing in a guest waits for hardware: who does not move for so long,
	// even on a busy host, hangs.
	{"hung_task_timeout_secs", "20"},
	{"hung_task_check_interval_secs", "5"},
}

func tune() error {
	for _, s := range settings {
		err := os.WriteFile("/proc/sys/kernel/"+s.name, []byte(s.value), 0)
		// A kernel may be built without one of the detectors.
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("set kernel.%s: %w", s.name, err)
		}
	}
	return setModprobe()
}

// modprobeSetting names the program that the kernel starts when it wants a module.
const modprobeSetting = "/proc/sys/kernel/modprobe"

// setModprobe takes the path of modprobe back if the image has none: the kernel
// then fails a request for a module at once, instead of starting a process to
// find that out (call_modprobe in kernel/module/kmod.c).
func setModprobe() error {
	path := readLine(modprobeSetting)
	if _, err := os.Stat(path); path == "" || err == nil {
		return nil
	}
	if err := os.WriteFile(modprobeSetting, []byte("\n"), 0); err != nil {
		return fmt.Errorf("set kernel.modprobe: %w", err)
	}
	return nil
}

// setLoopbackUp sets lo up, as every distribution's init does.
func setLoopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("name lo: %w", err)
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	return nil
}

// openPort opens a serial port for bytes as they are. The file stays blocking:
// a port in Go's poller would be set non-blocking for nothing.
func openPort(name string) (*os.File, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("read settings of %s: %w", name, err)
	}
	// cfmakeraw(3).
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB
	t.Cflag |= unix.CS8 | unix.CREAD | unix.CLOCAL
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	// The rate matters for nothing but the driver's time-outs.
	t.Cflag = t.Cflag&^unix.CBAUD | unix.B115200
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return nil, fmt.Errorf("set %s raw: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func setClock(now time.Time) error {
	tv := unix.NsecToTimeval(now.UnixNano())
	if err := unix.Settimeofday(&tv); err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	return nil
}

// seedRandom mixes seed into the random pool, credits it, and reseeds the
// generator: guests restored from one snapshot must not share its state.
// The ioctls are those of drivers/char/random.c (include/uapi/linux/random.h).
func seedRandom(seed []byte) error {
	fd, err := unix.Open("/dev/urandom", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("seed random pool: %w", err)
	}
	defer unix.Close(fd)
	var info struct {
		bits, size int32
		buf        [256]byte
	}
	n := copy(info.buf[:], seed)
	info.bits, info.size = int32(8*n), int32(n)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.RNDADDENTROPY,
		uintptr(unsafe.Pointer(&info))); errno != 0 {
		return fmt.Errorf("add entropy: %w", errno)
	}
	const rndReseedCRNG = 0x5207 // RNDRESEEDCRNG, since Linux 4.14
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), rndReseedCRNG, 0); errno != 0 {
		return fmt.Errorf("reseed random generator: %w", errno)
	}
	return nil
}

func loadModule(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("load module: %w", err)
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST {
		return fmt.Errorf("load module %s: %w", path, err)
	}
	return nil
}

// summarize looks at what the guest is left with.
func summarize(info guestenv.Info) (wire.Summary, error) {
	var s wire.Summary
	for name := range info.Modules {
		if _, err := os.Stat("/sys/module/" + name + "/initstate"); err == nil {
			s.Loaded = append(s.Loaded, name)
		}
	}
	_, err := os.Stat(modprobed)
	s.Modprobed = err == nil
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return s, fmt.Errorf("read memory state: %w", err)
	}
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(string(f[1]), 10, 64)
		switch string(f[0]) {
		case "MemTotal:":
			s.MemTotal = kib
		case "MemAvailable:":
			s.MemAvailable = kib
		}
	}
	return s, nil
}

func powerOff() {
	// The page cache holds nothing that outlives the machine: no sync.
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	fmt.Fprintln(os.Stderr, "guestinit: power off:", err)
	select {} // an init that returns panics the kernel
}
