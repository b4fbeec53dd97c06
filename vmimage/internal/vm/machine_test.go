package vm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/guestenv"
)

func TestArgs(t *testing.T) {
	payload, err := NewPayload()
	if err != nil {
		t.Fatal(err)
	}
	defer payload.Close()
	fd := fds{console: 3, frames: 4, terminal: 5, qmp: 6, ring: 7, payload: 8}
	common := []string{
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
	}
	ports := []string{
		"-chardev", "socket,id=console,fd=3", "-serial", "chardev:console",
		"-chardev", "socket,id=frames,fd=4", "-serial", "chardev:frames",
		"-chardev", "socket,id=terminal,fd=5", "-serial", "chardev:terminal",
		"-chardev", "socket,id=qmp,fd=6", "-mon", "chardev=qmp,mode=control",
		"-object", "memory-backend-file,id=ring,mem-path=/proc/self/fd/7,size=1048576,share=on", "-device", "ivshmem-plain,memdev=ring,master=on,addr=0x10",
	}
	const off = ",smm=off,usb=off,sata=off,vmport=off,graphics=off"
	for _, tc := range []struct {
		name  string
		c     Config
		share bool
		want  []string
	}{
		{
			"the default is TCG, one processor, memory of its own", Config{}, true,
			slices.Concat(common, []string{"-cpu", "max,la57=off,cx16=off", "-smp", "1", "-m", "512M", "-machine", "q35,accel=tcg" + off}, ports),
		},
		{
			"KVM has the host's processor", Config{Accel: KVM, CPUs: 2, MemoryMiB: 1024}, true,
			slices.Concat(common, []string{"-cpu", "host", "-smp", "2", "-m", "1024M", "-machine", "q35,accel=kvm" + off}, ports),
		},
		{
			"a guest to be saved shares its memory and its payload", Config{RAM: "/c/ram", Payload: payload}, true,
			slices.Concat(common, []string{
				"-cpu", "max,la57=off,cx16=off", "-smp", "1", "-m", "512M",
				"-object", "memory-backend-file,id=ram,mem-path=/c/ram,size=512M,share=on", "-machine", "q35,accel=tcg" + off + ",memory-backend=ram",
			}, ports, []string{
				"-object", "memory-backend-file,id=payload,mem-path=/proc/self/fd/8,size=268435456,share=on", "-device", "ivshmem-plain,memdev=payload,master=on,addr=0x11",
			}),
		},
		{
			"a restored guest shares but the ring", Config{RAM: "/c/ram", Payload: payload}, false,
			slices.Concat(common, []string{
				"-cpu", "max,la57=off,cx16=off", "-smp", "1", "-m", "512M",
				"-object", "memory-backend-file,id=ram,mem-path=/c/ram,size=512M,share=off", "-machine", "q35,accel=tcg" + off + ",memory-backend=ram",
			}, ports, []string{
				"-object", "memory-backend-file,id=payload,mem-path=/proc/self/fd/8,size=268435456,share=off", "-device", "ivshmem-plain,memdev=payload,master=on,addr=0x11",
			}),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.c.args(fd, tc.share)); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKernelCommandLine(t *testing.T) {
	got := strings.Fields(Config{KernelArgs: []string{"slab_debug=FZPU", "quiet"}}.cmdline())
	// Without the token nothing in the guest loads a module; without the two
	// panic settings a crash is a hang.
	for _, want := range []string{guestenv.CmdlineToken, "console=ttyS0", "panic=-1", "oops=panic", "slab_debug=FZPU", "quiet"} {
		if !slices.Contains(got, want) {
			t.Errorf("kernel command line %q lacks %s", got, want)
		}
	}
	if got[len(got)-1] != "quiet" {
		t.Errorf("the user's arguments do not come last in %q: they could not override ours", got)
	}
}

func TestValidate(t *testing.T) {
	ok := Config{QEMU: "/usr/bin/qemu", Kernel: "k", Initrd: "i"}
	for _, tc := range []struct {
		name   string
		change func(*Config)
		want   string // in the error; "" for none
	}{
		{"complete", func(*Config) {}, ""},
		{"no QEMU", func(c *Config) { c.QEMU = "" }, "no QEMU"},
		{"blank in path", func(c *Config) { c.QEMU = "/my programs/qemu" }, "blanks"},
		{"no kernel", func(c *Config) { c.Kernel = "" }, "no kernel image"},
		{"no initramfs", func(c *Config) { c.Initrd = "" }, "no initramfs"},
		{"unknown accelerator", func(c *Config) { c.Accel = "xen" }, `accelerator "xen": known are tcg and kvm`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := ok
			tc.change(&c)
			err := c.Validate()
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

// TestStartFails proves that a QEMU that ends at once is an error that tells
// QEMU's own words, and leaves nothing waiting.
func TestStartFails(t *testing.T) {
	qemu := filepath.Join(t.TempDir(), "qemu")
	if err := os.WriteFile(qemu, []byte("#!/bin/sh\necho 'qemu: no such machine' >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	v, err := Start(t.Context(), Config{QEMU: qemu, Kernel: "k", Initrd: "i"})
	if err != nil {
		t.Fatal(err)
	}
	err = v.Wait()
	if err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(err.Error(), "no such machine") {
		t.Errorf("error = %v, want exit status and QEMU's words", err)
	}
}

// TestKVMGivesUp proves that QEMU's complaint about KVM, after which it only
// waits, ends the guest.
func TestKVMGivesUp(t *testing.T) {
	qemu := filepath.Join(t.TempDir(), "qemu")
	if err := os.WriteFile(qemu, []byte("#!/bin/sh\necho 'KVM internal error. Suberror: 1' >&2\nexec sleep 600\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	v, err := Start(t.Context(), Config{QEMU: qemu, Kernel: "k", Initrd: "i", Accel: KVM})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Wait(); err == nil || !strings.Contains(err.Error(), errKVM.Error()) {
		t.Errorf("error = %v, want %v", err, errKVM)
	}
}

// QEMU takes a comma for the end of an option.
func TestArgsComma(t *testing.T) {
	args := strings.Join(Config{RAM: "/a,b/ram"}.args(fds{}, false), " ")
	if want := "mem-path=/a,,b/ram,size="; !strings.Contains(args, want) {
		t.Errorf("%s\nlacks %s", args, want)
	}
}

// The modules of the kernel are only read, and shared like the memory.
func TestModulesDevice(t *testing.T) {
	for share, option := range map[bool]string{true: "share=on", false: "share=off"} {
		args := Config{}.args(fds{modules: 9, modulesSize: 1 << 20}, share)
		want := []string{
			"-object", "memory-backend-file,id=modules,mem-path=/proc/self/fd/9,size=1048576,readonly=on," + option,
			"-device", "ivshmem-plain,memdev=modules,master=on,addr=0x12",
		}
		if diff := cmp.Diff(want, args[len(args)-4:]); diff != "" {
			t.Errorf("arguments (-want +got):\n%s", diff)
		}
	}
	dir := t.TempDir()
	for name, size := range map[string]int64{"empty": 0, "small": 2048, "odd": 3 * 4096, "good": 4 * 4096} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
		f, got, err := Config{Modules: path}.openModules()
		if (err == nil) != (name == "good") || err == nil && got != size {
			t.Errorf("%s: size %d, error %v", name, got, err)
		}
		if f != nil && err == nil {
			f.Close()
		}
	}
}
