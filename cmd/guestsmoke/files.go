package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/internal/smoketest"
)

// Files are tried by a process of their own: a read may sleep although it was told
// not to, and a process can be killed.

// fileChild is the argument by which that process knows what it is.
const fileChild = "-files"

// fileJob is what it has to do.
type fileJob struct {
	Files []string
	Write bool
	Only  string
}

// fileLimit is how long one file may take.
const fileLimit = 15 * time.Second

// most is how many files are tried: a module may make thousands that are alike.
const most = 500

// tryPaths tries the files below paths, and the devices that they tell of.
func tryPaths(t testing.TB, tr *trail, u *smoketest.Use, o order, paths []string, until time.Time) {
	files := filesBelow(paths)
	if len(files) > most {
		u.Short = true
		files = files[:most]
	}
	if o.only != "" {
		files = only(files, o.only)
	}
	for len(files) > 0 && !time.Now().After(until) {
		done, err := runFiles(t, tr, u, fileJob{files, o.write, o.only}, until)
		u.Files += done
		files = files[min(done, len(files)):]
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// only are those files that a step is about.
func only(files []string, step string) []string {
	for i, f := range files {
		if strings.HasPrefix(step, "file "+f+": ") {
			return files[i : i+1]
		}
	}
	return nil
}

// runFiles starts the process and returns how many files it has dealt with.
func runFiles(t testing.TB, tr *trail, u *smoketest.Use, job fileJob, until time.Time) (done int, err error) {
	list := filepath.Join(t.TempDir(), "files")
	b, err := json.Marshal(job)
	if err == nil {
		err = os.WriteFile(list, b, 0o600)
	}
	if err != nil {
		return 0, fmt.Errorf("write list of files: %w", err)
	}
	cmd := exec.Command("/proc/self/exe", fileChild, list)
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, fmt.Errorf("try files: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("try files: %w", err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	at := -1
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				if err := cmd.Wait(); err != nil {
					return at + 1, fmt.Errorf("try files, at %s: %w", job.at(at), err)
				}
				return len(job.Files), nil
			}
			n, err := strconv.Atoi(line)
			if err == nil && time.Now().After(until) {
				u.Short = true
				return n, end(cmd, lines)
			}
			if err == nil {
				at = n
				continue
			}
			step, what, _ := strings.Cut(line, "\t")
			tr.fault(t, what, step, "%s", what)
		case <-time.After(fileLimit):
			if err := end(cmd, lines); err != nil {
				return at + 1, fmt.Errorf("%s: %w", job.at(at), err)
			}
			u.Notes = append(u.Notes, fmt.Sprintf("%s: a read waits, although the file was opened with O_NONBLOCK", job.at(at)))
			return at + 1, nil
		}
	}
}

func (j fileJob) at(i int) string {
	if i < 0 || i >= len(j.Files) {
		return "the beginning"
	}
	return j.Files[i]
}

// end kills the process, which has to be possible.
func end(cmd *exec.Cmd, lines <-chan string) error {
	_ = cmd.Process.Kill() // it may have ended by now
	gone := make(chan struct{})
	go func() {
		for range lines {
		}
		_ = cmd.Wait() // it was killed
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-time.After(fileLimit):
		stack, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stack", cmd.Process.Pid))
		return fmt.Errorf("a process that uses it cannot be killed; it hangs at\n%s", stack)
	}
}

// kernels are folders and files of the kernel's own, which every module or device
// has.
var kernels = map[string]bool{
	"sections": true, "notes": true, "holders": true, "power": true, "statistics": true, "queues": true,
	"coresize": true, "initsize": true, "initstate": true, "refcnt": true, "srcversion": true, "taint": true, "version": true, "uevent": true,
}

// filesBelow are the files below paths, and the nodes of devices. Links are not
// followed but at the top: below, they lead all over the kernel.
func filesBelow(paths []string) []string {
	var files []string
	seen := make(map[string]bool)
	add := func(path string) {
		if !seen[path] {
			seen[path] = true
			files = append(files, path)
		}
	}
	for _, p := range paths {
		top, err := filepath.EvalSymlinks(p)
		if err != nil {
			continue // it is gone again
		}
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil // it went away, or cannot be read: a file that can is elsewhere
			case len(files) > most:
				return fs.SkipAll
			case d.IsDir() && strings.Count(strings.TrimPrefix(path, top), "/") > 4:
				return fs.SkipDir
			case d.IsDir() && kernels[d.Name()]:
				return fs.SkipDir
			case !d.Type().IsRegular() || kernels[d.Name()]:
				return nil
			}
			if node := deviceNode(path, d); node != "" {
				add(node)
			}
			add(path)
			return nil
		})
	}
	return files
}

// deviceNode is the node of the device that the file "dev" is about.
func deviceNode(path string, d fs.DirEntry) string {
	if d.Name() != "dev" || !strings.HasPrefix(path, "/sys/") {
		return ""
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(path), "uevent"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVNAME="); ok {
			return filepath.Join("/dev", name)
		}
	}
	return ""
}
