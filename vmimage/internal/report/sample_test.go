package report

import (
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

const ms = time.Millisecond

// sample is a matrix in which everything went wrong that can: a kernel that is
// green, one with a red test and a module that stayed, one whose kernel died, one
// that the module does not build on, and one that could not be fetched. Texts
// hold what formats trip over.
func sample() Result {
	planned := []string{"TestEcho", "TestRefuse", "TestReload"}
	return Result{
		Start: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), Elapsed: 41200 * ms, Jobs: 2,
		Kernels: []Kernel{
			{
				Name: "5.10", Suite: "bullseye-security", Release: "5.10.0-46-cloud-amd64",
				Phases: phases(Pass, 120*ms, 90*ms, 2400*ms, 5100*ms, 300*ms),
				Runs: []Run{{Package: "./tests", Dir: "tests", Verdict: &run.Verdict{
					Kernel: "5.10", Planned: planned, Tests: []run.TestResult{
						{Name: "TestEcho/all", Status: "pass", Elapsed: 10 * ms, Output: "    echo_test.go:12: <b>&amp; \"quoted\" | piped " + strings.Repeat("long line ", 30) + "\n"},
						{Name: "TestEcho", Status: "pass", Elapsed: 120 * ms},
						{Name: "TestRefuse", Status: "skip", Output: "    refuse_test.go:9: since 6.1: reserved bits are not looked at\n"},
						{Name: "TestReload", Status: "pass", Elapsed: 12300 * ms},
					},
				}}},
			},
			{
				Name: "6.12", Suite: "bookworm-security", Release: "6.12.117+deb12-cloud-amd64",
				Phases: phases(Fail, 100*ms, 80*ms, 2600*ms, 6200*ms, 400*ms),
				Runs: []Run{{Package: "./tests", Dir: "tests", Bundle: "bundles/6.12-tests.tar.gz", Console: "[    1.0] \x1b[1mvnet\x1b[0m: <script>alert(1)</script>\n", Verdict: &run.Verdict{
					Kernel: "6.12", Planned: planned, Exit: 1, Loaded: []string{"vnet_nl"},
					Tests: []run.TestResult{
						{Name: "TestEcho/all", Status: "fail", Elapsed: 20 * ms, Output: "    echo_test.go:40: reply (-want +got):\n          -\"a\"\n          +\"b\x00 ]]> \xff\"\n"},
						{Name: "TestEcho", Status: "fail", Elapsed: 140 * ms},
						{Name: "TestRefuse", Status: "fail", Elapsed: 30 * ms, Output: "kmod/netlink.c:88: kernel: WARNING in vnet_nl_echo_doit [warn]\n  | WARNING: CPU: 0 PID: 71\n"},
						{Name: "TestReload", Status: "pass", Elapsed: 11900 * ms},
						{Name: "KernelLog", Status: "fail", Output: "kernel: BUG: sleeping function called from invalid context [sleep-atomic]\nNo test was running."},
					},
					Findings: []run.Finding{{Finding: klog.Finding{Kind: klog.KindWarn, Title: "WARNING in vnet_nl_echo_doit", Raw: "WARNING: CPU: 0 PID: 71\n"}, Where: "kmod/netlink.c:88", Tests: []string{"TestRefuse"}}},
					Problems: []string{"kernel: kernel: BUG: sleeping function called from invalid context [sleep-atomic]", "module vnet_nl was still loaded at the end"},
				}}},
			},
			{
				Name: "7.2", Suite: "trixie-backports", Release: "7.2.12+deb13-cloud-amd64",
				Phases: phases(Fail, 100*ms, 80*ms, 2600*ms, 900*ms),
				Runs: []Run{{Package: "./tests", Dir: "tests", Verdict: &run.Verdict{
					Kernel: "7.2", Planned: planned, Exit: 2,
					Tests: []run.TestResult{
						{Name: "TestEcho", Status: "pass", Elapsed: 140 * ms},
						{Name: "TestRefuse", Status: "fail", Output: "The guest died while it ran."},
					},
					Problems: []string{"the guest died: Oops: NULL pointer dereference in vnet_xmit at kmod/netdev.c:61", "TestReload did not reach an end"},
				}}},
			},
			{
				Name: "7.3", Suite: "trixie-backports", Release: "7.3.4+deb13-cloud-amd64",
				Phases: []PhaseTime{{Fetch, Pass, 110 * ms}, {Build, Fail, 1900 * ms}},
				Failure: &Failure{
					Phase: Build, Text: "build module vnet_nl for 7.3.4+deb13-cloud-amd64: kmod/main.c:12: error: implicit declaration of function ‘del_timer_sync’",
					Detail: "make: Entering directory\nkmod/main.c:12:2: error: implicit declaration of function ‘del_timer_sync’\n",
					At:     []Position{{"kmod/main.c", 12, "implicit declaration of function ‘del_timer_sync’"}},
				},
			},
			{
				Name: "6.12-generic", Phases: []PhaseTime{{Fetch, Fail, 3 * time.Second}},
				Failure: &Failure{Phase: Fetch, Text: "get kernel 6.12-generic: it is not cached"},
			},
		},
	}
}

// phases are the first phases; the last of them ended in state.
func phases(state State, times ...time.Duration) []PhaseTime {
	var all []PhaseTime
	for i, d := range times {
		all = append(all, PhaseTime{Phases()[i], Pass, d})
	}
	all[len(all)-1].State = state
	if len(times) > 4 && state == Fail {
		all[3].State = Fail
	}
	return all
}
