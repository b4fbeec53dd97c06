package cases

import (
	"os"
	"testing"

	"github.com/kmodtest/kmodtest/guest"
)

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
func TestSlowExit(t *testing.T)          { load(t, "slow_exit") }
func TestWorkRunning(t *testing.T)       { load(t, "work_running") }
func TestWorkUnbound(t *testing.T)       { load(t, "work_unbound") }
func TestTasklet(t *testing.T)           { load(t, "tasklet") }
func TestRcuCallback(t *testing.T)       { load(t, "rcu_callback") }
func TestTracepoint(t *testing.T)        { load(t, "tracepoint") }
func TestXtMatch(t *testing.T)           { load(t, "xt_match") }
func TestNftExpr(t *testing.T)           { load(t, "nft_expr") }
func TestShrinker(t *testing.T)          { load(t, "shrinker") }
func TestInputHandler(t *testing.T)      { load(t, "input_handler") }
func TestSysctlLeft(t *testing.T)        { load(t, "sysctl_left") }
func TestClassLeft(t *testing.T)         { load(t, "class_left") }
func TestIrqHandler(t *testing.T)        { load(t, "irq_handler") }
func TestKthread(t *testing.T)           { load(t, "kthread") }
func TestHwmon(t *testing.T)             { load(t, "hwmon") }
func TestChrdevRegion(t *testing.T)      { load(t, "chrdev_region") }
func TestPercpuRef(t *testing.T)         { load(t, "percpu_ref") }
func TestDebugfsLeft(t *testing.T)       { load(t, "debugfs_left") }
func TestProcFs(t *testing.T)            { load(t, "proc_fs") }
func TestProcNet(t *testing.T)           { load(t, "proc_net") }

// The namespace is given up before the module goes: the order of clean-ups.
func TestNetnsRef(t *testing.T) {
	load(t, "netns_ref")
	guest.NetNS(t).Do(func() { write(t, "netns_ref") })
}

// TestBystander has a tracer put a probe on a function while a module is loaded.
// The module does nothing of the like: it is not to blame.
func TestBystander(t *testing.T) {
	load(t, "bystander")
	const tracing = "/sys/kernel/tracing/"
	if err := os.WriteFile(tracing+"kprobe_events", []byte("p:bystander dev_get_stats\n"), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tracing+"events/kprobes/bystander/enable", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
}
