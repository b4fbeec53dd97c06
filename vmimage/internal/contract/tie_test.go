package contract

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// A driver of a sensor, as its file tells of it.
var sensor = func() *module {
	w := parseWords([]byte("\x016sensor: found %s, state %d\n\x00" +
		"sense\x00net/sensing\x00detect-%d\x00a chip's alarm\x00\x01\x02\x03ttyS\x00detect-of-a-long-name\x00%s-%d\x00state\x00" +
		"bytes\x00x\x00" + strings.Repeat("y", longestName+1) + "\x00" + "not ended"))
	return &module{imports: []string{"hwmon_device_register_with_info", "alloc_chrdev_region", "__netlink_kernel_create", "debugfs_lookup"}, words: &w}
}()

func TestTie(t *testing.T) {
	for _, tc := range []struct {
		kind, name string
		want       string // empty for a remark
	}{
		// Leftovers of the driver's.
		{"proc entry", "/proc/fs/sense", `sensor holds the name "sense"`},
		{"sysctl", "/proc/sys/net/sensing", `sensor holds the name "sensing"`},
		{"sysfs device", "/sys/devices/platform/detect-12", `sensor holds the name "detect-%d"`},
		{"sysfs class entry", "/sys/class/tty/ttyS4", `sensor holds the name "ttyS"`},
		{"interrupt handler", "25 IO-APIC 5-edge a chip's alarm", `sensor holds the name "a chip's alarm"`},
		{"kernel thread", "detect-of-a-lon", `sensor holds the name "detect-of-a-long-name"`},
		{"sysfs class entry", "/sys/class/hwmon/hwmon0", "sensor calls hwmon_device_register_with_info"},
		{"device number", "240 made-at-run-time", "sensor calls alloc_chrdev_region"},
		{"kernel netlink socket", "protocol 31", "sensor calls __netlink_kernel_create"},
		{"packet type", "88b5 0xffffffffc0381010", "it names code that is gone"},
		{"vmalloc area", "12288 bytes by 0xffffffffc0381010", "it names code that is gone"},
		{"ftrace hook", "dev_get_flags (1) R tramp: 0xffffffffc05ef000 (0xffffffffc0381010) ->0xffffffffc0381010", "it names code that is gone"},
		{"debugfs entry", "/sys/kernel/debug/the_chip-0", "it bears the name of the_chip"},
		{"network device", "/sys/class/net/foo0", "it is the value of the parameter names=bar,foo0"},
		{linkKind, "anything", "only the module's own were asked for"},
		// What others made meanwhile: the kernel, a tracer, a device that was found late.
		{"kprobe", "ffffffff81aabbcc k dev_get_flags+0x0 [FTRACE]", ""},
		{"ftrace hook", "dev_get_flags (1) R tramp: 0xffffffffc05ef000 (kprobe_ftrace_handler+0x0/0x1d0) ->kprobe_ftrace_handler+0x0/0x1d0", ""},
		{"trace event system", "/sys/kernel/tracing/events/kprobes", ""},
		{"sysfs class entry", "/sys/class/ptp/ptp0", ""},
		{"sysfs device", "/sys/devices/virtual/bdi/253:0", ""},
		{"kernel thread", "khugepaged", ""},
		{"debugfs entry", "/sys/kernel/debug/bdi", ""},
		{"slab cache", "ext4_inode", ""},
		{"network device", "/sys/class/net/dummy0", ""},
		{"vmalloc area", "8192 bytes by ext4_fill+0x10/0x20 [ext4]", ""},
		{"sysfs class entry", "/sys/class/net/x", ""},
		{"interrupt handler", "26 IO-APIC 6-edge other", ""},
	} {
		q := wire.Sweep{Own: []string{"sensor", "the_chip"}, Params: []string{"names=bar,foo0"}, Left: []wire.Left{{Kind: tc.kind, Name: tc.name}}, Test: "TestX"}
		s := &Server{opened: map[string]*module{"sensor": {Module: Module{Name: "sensor"}, imports: sensor.imports, words: sensor.words}}}
		a := s.Answer(context.Background(), q)
		if a.Error+a.Unable != "" {
			t.Fatal(a.Error, a.Unable)
		}
		if diff := cmp.Diff([]string{tc.want}, a.Ties); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tc.kind, tc.name, diff)
		}
		// A remark is told once, however often it is seen.
		s.Answer(context.Background(), q)
		var want []Remark
		if tc.want == "" {
			want = []Remark{{Test: "TestX", Modules: q.Own, Kind: tc.kind, Name: tc.name}}
		}
		if diff := cmp.Diff(want, s.Record.Remarks); diff != "" {
			t.Errorf("%s %s: remarks (-want +got):\n%s", tc.kind, tc.name, diff)
		}
	}
}

