package guest

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// dirSources are the trees in which a module shows up as a file or folder. They
// are read twice for each load, on an emulated CPU: none walks more than it
// needs. Devices, for instance, are found through their class.
var dirSources = []source{
	{"network device", entries("/sys/class/net/*")},
	{"sysfs module entry", entries("/sys/module/*")},
	{"sysfs class entry", entries("/sys/class/*", "/sys/class/*/*")},
	{"sysfs bus entry", entries("/sys/bus/*", "/sys/bus/*/drivers/*")},
	{"sysfs device", entries("/sys/devices/*", "/sys/devices/platform/*", "/sys/devices/virtual/*")},
	{"sysfs kernel entry", entries("/sys/kernel/*", "/sys/kernel/*/*")},
	{"sysfs firmware entry", entries("/sys/firmware/*", "/sys/firmware/*/*")},
	{"sysfs file system entry", entries("/sys/fs/*", "/sys/fs/*/*")},
	{"debugfs entry", entries("/sys/kernel/debug/*", "/sys/kernel/debug/*/*")},
	{"trace event system", entries("/sys/kernel/tracing/events/*")},
	{"proc entry", entries("/proc/*", "/proc/*/*", "/proc/fs/*/*")},
	{"proc net entry", entries("/proc/1/net/*", "/proc/1/net/*/*")},
	{"sysctl", entries("/proc/sys/*", "/proc/sys/*/*")},
	{"network sysctl", entries("/proc/sys/net/*/*", "/proc/sys/net/ipv4/conf/*")},
}

// unlisted are folders that other parts of the kernel fill and empty at any
// time, or that have a source of their own.
var unlisted = map[string]bool{
	"/sys/kernel/debug/tracing": true, // an automount of tracefs
	"/sys/kernel/debug/slab":    true, // follows the list of slab caches
	"/sys/kernel/debug/bdi":     true,
	// A cache that is merged with another one is a link here, which the kernel
	// keeps after kmem_cache_destroy (sysfs_slab_alias in mm/slub.c): it means
	// nothing. Caches have a source of their own.
	"/sys/kernel/slab":    true,
	"/sys/kernel/debug":   true, // has a source of its own
	"/sys/kernel/tracing": true,
	"/sys/kernel/irq":     true, // counts, and comes with /proc/interrupts
	"/proc/sys":           true, // has sources of its own
	"/sys/class/net":      true,
	"/proc/1/net/stat":    true,
}

// entries returns a source that lists what matches the patterns, see tree.glob.
func entries(patterns ...string) func(*tree) ([]*listing, error) {
	var globs [][]string
	for _, p := range patterns {
		globs = append(globs, starred(p))
	}
	return func(t *tree) ([]*listing, error) {
		var all []*listing
		for _, parts := range globs {
			l, err := t.glob(folder{}, parts)
			if err != nil {
				return nil, err
			}
			all = append(all, l...)
		}
		return all, nil
	}
}

// threads remembers the names of kernel threads: most live as long as the
// kernel, and each name costs a file. Numbers come round after 32,768
// processes, which no guest lives to see.
type threads map[string]string

// list lists the kernel's own threads by name: the children of kthreadd,
// process 2. A work queue with a rescuer has one, too. Pool workers come and go
// as they please.
func (th threads) list(t *tree) ([]*listing, error) {
	all, err := t.file("/proc/2/task/2/children", func(pids string) []string {
		var names []string
		for pid := range strings.FieldsSeq(pids) {
			name, err := th.name(pid, func() (string, error) {
				comm, err := t.text("/proc/" + pid + "/comm")
				return strings.TrimSpace(comm), err
			})
			if err != nil {
				continue // it ended since
			}
			if !poolWorker(name) {
				names = append(names, name)
			}
		}
		return names
	})
	if err == nil && all == nil {
		return th.askParents(t)
	}
	return all, err
}

// poolWorker tells a worker of the shared pools by its name. Since 6.9 the rescuer of
// a work queue, which lives as long as that, is called kworker/R-NAME
// (format_worker_id in kernel/workqueue.c); before, it was NAME.
func poolWorker(name string) bool {
	return strings.HasPrefix(name, "kworker/") && !strings.HasPrefix(name, "kworker/R-")
}

// name returns the name that is remembered of a thread, else what read returns.
// On older kernels a thread that has just been made bears the name of its parent,
// until who wanted it gets round to naming it (__kthread_create_on_node in
// kernel/kthread.c). That is waited for, not remembered.
func (th threads) name(pid string, read func() (string, error)) (string, error) {
	if name, ok := th[pid]; ok {
		return name, nil
	}
	const parent, tries = "kthreadd", 100
	for range tries {
		name, err := read()
		if err != nil {
			return "", err
		}
		if name != parent {
			th[pid] = name
			return name, nil
		}
		time.Sleep(time.Millisecond)
	}
	return parent, nil
}

// askParents does the same on a kernel without CONFIG_PROC_CHILDREN, as one of
// one's own may be: it asks each process once for its parent (proc(5), stat). A
// process that is none of the kernel's own has no name here.
func (th threads) askParents(t *tree) ([]*listing, error) {
	const proc = "/proc"
	dirs, err := os.ReadDir(t.root + proc)
	if err != nil {
		return nil, fmt.Errorf("list kernel threads: %w", err)
	}
	var names []string
	for _, d := range dirs {
		pid := d.Name()
		if !unicode.IsDigit(rune(pid[0])) {
			continue
		}
		name, err := th.name(pid, func() (string, error) {
			stat, err := t.text(proc + "/" + pid + "/stat")
			return kernelThread(stat), err
		})
		if err != nil {
			continue // it ended since
		}
		if name != "" && !poolWorker(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("list kernel threads: %s has none: %w", proc, unix.ENOENT)
	}
	return t.remember("kernel threads", names), nil
}

// kernelThread returns the name of a process whose parent is process 2, and
// nothing of any other. Names may hold blanks and brackets.
func kernelThread(stat string) string {
	from, to := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if from < 0 || to < from {
		return ""
	}
	if after := strings.Fields(stat[to+1:]); len(after) < 2 || after[1] != "2" {
		return ""
	}
	return stat[from+1 : to]
}
