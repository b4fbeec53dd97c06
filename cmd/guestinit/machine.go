package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// What programs expect of a machine is all made before the guest is frozen: a
// restored one gets it for nothing.

// mounts are the file systems of a guest. Those that a kernel may lack are
// optional: what needs them says so itself. They are mounted only if they are
// there at boot, for nothing of this is worth the load of a module.
var mounts = []struct {
	fstype, dir, options string
	optional             bool
}{
	{"proc", "/proc", "", false},
	{"sysfs", "/sys", "", false},
	{"devtmpfs", "/dev", "", false},
	{"devpts", "/dev/pts", "mode=620,ptmxmode=666,gid=5", true},
	{"tmpfs", "/dev/shm", "mode=1777", false},
	// The test binary goes here: large pages are filled in half the time.
	{"tmpfs", "/run", "huge=always", false},
	// Tests expect a sticky, world-writable /tmp.
	{"tmpfs", "/tmp", "mode=1777", false},
	{"debugfs", "/sys/kernel/debug", "", true},
	{"tracefs", "/sys/kernel/tracing", "", true},
	{"securityfs", "/sys/kernel/security", "", true},
	{"configfs", "/sys/kernel/config", "", true},
	{"cgroup2", "/sys/fs/cgroup", "", true},
	{"bpf", "/sys/fs/bpf", "mode=700", true},
	{"mqueue", "/dev/mqueue", "", true},
	{"hugetlbfs", "/dev/hugepages", "", true},
	{"binfmt_misc", "/proc/sys/fs/binfmt_misc", "", true},
}

func mountAll() error {
	var known map[string]bool // once /proc is there
	for _, m := range mounts {
		if m.optional && !known[m.fstype] {
			continue
		}
		if err := os.MkdirAll(m.dir, 0o755); err != nil && !m.optional {
			return fmt.Errorf("make mount point: %w", err)
		}
		err := unix.Mount(m.fstype, m.dir, m.fstype, 0, m.options)
		if err != nil && m.options != "" {
			err = unix.Mount(m.fstype, m.dir, m.fstype, 0, "") // an older kernel
		}
		if err != nil && !m.optional {
			return fmt.Errorf("mount %s on %s: %w", m.fstype, m.dir, err)
		}
		if m.dir == "/proc" {
			if known, err = fileSystems(); err != nil {
				return err
			}
		}
	}
	for _, f := range []func() error{mergeUsr, makeTree, setHostName, setLoopbackUp} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// fileSystems are the types that the kernel knows without loading a module.
func fileSystems() (map[string]bool, error) {
	b, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return nil, fmt.Errorf("list file systems: %w", err)
	}
	known := make(map[string]bool)
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line) // "nodev proc", "ext4"
		known[f[len(f)-1]] = true
	}
	return known, nil
}

// hostName is the name of every guest.
const hostName = "guest"

func setHostName() error {
	if err := unix.Sethostname([]byte(hostName)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	return nil
}

// dirs are the directories that programs take for granted.
var dirs = []struct {
	name string
	mode os.FileMode
}{
	{"/etc", 0o755}, {"/root", 0o700},
	{"/home", 0o755}, {"/mnt", 0o755}, {"/scratch", 0o755}, {"/var/lib", 0o755}, {"/var/log", 0o755}, {"/var/tmp", 0o777 | os.ModeSticky},
	{"/run/lock", 0o777 | os.ModeSticky},
}

// links are the links that programs take for granted.
var links = []struct{ name, target string }{
	{"/dev/fd", "/proc/self/fd"}, {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
	{"/dev/stderr", "/proc/self/fd/2"}, {"/dev/core", "/proc/kcore"}, {"/etc/mtab", "/proc/self/mounts"}, {"/var/run", "/run"},
	{"/var/lock", "/run/lock"},
}

// files are those of /etc that libraries read. There is root, nobody, and the
// group of terminals; a name is that of this machine or not to be had.
var files = []struct{ name, text string }{
	{"/etc/hostname", hostName + "\n"},
	{"/etc/hosts", "127.0.0.1\tlocalhost\n127.0.1.1\t" + hostName + "\n::1\tlocalhost ip6-localhost ip6-loopback\n"},
	{"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
	{"/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"},
	{"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n"},
	{"/etc/resolv.conf", "# A guest has no network: names are those of /etc/hosts.\noptions timeout:1 attempts:1\n"},
	{"/etc/shells", "/bin/sh\n"},
}

// makeTree makes what is no mount.
func makeTree() error {
	for _, d := range dirs {
		if err := os.MkdirAll(d.name, d.mode.Perm()); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
		if err := os.Chmod(d.name, d.mode); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	for _, l := range links {
		if err := os.Symlink(l.target, l.name); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("make link: %w", err)
		}
	}
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.name), 0o755); err != nil {
			return fmt.Errorf("make file: %w", err)
		}
		if err := os.WriteFile(f.name, []byte(f.text), 0o644); err != nil {
			return fmt.Errorf("make file: %w", err)
		}
	}
	return nil
}

// mergeUsr makes /bin and its like links into /usr, as every distribution has
// them: a program of the host's is found by either name. What the image has there
// moves.
func mergeUsr() error {
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		from, to := "/"+name, "/usr/"+name
		if err := os.MkdirAll(to, 0o755); err != nil {
			return fmt.Errorf("merge %s: %w", from, err)
		}
		entries, err := os.ReadDir(from)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("merge %s: %w", from, err)
		}
		for _, e := range entries {
			if err := move(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
				return fmt.Errorf("merge %s: %w", from, err)
			}
		}
		if err := os.Remove(from); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("merge %s: %w", from, err)
		}
		if err := os.Symlink("usr/"+name, from); err != nil {
			return fmt.Errorf("merge %s: %w", from, err)
		}
	}
	return nil
}

// move renames a file; a link goes on to lead where it led.
func move(from, to string) error {
	target, err := os.Readlink(from)
	if err != nil || filepath.IsAbs(target) {
		return os.Rename(from, to)
	}
	if err := os.Symlink(filepath.Join(filepath.Dir(from), target), to); err != nil {
		return err
	}
	return os.Remove(from)
}