// What belongs to something that is tied is tied.
func TestRelate(t *testing.T) {
	left := []wire.Left{
		{Kind: "sysfs device", Name: "/sys/devices/virtual/misc"}, {Kind: "sysfs device", Name: "/sys/devices/virtual/misc/chip"},
		{Kind: "sysfs class entry", Name: "/sys/class/misc/chip"}, {Kind: "debugfs entry", Name: "/sys/kernel/debug/chip/a"},
		{Kind: "debugfs entry", Name: "/sys/kernel/debug/other"}, {Kind: "misc device", Name: "12 chip"},
	}
	ties := []string{"", "", "it is", "", "", ""}
	relate(left, ties)
	want := []string{"it belongs to /sys/devices/virtual/misc/chip", "it belongs to /sys/class/misc/chip", "it is", "", "", ""}
	if diff := cmp.Diff(want, ties); diff != "" {
		t.Errorf("ties (-want +got):\n%s", diff)
	}
}

func TestCallsInto(t *testing.T) {
	m := &module{imports: []string{"printk", "led_classdev_register_ext", "pwmchip_add", "mdiobus_register", "device_add_disk", "class_register"}}
	for dir, want := range map[string]string{
		"/sys/class/leds/a": "led_classdev_register_ext", "/sys/class/pwm/b": "pwmchip_add", "/sys/class/mdio_bus/c": "mdiobus_register",
		"/sys/devices/virtual/bdi/7:0": "device_add_disk", "/sys/class/block/d": "device_add_disk",
		"/sys/class/input/e": "", "/sys/class/net/f": "", "/sys/class/vtconsole": "", "/sys/bus/bus": "",
	} {
		if got, _ := m.calls(wire.Left{Kind: "sysfs class entry", Name: dir}); got != want {
			t.Errorf("%s: it calls %q, want %q", dir, got, want)
		}
	}
}

// Nobody is cleared by a file that nobody has read.
func TestTieUnknown(t *testing.T) {
	q := wire.Sweep{Own: []string{"unheard_of"}, Left: []wire.Left{{Kind: "kprobe", Name: "k"}}}
	if a := new(Server).Answer(context.Background(), q); len(a.Ties) != 1 || a.Ties[0] == "" {
		t.Errorf("an unknown module is cleared: %+v", a)
	}
	s := &Server{Modules: []Module{{Name: "gone", Path: t.TempDir() + "/gone.ko"}}}
	q.Own = []string{"gone"}
	if a := s.Answer(context.Background(), q); a.Error == "" || len(a.Ties) > 0 {
		t.Errorf("a module without a file is cleared: %+v", a)
	}
}

func TestFormats(t *testing.T) {
	for _, tc := range []struct {
		format, name string
		want         bool
	}{
		{"vnet%d", "vnet12", true}, {"vnet%d", "vnet", false}, {"vnet%d", "xvnet1", false},
		{"%s-rx", "anything-rx", true}, {"%s", "anything", false}, {"%d:%d", "1:2", false},
		{"net/ch%02x", "ch0f", true}, {"a%%b%u", "a%b3", true}, {"has blank %d", "has blank 3", false},
		{"chip_%pOFn", "chip_node", true},
	} {
		w := parseWords([]byte(tc.format + "\x00"))
		if _, got := w.has(tc.name, false); got != tc.want {
			t.Errorf("%q makes %q: %v, want %v", tc.format, tc.name, got, tc.want)
		}
	}
}
