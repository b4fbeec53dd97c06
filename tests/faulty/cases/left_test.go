package cases

import "testing"

// Modules that are clean but for one thing that they leave behind.

func TestInetaddrNotifier(t *testing.T)  { load(t, "inetaddr_notifier") }
func TestInet6addrNotifier(t *testing.T) { load(t, "inet6addr_notifier") }
func TestNeteventNotifier(t *testing.T)  { load(t, "netevent_notifier") }
func TestRebootNotifier(t *testing.T)    { load(t, "reboot_notifier") }
func TestPanicNotifier(t *testing.T)     { load(t, "panic_notifier") }
func TestDieNotifier(t *testing.T)       { load(t, "die_notifier") }
func TestModuleNotifier(t *testing.T)    { load(t, "module_notifier") }
func TestCpuhpState(t *testing.T)        { load(t, "cpuhp_state") }
func TestTimerPending(t *testing.T)      { load(t, "timer_pending") }
func TestTimerHeap(t *testing.T)         { load(t, "timer_heap") }
func TestHrtimerPending(t *testing.T)    { load(t, "hrtimer_pending") }
func TestDelayedWork(t *testing.T)       { load(t, "delayed_work") }
func TestKprobe(t *testing.T)            { load(t, "kprobe") }
func TestKretprobe(t *testing.T)         { load(t, "kretprobe") }
func TestFtraceOps(t *testing.T)         { load(t, "ftrace_ops") }
func TestNfHook(t *testing.T)            { load(t, "nf_hook") }
func TestPacketType(t *testing.T)        { load(t, "packet_type") }
func TestInetProtocol(t *testing.T)      { load(t, "inet_protocol") }
func TestQdisc(t *testing.T)             { load(t, "qdisc") }
func TestLinkOps(t *testing.T)           { load(t, "link_ops") }
func TestSockFamily(t *testing.T)        { load(t, "sock_family") }
func TestTcpUlp(t *testing.T)            { load(t, "tcp_ulp") }
func TestBinfmt(t *testing.T)            { load(t, "binfmt") }
func TestFilesystem(t *testing.T)        { load(t, "filesystem") }
func TestMiscDevice(t *testing.T)        { load(t, "misc_device") }
func TestCryptoAlg(t *testing.T)         { load(t, "crypto_alg") }
func TestNetdevNotifier(t *testing.T)    { load(t, "netdev_notifier") }
func TestTcpCong(t *testing.T)           { load(t, "tcp_cong") }
func TestProcDriver(t *testing.T)        { load(t, "proc_driver") }
func TestFirmwareKobj(t *testing.T)      { load(t, "firmware_kobj") }
