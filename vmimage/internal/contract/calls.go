package contract

import (
	"slices"
	"strings"
	"unicode"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// registers are the functions of the kernel that register what the kinds of package
// guest are, by the start of their names. A name may be made at run time, of what a
// user or a device said: then the call tells more than the name.
var registers = map[string][]string{
	"generic netlink family": {"genl_register_family"},
	"network device":         {"register_netdev"},
	"protocol":               {"proto_register"},
	"packet type":            {"dev_add_pack"},
	"kernel netlink socket":  {"__netlink_kernel_create"},
	"slab cache":             {"kmem_cache_create", "__kmem_cache_create"},
	"device number":          {"register_chrdev_region", "alloc_chrdev_region", "__register_chrdev", "register_blkdev", "__register_blkdev"},
	"misc device":            {"misc_register"},
	"file system type":       {"register_filesystem"},
	"crypto algorithm":       {"crypto_register_"},
	"interrupt handler":      {"request_threaded_irq", "request_any_context_irq", "__request_percpu_irq", "devm_request_", "pci_request_irq"},
	"kprobe":                 {"register_kprobe", "register_kretprobe"},
	"ftrace hook":            {"register_ftrace_function"},
	"proc entry":             {"proc_create", "proc_mkdir", "_proc_mkdir", "proc_symlink"},
	"proc net entry":         {"proc_create", "proc_mkdir", "_proc_mkdir", "proc_symlink"},
	"debugfs entry":          {"debugfs_create_"},
	"sysctl":                 {"register_sysctl", "__register_sysctl", "register_net_sysctl"},
	"network sysctl":         {"register_sysctl", "__register_sysctl", "register_net_sysctl", "neigh_sysctl_register"},
	threadKind:               {"kthread_create", "__kthread_create", "kthread_run", "alloc_workqueue", "__alloc_workqueue"},
	"sysfs kernel entry":     {"kobject_create_and_add", "kobject_init_and_add", "kobject_add", "kset_create_and_add", "kset_register"},
	"sysfs firmware entry":   {"kobject_create_and_add", "kobject_init_and_add", "kobject_add", "kset_create_and_add", "kset_register"},
	"sysfs file system entry": {
		"kobject_create_and_add", "kobject_init_and_add", "kobject_add", "kset_create_and_add", "kset_register",
	},
}

// subsystems are the folders whose subfolders are of one subsystem each.
var subsystems = []string{"/sys/class/", "/sys/bus/", "/sys/devices/virtual/", "/sys/kernel/debug/", "/sys/fs/", "/proc/fs/"}

// subsystemCalls are those of subsystems that their functions are not named after.
var subsystemCalls = map[string][]string{
	"net":         {"register_netdev"},
	"block":       {"device_add_disk", "add_disk"},
	"bdi":         {"device_add_disk", "add_disk"},
	"sound":       {"snd_card_register"},
	"video4linux": {"__video_register_device"},
	"tty":         {"tty_register_"},
	"usbmisc":     {"usb_register_dev"},
	"graphics":    {"register_framebuffer"},
	"remoteproc":  {"rproc_"},
}

// everywhere are words that are in the names of functions of any subsystem.
var everywhere = map[string]bool{
	"device": true, "kernel": true, "driver": true, "module": true, "clas": true, "bus": true, "virtual": true, "platform": true,
	"system": true, "debug": true, "core": true, "file": true, "proc": true, "name": true, "list": true, "register": true, "unregister": true,
	"init": true, "create": true, "alloc": true, "free": true, "get": true, "put": true, "add": true, "del": true, "set": true, "mem": true, "lock": true,
	"queue": true, "work": true, "the": true,
}

// calls tells by which function of the kernel, of those that the module calls, it may
// have registered such a thing.
func (m *module) calls(l wire.Left) (string, bool) {
	starting := func(prefixes []string) (string, bool) {
		for _, f := range m.imports {
			if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f, p) }) {
				return f, true
			}
		}
		return "", false
	}
	if f, ok := starting(registers[l.Kind]); ok {
		return f, true
	}
	for _, dir := range subsystems {
		rest, ok := strings.CutPrefix(l.Name, dir)
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, "/")
		if prefixes, ok := subsystemCalls[name]; ok {
			return starting(prefixes)
		}
		return m.callsInto(name)
	}
	return "", false
}

// callsInto tells by which function the module calls into a subsystem: one that is
// named after it, hwmon_device_register_with_info, led_classdev_register or
// pwmchip_add.
func (m *module) callsInto(subsystem string) (string, bool) {
	want := nameWords(subsystem)
	for _, f := range m.imports {
		for _, w := range nameWords(f) {
			if slices.ContainsFunc(want, func(s string) bool { return strings.HasPrefix(w, s) }) {
				return f, true
			}
		}
	}
	return "", false
}

// nameWords are the words of a name, without the letter of the plural.
func nameWords(name string) []string {
	var out []string
	for w := range strings.FieldsFuncSeq(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		const shortest = 3
		if w = strings.TrimSuffix(w, "s"); len(w) >= shortest && !everywhere[w] {
			out = append(out, w)
		}
	}
	return out
}
