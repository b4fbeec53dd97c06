package vm

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const hostPage = 4096 // of amd64, the only host there is

// Refresh reads into p what lies at a physical address, given that p holds what
// Refresh read from there before; first tells that it holds nothing yet. It tells for
// each page of the guest, counted from the one that the address is in, whether it was
// read, and reads no page that cannot have changed: the memory of a guest that was
// restored is a private mapping of the snapshot, and a page that is still the file's
// is what it was.
func (m *Memory) Refresh(p []byte, at uint64, first bool) (read []bool, err error) {
	r, ok := m.remote(at, len(p))
	if !ok {
		return nil, fmt.Errorf("read guest's memory: %#x to %#x is none", at, at+uint64(len(p)))
	}
	start := uint64(r.Base) &^ (hostPage - 1)
	read = make([]bool, (uint64(r.Base)+uint64(len(p))-start+hostPage-1)/hostPage)
	if first || !m.Tells() || m.written(start, read) != nil {
		for i := range read {
			read[i] = true
		}
	}
	return read, m.readSome(p, uint64(r.Base), read)
}

// Tells tells whether Refresh knows of pages that need not be read again.
func (m *Memory) Tells() bool {
	_, err := m.pagemap()
	return err == nil && !m.shared
}

// written marks which pages of QEMU's memory have been written to, if they were
// mapped from a file for this process alone, or from none
// (Documentation/admin-guide/mm/pagemap.rst).
func (m *Memory) written(start uint64, pages []bool) error {
	f, err := m.pagemap()
	if err != nil {
		return err
	}
	const (
		entry   = 8
		file    = 1 << 61 // or shared memory
		swapped = 1 << 62
		present = 1 << 63
	)
	b := make([]byte, entry*len(pages))
	if _, err := f.ReadAt(b, int64(start/hostPage*entry)); err != nil {
		return err
	}
	for i := range pages {
		e := binary.NativeEndian.Uint64(b[entry*i:])
		pages[i] = e&swapped != 0 || e&present != 0 && e&file == 0
	}
	return nil
}

// readSome reads those pages of QEMU's memory from base on that are marked.
func (m *Memory) readSome(p []byte, base uint64, marked []bool) error {
	const most = 1024 // UIO_MAXIOV, see process_vm_readv(2)
	start := base &^ (hostPage - 1)
	var local []unix.Iovec
	var remote []unix.RemoteIovec
	flush := func() error {
		want := 0
		for _, r := range remote {
			want += r.Len
		}
		if want == 0 {
			return nil
		}
		n, err := unix.ProcessVMReadv(m.pid, local, remote, 0)
		if err == nil && n != want {
			err = fmt.Errorf("%d bytes of %d", n, want)
		}
		local, remote = local[:0], remote[:0]
		return readError(err)
	}
	for i := 0; i < len(marked); i++ {
		if !marked[i] {
			continue
		}
		from := i
		for i+1 < len(marked) && marked[i+1] {
			i++
		}
		low, high := max(start+uint64(from)*hostPage, base), min(start+uint64(i+1)*hostPage, base+uint64(len(p)))
		l := unix.Iovec{Base: unsafe.SliceData(p[low-base:])}
		l.SetLen(int(high - low))
		local = append(local, l)
		remote = append(remote, unix.RemoteIovec{Base: uintptr(low), Len: int(high - low)})
		if len(remote) == most {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// openPagemap opens what tells of QEMU's pages.
func openPagemap(pid int) (*os.File, error) { return os.Open(fmt.Sprintf("/proc/%d/pagemap", pid)) }
