package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"unicode"
)

// dirSources are the trees in which a module shows up as a file or folder. They
// are read twice for each load, on an emulated CPU: none walks more than it
// needs. Devices, for instance, are found through their class.
var dirSources = []source{
	{"network device", entries("sys/class/net/*")},
	{"sysfs module entry", entries("sys/module/*")},
	{"sysfs class entry", entries("sys/class/*", "sys/class/*/*")},
	{"sysfs bus entry", entries("sys/bus/*", "sys/bus/*/drivers/*")},
	{"sysfs device", entries("sys/devices/*", "sys/devices/platform/*", "sys/devices/virtual/*")},
	{"sysfs kernel entry", entries("sys/kernel/*")},
	{"sysfs file system entry", entries("sys/fs/*", "sys/fs/*/*")},
	{"slab alias", entries("sys/kernel/slab/*")},
	{"debugfs entry", entries("sys/kernel/debug/*", "sys/kernel/debug/*/*")},
	{"trace event system", entries("sys/kernel/tracing/events/*")},
	{"proc entry", entries("proc/*")},
	{"proc net entry", entries("proc/1/net/*", "proc/1/net/*/*")},
	{"sysctl", entries("proc/sys/*", "proc/sys/*/*")},
	{"network sysctl", entries("proc/sys/net/*/*", "proc/sys/net/ipv4/conf/*")},
}

// unlisted are folders that other parts of the kernel fill and empty at any
// time, or that have a source of their own.
var unlisted = map[string]bool{
	"sys/kernel/debug/tracing": true, // an automount of tracefs
	"sys/kernel/debug/slab":    true, // follows the list of slab caches
	"sys/kernel/debug/bdi":     true,
	"sys/class/net":            true,
	"proc/1/net/stat":          true,
}

// entries returns a source that lists what matches the patterns, without
// following links. The only wildcard is "*", as a whole path element.
func entries(patterns ...string) func(fs.FS) ([]string, error) {
	return func(root fs.FS) ([]string, error) {
		var names []string
		for _, pattern := range patterns {
			if err := list(root, "", pattern, &names); err != nil {
				return nil, err
			}
		}
		return names, nil
	}
}

func list(root fs.FS, dir, pattern string, names *[]string) error {
	literal, rest, ok := strings.Cut(pattern, "*")
	if !ok {
		*names = append(*names, "/"+path.Join(dir, pattern))
		return nil
	}
	dir = path.Join(dir, literal)
	ents, err := fs.ReadDir(root, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // this kernel has no such tree, or it just went away
	}
	if err != nil {
		return fmt.Errorf("list /%s: %w", dir, err)
	}
	for _, ent := range ents {
		if dir == "proc" && unicode.IsDigit(rune(ent.Name()[0])) {
			continue // processes
		}
		name := path.Join(dir, ent.Name())
		if rest == "" {
			*names = append(*names, "/"+name)
			continue
		}
		if ent.IsDir() && !unlisted[name] {
			if err := list(root, name, strings.TrimPrefix(rest, "/"), names); err != nil {
				return err
			}
		}
	}
	return nil
}

// threads remembers the names of kernel threads: most live as long as the
// kernel, and each name costs a file. Numbers come round after 32,768
// processes, which no guest lives to see.
type threads struct {
	sync.Mutex
	names map[string]string
}

// list lists the kernel's own threads by name: the children of kthreadd,
// process 2. A work queue with a rescuer has one, too. Pool workers come and go
// as they please.
func (t *threads) list(root fs.FS) ([]string, error) {
	pids, err := fs.ReadFile(root, "proc/2/task/2/children")
	if err != nil {
		return nil, fmt.Errorf("list kernel threads: %w", err)
	}
	t.Lock()
	defer t.Unlock()
	if t.names == nil {
		t.names = make(map[string]string)
	}
	var names []string
	for _, pid := range strings.Fields(string(pids)) {
		name, ok := t.names[pid]
		if !ok {
			comm, err := fs.ReadFile(root, path.Join("proc", pid, "comm"))
			if err != nil {
				continue // it ended since
			}
			name = strings.TrimSpace(string(comm))
			t.names[pid] = name
		}
		if !strings.HasPrefix(name, "kworker/") {
			names = append(names, name)
		}
	}
	return names, nil
}
