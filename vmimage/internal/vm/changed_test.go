package vm

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// The memory of this process is as good as QEMU's: a private mapping of a file.
func TestRefresh(t *testing.T) {
	const pages = 6
	name := filepath.Join(t.TempDir(), "ram")
	if err := os.WriteFile(name, make([]byte, pages*hostPage), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ram, err := unix.Mmap(int(f.Fd()), 0, pages*hostPage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(ram) }()
	m := &Memory{
		pid: os.Getpid(), blocks: []block{{0, pages * hostPage, uint64(uintptr(unsafe.Pointer(&ram[0])))}},
		pagemap: sync.OnceValues(func() (*os.File, error) { return openPagemap(os.Getpid()) }),
	}
	const at, end = hostPage + 8, pages*hostPage - 16 // neither starts nor ends with a page
	p := make([]byte, end-at)
	refresh := func(first bool) []bool {
		t.Helper()
		read, err := m.Refresh(p, at, first)
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
	all := []bool{true, true, true, true, true}
	if diff := cmp.Diff(all, refresh(true)); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(make([]bool, 5), refresh(false)); diff != "" {
		t.Errorf("nothing was written (-want +got):\n%s", diff)
	}
	for _, i := range []int{at, 3 * hostPage, 4*hostPage + 1, end - 1} {
		ram[i] = byte(i | 1)
	}
	if diff := cmp.Diff([]bool{true, false, true, true, true}, refresh(false)); diff != "" {
		t.Errorf("four pages were written (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ram[at:end], p); diff != "" {
		t.Errorf("memory (-want +got):\n%s", diff)
	}
	if _, err := m.WriteAt([]byte{7}, 2*hostPage); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, refresh(false)); diff != "" || p[2*hostPage-at] != 7 {
		t.Errorf("the host wrote a page, too (-want +got):\n%s", diff)
	}
	if _, err := m.Refresh(p, 2*hostPage, false); err == nil {
		t.Error("what is no memory was read")
	}

	// Where nothing can be told, everything is read.
	for name, m := range map[string]*Memory{
		"shared":     {pid: m.pid, blocks: m.blocks, pagemap: m.pagemap, shared: true},
		"unreadable": {pid: m.pid, blocks: m.blocks, pagemap: func() (*os.File, error) { return nil, errors.New("not for you") }},
	} {
		p := make([]byte, end-at)
		read, err := m.Refresh(p, at, false)
		if diff := cmp.Diff(all, read); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if diff := cmp.Diff(ram[at:end], p); diff != "" {
			t.Errorf("%s: memory (-want +got):\n%s", name, diff)
		}
	}
}
