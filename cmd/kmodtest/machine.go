package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/vmimage"
)

// What a run takes of the cache's file system: a kernel with its headers is
// 250 MB, a compiler of another suite 300 MB, the image 10 MB.
const (
	spaceNeeded  = 1 << 30
	spaceComfort = 4 << 30
)

// spaceFinding checks the file system of the cache, or of the nearest parent
// that exists: doctor makes no directory.
func spaceFinding(dir string) finding {
	f := finding{name: "space for the cache", needed: true, remedy: "free some, run `kmodtest cache prune`, or set KMODTEST_CACHE"}
	var st unix.Statfs_t
	err := unix.Statfs(dir, &st)
	for d := dir; errors.Is(err, fs.ErrNotExist) && d != filepath.Dir(d); {
		d = filepath.Dir(d)
		err = unix.Statfs(d, &st)
	}
	if err != nil {
		f.missing, f.detail = true, fmt.Sprintf("%s: %v", dir, err)
		return f
	}
	free := st.Bavail * uint64(st.Bsize)
	f.detail = fmt.Sprintf("%.1f GB free in %s", float64(free)/1e9, dir)
	f.missing = free < spaceComfort
	f.needed = free < spaceNeeded
	return f
}

// kvmFinding tells whether guests run under KVM.
func kvmFinding(ctx context.Context, s *vmimage.Session) finding {
	f := finding{name: "/dev/kvm"}
	works, tried, err := s.KVM(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.missing, f.detail = true, "none: guests run in emulation, some 10 times slower"
		f.remedy = "enable virtualisation in the firmware, or nested virtualisation on the host of this machine"
	case errors.Is(err, fs.ErrPermission):
		f.missing, f.detail = true, "no access: guests run in emulation, some 10 times slower"
		f.remedy = "add yourself to its group: sudo usermod -aG kvm $USER, then log in again"
	case err != nil:
		f.missing, f.detail = true, err.Error()
	case !tried:
		f.detail = "accessible; whether it works is tried when the default kernel is cached"
	case !works:
		f.missing, f.detail = true, "accessible, but boots no kernel: guests run in emulation, some 10 times slower"
		f.remedy = "use a machine with working virtualisation, if time matters"
	default:
		f.detail = "works"
	}
	return f
}
