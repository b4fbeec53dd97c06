package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDevices(t *testing.T) {
	for _, tc := range []struct {
		name    string
		devices []string
		want    []string
	}{
		{"none", nil, nil},
		{"edu", []string{"edu"}, []string{"-device", "edu,addr=0x02"}},
		{"two network cards are on one wire", []string{"e1000e", "virtio-net"}, []string{
			"-netdev", "hubport,id=net0,hubid=0", "-device", "e1000e,romfile=,netdev=net0,addr=0x02",
			"-netdev", "hubport,id=net1,hubid=0", "-device", "virtio-net-pci,romfile=,netdev=net1,addr=0x03",
		}},
		{"disks are files of their own", []string{"nvme", "virtio-scsi"}, []string{
			"-blockdev", "driver=raw,node-name=disk0,discard=unmap,file.driver=file,file.locking=off,file.filename=/proc/self/fd/7",
			"-device", "nvme,serial=kmodtest0,drive=disk0,addr=0x02",
			"-device", "virtio-scsi-pci,id=bus1,addr=0x03",
			"-blockdev", "driver=raw,node-name=disk1,discard=unmap,file.driver=file,file.locking=off,file.filename=/proc/self/fd/8",
			"-device", "scsi-hd,bus=bus1.0,drive=disk1",
		}},
		{"one USB controller", []string{"usb-kbd", "usb", "usb-tablet"}, []string{
			"-device", "qemu-xhci,id=usb,p2=15,p3=15,addr=0x02", "-device", "usb-kbd,bus=usb.0", "-device", "usb-tablet,bus=usb.0",
		}},
		{"a TPM is a process", []string{"tpm"}, []string{
			"-chardev", "socket,id=tpm,fd=9", "-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			all := Config{Devices: tc.devices}.args(fds{disks: []int{7, 8}, tpm: 9}, false)
			without := Config{}.args(fds{}, false)
			if diff := cmp.Diff(tc.want, all[len(without):]); len(tc.want)+len(all)-len(without) > 0 && diff != "" {
				t.Errorf("further arguments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckDevices(t *testing.T) {
	for _, tc := range []struct {
		name    string
		devices []string
		want    string // "" for none
	}{
		{"none", nil, ""},
		{"all kinds", []string{"edu", "edu", "nvme", "ipmi"}, ""},
		{"unknown", []string{"edu2"}, `unknown device "edu2": known are ahci, can, `},
		{"one only", []string{"ipmi", "ipmi"}, "device ipmi: a guest has room for one"},
		{"as many as there are slots", slices.Repeat([]string{"edu"}, 14), ""},
		{"too many", slices.Repeat([]string{"edu"}, 15), "15 devices: a guest has 14 slots for them"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := CheckDevices(tc.devices)
			if got := fmt.Sprint(err); tc.want == "" && err != nil || !strings.Contains(got, tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// TestHasDevices has a QEMU that lacks most of them, and one that is not to be
// asked.
func TestHasDevices(t *testing.T) {
	qemu := filepath.Join(t.TempDir(), "qemu")
	script := "#!/bin/sh\necho 'Misc devices:'\necho 'name \"edu\", bus PCI'\necho 'name \"usb-kbd\", bus usb-bus'\n"
	if err := os.WriteFile(qemu, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := HasDevices(t.Context(), qemu, []string{"edu"}); err != nil {
		t.Error(err)
	}
	err := HasDevices(t.Context(), qemu, []string{"edu", "usb-kbd", "nvme"})
	for _, want := range []string{"device usb-kbd: " + qemu + " has no qemu-xhci", "device nvme: " + qemu + " has no nvme: leave it out"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if err := HasDevices(t.Context(), qemu, []string{"tpm"}); err == nil || !strings.Contains(err.Error(), "(it is in Debian's package swtpm): install it") {
		t.Errorf("a TPM without its program: error %v", err)
	}
	if err := HasDevices(t.Context(), "/no/such/qemu", nil); err != nil {
		t.Errorf("a run without devices asks QEMU: %v", err)
	}
	if err := HasDevices(t.Context(), "/no/such/qemu", []string{"edu"}); err == nil {
		t.Error("no error without a QEMU")
	}
}

// The snapshot of a guest with devices is not that of one without.
func TestSnapshotOfDevices(t *testing.T) {
	keys := make(map[string]string)
	for _, devices := range [][]string{nil, {"virtio-rng"}, {"virtio-rng", "virtio-rng"}, {"virtio-blk"}} {
		key, err := Config{QEMU: "/bin/sh", Devices: devices}.SnapshotKey("")
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := keys[key]; ok {
			t.Errorf("guests with %q and %v share a snapshot", other, devices)
		}
		keys[key] = fmt.Sprint(devices)
	}
	if why := (Config{Devices: []string{"virtio-rng"}}).CannotFreeze(); why != "" {
		t.Error(why)
	}
	if why := (Config{Devices: []string{"virtio-rng", "nvme"}}).CannotFreeze(); !strings.Contains(why, "nvme") {
		t.Errorf("%q does not name nvme", why)
	}
}
