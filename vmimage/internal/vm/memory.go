package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Memory is a guest's memory, by physical address, while the guest runs. The
// memory of a restored guest is QEMU's own and no other process can map it, so
// that it is read out of QEMU; that goes at the speed of the host, whatever the
// guest's processor is.
type Memory struct {
	pid    int
	blocks []block
	shared bool // with a file, which has what the guest wrote
	// pagemap opens /proc/PID/pagemap, once.
	pagemap func() (*os.File, error)
}

// block is a part of the guest's memory that is in one piece in QEMU.
type block struct{ start, size, host uint64 }

// ringFile is the file of the guest's frames, as QEMU has it open.
type ringFile struct {
	info os.FileInfo
	fd   int
}

// pid finds QEMU's process number, which package vmtest keeps to itself: QEMU is
// the process that was started with the ring as this descriptor.
func (r ringFile) pid() (int, error) {
	ents, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range ents {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		fi, err := os.Stat(fmt.Sprintf("/proc/%d/fd/%d", pid, r.fd))
		if err == nil && os.SameFile(fi, r.info) {
			return pid, nil
		}
	}
	return 0, errors.New("no process has it")
}

// hostAddress is how QEMU's monitor answers to gpa2hva.
var hostAddress = regexp.MustCompile(`^Host virtual address for 0x[0-9a-f]+ \(.*\) is (0x[0-9a-f]+)`)

// above4G is where the part of the memory begins that has no room below the
// devices.
const above4G = 4 << 30

// Memory returns the guest's memory. It is no longer valid when QEMU has ended.
func (v *VM) Memory(ctx context.Context, c Config) (*Memory, error) {
	pid, err := v.ring.pid()
	if err != nil {
		return nil, fmt.Errorf("find QEMU's process: %w", err)
	}
	m := &Memory{pid: pid, shared: v.shares, pagemap: sync.OnceValues(func() (*os.File, error) { return openPagemap(pid) })}
	size := uint64(c.Memory()) << 20
	low, err := v.hostAddress(ctx, 0)
	if err != nil {
		return nil, err
	}
	if high, err := v.hostAddress(ctx, above4G); err == nil && high > low && high-low < size {
		m.blocks = []block{{0, high - low, low}, {above4G, size - (high - low), high}}
	} else {
		m.blocks = []block{{0, size, low}}
	}
	return m, nil
}

// hostAddress asks where in QEMU a byte of the guest's memory is.
func (v *VM) hostAddress(ctx context.Context, at uint64) (uint64, error) {
	var answer string
	if err := v.qmp.run(ctx, "human-monitor-command", map[string]any{"command-line": fmt.Sprintf("gpa2hva %#x", at)}, &answer); err != nil {
		return 0, fmt.Errorf("find guest's memory: %w", err)
	}
	sub := hostAddress.FindStringSubmatch(answer)
	if sub == nil {
		return 0, fmt.Errorf("find guest's memory: QEMU's monitor answers: %s", answer)
	}
	return strconv.ParseUint(sub[1], 0, 64)
}

// ErrNotReadable says that the system does not let this process look into QEMU,
// its own child.
var ErrNotReadable = errors.New("this system does not let a process read its child's memory")

// ReadAt implements io.ReaderAt by physical address. A range that is not all
// memory is an error.
func (m *Memory) ReadAt(p []byte, at int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r, ok := m.remote(uint64(at), len(p))
	if !ok {
		return 0, fmt.Errorf("read guest's memory: %#x to %#x is none", at, uint64(at)+uint64(len(p)))
	}
	n, err := m.readv(p, []unix.RemoteIovec{r})
	if err == nil && n != len(p) {
		err = fmt.Errorf("read guest's memory: %d bytes of %d at %#x", n, len(p), at)
	}
	return n, err
}

// WriteAt implements io.WriterAt by physical address. The guest sees what is written
// as if a device had done it.
func (m *Memory) WriteAt(p []byte, at int64) (int, error) {
	r, ok := m.remote(uint64(at), len(p))
	if !ok {
		return 0, fmt.Errorf("write guest's memory: %#x to %#x is none", at, uint64(at)+uint64(len(p)))
	}
	local := []unix.Iovec{{Base: unsafe.SliceData(p)}}
	local[0].SetLen(len(p))
	n, err := unix.ProcessVMWritev(m.pid, local, []unix.RemoteIovec{r}, 0)
	if err == nil && n != len(p) {
		err = fmt.Errorf("%d bytes of %d", n, len(p))
	}
	if err != nil {
		return max(n, 0), fmt.Errorf("write guest's memory at %#x: %w", at, err)
	}
	return n, nil
}

// ReadPages reads pieces of memory of one size, which start at the given addresses,
// one behind the other into p. It returns how many it read: as many as lie in
// memory, up to the first that does not. That costs much less than to read each.
func (m *Memory) ReadPages(p []byte, size int, at []uint64) (int, error) {
	const most = 1024 // UIO_MAXIOV, see process_vm_readv(2)
	for done := 0; ; {
		var remote []unix.RemoteIovec
		for _, a := range at[done:min(done+most, len(at))] {
			r, ok := m.remote(a, size)
			if !ok {
				at = at[:done+len(remote)]
				break
			}
			remote = append(remote, r)
		}
		if len(remote) == 0 {
			return done, nil
		}
		n, err := m.readv(p[done*size:(done+len(remote))*size], remote)
		if done += n / size; err != nil || n != len(remote)*size {
			return done, err
		}
	}
}

// remote is where a piece of the guest's memory is in QEMU.
func (m *Memory) remote(start uint64, size int) (unix.RemoteIovec, bool) {
	for _, b := range m.blocks {
		if off := start - b.start; start >= b.start && off < b.size && uint64(size) <= b.size-off {
			return unix.RemoteIovec{Base: uintptr(b.host + off), Len: size}, true
		}
	}
	return unix.RemoteIovec{}, false
}

func (m *Memory) readv(p []byte, remote []unix.RemoteIovec) (int, error) {
	local := []unix.Iovec{{Base: &p[0]}}
	local[0].SetLen(len(p))
	n, err := unix.ProcessVMReadv(m.pid, local, remote, 0)
	if err != nil {
		return 0, readError(err)
	}
	return n, nil
}

// readError says what an error of process_vm_readv(2) means.
func readError(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("read guest's memory: %w: %w", ErrNotReadable, err)
	case err != nil:
		return fmt.Errorf("read guest's memory: %w", err)
	}
	return nil
}
