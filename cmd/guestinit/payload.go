package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// openShared opens the memory of the device that the host shares in a slot of the
// PCI bus. The error wraps os.ErrNotExist if there is none.
func openShared(slot, flag int) (*os.File, error) {
	memory := sharedMemory(slot)
	// The firmware may have left the device's memory disabled.
	if err := os.WriteFile(filepath.Dir(memory)+"/enable", []byte("1"), 0); err != nil {
		return nil, fmt.Errorf("enable shared memory: %w", err)
	}
	f, err := os.OpenFile(memory, flag, 0)
	if err != nil {
		return nil, fmt.Errorf("open shared memory: %w", err)
	}
	return f, nil
}

// sharedMemory is the file of the memory that a device shares.
func sharedMemory(slot int) string {
	return fmt.Sprintf("/sys/bus/pci/devices/0000:00:%02x.0/resource%d", slot, wire.MemoryBAR)
}

// openRing opens the way of the frames to the host.
func openRing() (*wire.Ring, error) {
	f, err := openShared(wire.FramesSlot, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	mem, err := unix.Mmap(int(f.Fd()), 0, wire.RingSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map shared memory: %w", err)
	}
	return wire.NewRing(mem), nil
}

// A payloadDevice is the open payload device; without a file in a guest that has
// none.
type payloadDevice struct{ *os.File }

// openPayloadDevice opens the payload device.
func openPayloadDevice() (payloadDevice, error) {
	f, err := openShared(wire.PayloadSlot, os.O_RDWR)
	if errors.Is(err, os.ErrNotExist) {
		return payloadDevice{}, nil
	}
	return payloadDevice{f}, err
}

func (d payloadDevice) close() {
	if d.File != nil {
		d.Close()
	}
}

// unpack unpacks the tar archive of size bytes that the device holds.
func (d payloadDevice) unpack(size int64) error {
	if size == 0 {
		return nil
	}
	if d.File == nil {
		return errors.New("unpack payload: the guest has no payload device")
	}
	mem, err := unix.Mmap(int(d.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map payload device: %w", err)
	}
	defer unix.Munmap(mem)
	if err := untar(mem, "/"); err != nil {
		return fmt.Errorf("unpack payload: %w", err)
	}
	return nil
}

func readLine(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// untar unpacks the archive below root. Files are written straight from the
// archive: every copy of some megabytes counts without KVM.
func untar(archive []byte, root string) error {
	r := bytes.NewReader(archive)
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Join(root, filepath.Clean("/"+h.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(name, h.FileInfo().Mode().Perm())
		case tar.TypeSymlink:
			os.Remove(name)
			err = os.Symlink(h.Linkname, name)
		case tar.TypeReg:
			// The reader has consumed the header and nothing of the content.
			at := len(archive) - r.Len()
			if h.Size > int64(len(archive)-at) {
				return fmt.Errorf("%s: %w", h.Name, io.ErrUnexpectedEOF)
			}
			err = writeFile(name, archive[at:at+int(h.Size)], h)
		default:
			err = fmt.Errorf("%s: type %q", h.Name, h.Typeflag)
		}
		if err != nil {
			return err
		}
	}
}

func writeFile(name string, content []byte, h *tar.Header) error {
	const flags = os.O_CREATE | os.O_TRUNC | os.O_WRONLY | unix.O_NOFOLLOW
	f, err := os.OpenFile(name, flags, h.FileInfo().Mode().Perm())
	if errors.Is(err, unix.ELOOP) {
		// A link makes room: what it leads to, one of the image's, is another file.
		if err = os.Remove(name); err == nil {
			f, err = os.OpenFile(name, flags, h.FileInfo().Mode().Perm())
		}
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Chtimes(name, h.ModTime, h.ModTime)
}
