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

// The payload device is QEMU's ivshmem-plain (docs/specs/ivshmem-spec.rst of
// QEMU): BAR 2 is the memory that the host shares. It needs no driver, sysfs
// maps it, so that it works on every kernel with PCI.
const (
	ivshmemVendor = "0x1af4"
	ivshmemDevice = "0x1110"
)

// A payloadDevice is the open payload device; nil in a guest without one.
type payloadDevice struct{ *os.File }

// openPayloadDevice finds the payload device and makes its memory accessible.
func openPayloadDevice() (payloadDevice, error) {
	dev, err := findPayloadDevice()
	if err != nil || dev == "" {
		return payloadDevice{}, err
	}
	// The firmware may have left the device's memory disabled.
	if err := os.WriteFile(filepath.Join(dev, "enable"), []byte("1"), 0); err != nil {
		return payloadDevice{}, fmt.Errorf("enable payload device: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dev, "resource2"), os.O_RDWR, 0)
	if err != nil {
		return payloadDevice{}, fmt.Errorf("open payload device: %w", err)
	}
	return payloadDevice{f}, nil
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
		return errors.New("unpack payload: no ivshmem device among the PCI devices")
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

// findPayloadDevice returns the device's folder in sysfs, empty if there is none.
func findPayloadDevice() (string, error) {
	devs, err := filepath.Glob("/sys/bus/pci/devices/*")
	if err != nil {
		return "", fmt.Errorf("list PCI devices: %w", err)
	}
	for _, d := range devs {
		if readLine(d+"/vendor") == ivshmemVendor && readLine(d+"/device") == ivshmemDevice {
			return d, nil
		}
	}
	return "", nil
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
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, h.FileInfo().Mode().Perm())
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

// sendOutput hands the file name, or every file below the directory name, to
// the host. A name that does not exist was not written, which is no error.
func sendOutput(out *wire.Writer, name string) error {
	return filepath.WalkDir(name, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read output: %w", err)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return sendFile(out, path)
	})
}

func sendFile(out *wire.Writer, path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read output: %w", err)
	}
	fi, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read output: %w", err)
	}
	h := wire.FileHeader{Path: path, Mode: uint32(fi.Mode().Perm()), Size: int64(len(b))}
	if err := out.WriteJSON(wire.File, h); err != nil {
		return err
	}
	for len(b) > 0 {
		n := min(len(b), 32<<10)
		if err := out.Write(wire.FileData, b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
