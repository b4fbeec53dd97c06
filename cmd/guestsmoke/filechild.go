package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"golang.org/x/sys/unix"
)

// tryFiles opens, reads, polls and closes each file of a list. On standard output
// it tells the number of each before it begins, and what is wrong with it.
func tryFiles(list string) int {
	var job fileJob
	b, err := os.ReadFile(list)
	if err == nil {
		err = json.Unmarshal(b, &job)
	}
	var tr *trail
	if err == nil {
		tr, err = newTrail(smoketest.UseName, job.Only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "guestsmoke:", err)
		return 2
	}
	runtime.LockOSThread()
	for i, path := range job.Files {
		fmt.Println(i)
		f := file{tr: tr, path: path}
		f.try(job.Write)
	}
	// As nobody, at last: there is no way back.
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
		fmt.Fprintln(os.Stderr, "guestsmoke: become nobody:", errno)
		return 2
	}
	for i, path := range job.Files {
		fmt.Println(i)
		f := file{tr: tr, path: path, who: " as nobody"}
		f.try(false)
	}
	return 0
}

// file is one that is being tried.
type file struct {
	tr        *trail
	path, who string
}

// step does one thing, and looks at the error that it returns.
func (f file) step(what string, do func() error) error {
	step := "file " + f.path + ": " + what + f.who
	f.tr.begin(step)
	err := do()
	f.tr.end()
	if errno, ok := err.(unix.Errno); ok && unix.ErrnoName(errno) == "" {
		fmt.Printf("%s\tit is answered with error %d, which is the kernel's own and none for user space (include/linux/errno.h)\n", step, int(errno))
	}
	return err
}

func (f file) try(write bool) {
	for _, mode := range []struct {
		name  string
		flags int
	}{{"reading", unix.O_RDONLY}, {"writing", unix.O_WRONLY}, {"both", unix.O_RDWR}} {
		fd := -1
		err := f.step("open for "+mode.name, func() (err error) {
			fd, err = unix.Open(f.path, mode.flags|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
			return err
		})
		if err != nil {
			continue
		}
		second := -1
		_ = f.step("open for "+mode.name+" a second time", func() (err error) {
			second, err = unix.Open(f.path, mode.flags|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
			return err
		})
		if mode.flags != unix.O_WRONLY {
			f.read(fd)
		}
		if mode.flags != unix.O_RDONLY && write {
			f.write(fd)
		}
		_ = f.step("poll", func() error {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLOUT | unix.POLLPRI}}, 0)
			return err
		})
		_ = f.step("close", func() error { return unix.Close(fd) })
		if second >= 0 {
			_ = f.step("close the second", func() error { return unix.Close(second) })
		}
	}
}

// read reads it from the beginning, a byte, at a far place, and to where no memory
// is.
func (f file) read(fd int) {
	buf := make([]byte, 4096)
	for range 16 {
		n := 0
		err := f.step("read", func() (err error) { n, err = unix.Read(fd, buf); return err })
		if err != nil || n == 0 {
			break
		}
	}
	_ = f.step("read nothing", func() error { _, err := unix.Read(fd, nil); return err })
	for _, off := range []int64{0, 1, 1 << 40, 1<<63 - 1} {
		_ = f.step(fmt.Sprintf("read a byte at %d", off), func() error { _, err := unix.Pread(fd, buf[:1], off); return err })
	}
	_ = f.step("read to where no memory is", func() error {
		_, _, errno := unix.Syscall6(unix.SYS_PREAD64, uintptr(fd), 1, 4096, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
	_ = f.step("seek to the end", func() error { _, err := unix.Seek(fd, 0, unix.SEEK_END); return err })
}

// write writes little things.
func (f file) write(fd int) {
	for _, text := range []string{"", "\n", "0", "1\n", "-1\n", "x", "\x00", "%n%s", strings.Repeat("a", 4096)} {
		b := []byte(text)
		name := text
		if len(name) > 8 {
			name = fmt.Sprintf("%d bytes", len(text))
		}
		_ = f.step(fmt.Sprintf("write %q", name), func() error {
			var p unsafe.Pointer
			if len(b) > 0 {
				p = unsafe.Pointer(&b[0])
			}
			_, _, errno := unix.Syscall(unix.SYS_WRITE, uintptr(fd), uintptr(p), uintptr(len(b)))
			if errno != 0 {
				return errno
			}
			return nil
		})
	}
}
