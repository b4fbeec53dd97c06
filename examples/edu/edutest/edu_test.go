// Package edutest tests the driver in ../src in a guest that has QEMU's edu device.
package edutest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/guest"
)

func TestMain(m *testing.M) { guest.Main(m) }

// The interface of src/edu.h.
const (
	bufSize      = 4095
	factorialMax = 12

	iocLiveness  = 0xc0044501 // _IOWR('E', 1, __u32)
	iocFactorial = 0xc0044502 // _IOWR('E', 2, __u32)
)

const driverDir = "/sys/bus/pci/drivers/edu"

// open loads the driver and opens its device. Both end with the test.
func open(t *testing.T) *os.File {
	t.Helper()
	guest.Load(t, "edu")
	f, err := os.OpenFile("/dev/edu0", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() }) // before the driver is unloaded
	return f
}

func ioctl(f *os.File, request uintptr, val uint32) (uint32, error) {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(&val)))
	if errno != 0 {
		return 0, errno
	}
	return val, nil
}

// address is the PCI address of the device that the driver is bound to.
func address(t *testing.T) string {
	t.Helper()
	bound, err := filepath.Glob(driverDir + "/0000:*")
	if err != nil || len(bound) != 1 {
		t.Fatalf("the driver is bound to %v (%v), want one device", bound, err)
	}
	return filepath.Base(bound[0])
}

func TestProbe(t *testing.T) {
	open(t)
	address(t)
}

func TestLiveness(t *testing.T) {
	f := open(t)
	for _, val := range []uint32{0, 1, 0xdeadbeef, 0xffffffff} {
		got, err := ioctl(f, iocLiveness, val)
		if err != nil || got != ^val {
			t.Errorf("liveness(%#x) = %#x, %v, want %#x", val, got, err, ^val)
		}
	}
}

// TestFactorial waits for the device's interrupt.
func TestFactorial(t *testing.T) {
	f := open(t)
	want := uint32(1)
	for n := uint32(0); n <= factorialMax; n++ {
		if n > 0 {
			want *= n
		}
		got, err := ioctl(f, iocFactorial, n)
		if err != nil || got != want {
			t.Errorf("factorial(%d) = %d, %v, want %d", n, got, err, want)
		}
	}
	if _, err := ioctl(f, iocFactorial, factorialMax+1); !errors.Is(err, unix.ERANGE) {
		t.Errorf("factorial(%d): error %v, want ERANGE", factorialMax+1, err)
	}
}

func TestUnknownIoctl(t *testing.T) {
	if _, err := ioctl(open(t), 0xc0044503, 0); !errors.Is(err, unix.ENOTTY) {
		t.Errorf("error %v, want ENOTTY", err)
	}
}

// TestTransfer writes and reads by DMA, from the middle of the buffer, too.
func TestTransfer(t *testing.T) {
	f := open(t)
	whole := make([]byte, bufSize)
	for i := range whole {
		whole[i] = byte(i * 7)
	}
	if _, err := f.WriteAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	patch := []byte("kmodtest")
	if _, err := f.WriteAt(patch, 100); err != nil {
		t.Fatal(err)
	}
	copy(whole[100:], patch)
	got := make([]byte, bufSize)
	if _, err := io.ReadFull(f, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, whole) {
		t.Error("what was read is not what was written")
	}
	if n, err := f.Read(got); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d bytes, %v, want end of file", n, err)
	}
	if _, err := f.WriteAt([]byte{1}, bufSize); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("write behind the end: %v, want ENOSPC", err)
	}
}

// TestUnbind takes the device away from a file that is open.
func TestUnbind(t *testing.T) {
	f := open(t)
	dev := address(t)
	if err := os.WriteFile(driverDir+"/unbind", []byte(dev), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := ioctl(f, iocLiveness, 0); !errors.Is(err, unix.ENODEV) {
		t.Errorf("after the unbind: %v, want ENODEV", err)
	}
	if _, err := os.Stat("/dev/edu0"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the unbind: /dev/edu0: %v, want none", err)
	}
	if err := os.WriteFile(driverDir+"/bind", []byte(dev), 0); err != nil {
		t.Fatal(err)
	}
	again, err := os.OpenFile("/dev/edu0", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, err := ioctl(again, iocLiveness, 0); err != nil || got != ^uint32(0) {
		t.Errorf("after it was bound again: liveness(0) = %#x, %v", got, err)
	}
}

// TestUnbindBusy takes the device away while a transfer is under way, which takes
// the device a tenth of a second.
func TestUnbindBusy(t *testing.T) {
	f := open(t)
	dev := address(t)
	done := make(chan error)
	go func() {
		_, err := f.ReadAt(make([]byte, bufSize), 0)
		done <- err
	}()
	time.Sleep(20 * time.Millisecond) // either order is right, this one is meant
	if err := os.WriteFile(driverDir+"/unbind", []byte(dev), 0); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil && !errors.Is(err, unix.ENODEV) {
		t.Error(err)
	}
}
