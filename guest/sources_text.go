package guest

import "strings"

const moduleKind = "module"

// textSources are the lists that the kernel gives as text, one thing a line.
// /proc/1/net is the initial network namespace's, whoever reads it.
var textSources = []source{
	{moduleKind, lines("/proc/modules", field(0))},
	{"protocol", lines("/proc/1/net/protocols", field(0))},
	{"packet type", lines("/proc/1/net/ptype", packetType)},
	{"kernel netlink socket", lines("/proc/1/net/netlink", kernelSocket)},
	{"slab cache", lines("/proc/slabinfo", slabCache)},
	{"vmalloc area", lines("/proc/vmallocinfo", moduleArea)},
	{"device number", lines("/proc/devices", trimmed)},
	{"misc device", lines("/proc/misc", trimmed)},
	{"file system type", lines("/proc/filesystems", trimmed)},
	{"crypto algorithm", lines("/proc/crypto", cryptoDriver)},
	{"interrupt handler", lines("/proc/interrupts", interrupt)},
	{"kprobe", lines("/sys/kernel/debug/kprobes/list", trimmed)},
	{"ftrace hook", lines("/sys/kernel/tracing/enabled_functions", trimmed)},
}

// lines returns a source that takes at most one name from each line of a file.
func lines(path string, name func(line string) string) func(*tree) ([]*listing, error) {
	return func(t *tree) ([]*listing, error) {
		return t.file(path, func(text string) []string {
			var names []string
			for line := range strings.Lines(text) {
				if n := name(strings.TrimSuffix(line, "\n")); n != "" {
					names = append(names, n)
				}
			}
			return names
		})
	}
}

// field takes the nth word of a line.
func field(n int) func(string) string {
	return func(line string) string {
		if words := strings.Fields(line); len(words) > n {
			return words[n]
		}
		return ""
	}
}

func trimmed(line string) string { return strings.Join(strings.Fields(line), " ") }

// packetType takes "ALL eth0 packet_rcv" from /proc/net/ptype; the middle
// column is empty for handlers of all devices (net/core/net-procfs.c). Sockets
// of tests and tools come and go and are nobody's leftover.
func packetType(line string) string {
	t := trimmed(line)
	if strings.HasPrefix(t, "Type ") || strings.HasSuffix(t, " packet_rcv") || strings.HasSuffix(t, " tpacket_rcv") {
		return ""
	}
	return t
}

// kernelSocket takes the protocol from /proc/net/netlink of sockets that the
// kernel itself owns: their port is 0 (net/netlink/af_netlink.c).
func kernelSocket(line string) string {
	words := strings.Fields(line)
	if len(words) > 2 && words[1] != "Eth" && words[2] == "0" {
		return "protocol " + words[1]
	}
	return ""
}

func slabCache(line string) string {
	if strings.HasPrefix(line, "slabinfo - version") || strings.HasPrefix(line, "#") {
		return ""
	}
	name, _, _ := strings.Cut(line, " ")
	return name
}

// moduleArea takes "8192 bytes by CALLER" from a line of /proc/vmallocinfo whose
// caller belongs to a module: "vnet_init+0x10/0x20 [vnet_nl]", or once that is
// gone a bare address. Areas that the kernel's own code asked for tell nothing
// about a module.
func moduleArea(line string) string {
	// 0xSTART-0xEND SIZE CALLER [MODULE] …
	words := strings.Fields(line)
	if len(words) < 3 || !isNumber(words[1]) {
		return ""
	}
	caller := symbolOf(words[2:])
	if !strings.HasSuffix(caller, "]") && !isBare(caller) {
		return ""
	}
	return words[1] + " bytes by " + caller
}

// cryptoDriver takes the driver names from /proc/crypto. Those with parentheses are
// instances that a template made for whoever asked, pkcs1pad(rsa-generic,sha256);
// the crypto core keeps them for as long as the template is there, and that
// cannot go before them (crypto_register_instance in crypto/algapi.c).
func cryptoDriver(line string) string {
	key, value, ok := strings.Cut(line, ":")
	if !ok || strings.TrimSpace(key) != "driver" || strings.Contains(value, "(") {
		return ""
	}
	return strings.TrimSpace(value)
}

// interrupt takes number, chip and name from a numbered line of
// /proc/interrupts; the counts are between.
func interrupt(line string) string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return ""
	}
	number, ok := strings.CutSuffix(words[0], ":")
	if !ok || !isNumber(number) {
		return "" // the heading, or an interrupt of the processor itself
	}
	words = words[1:]
	for len(words) > 0 && isNumber(words[0]) {
		words = words[1:]
	}
	return number + " " + strings.Join(words, " ")
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
