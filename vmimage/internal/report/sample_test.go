package report

import (
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
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
				Phases: phases(verdict.Pass, 120*ms, 90*ms, 2400*ms, 5100*ms, 300*ms),
				Runs: []Run{{Package: "./tests", Dir: "tests", Verdict: &verdict.Verdict{
					Kernel: "5.10", Planned: planned, Tests: []verdict.TestResult{
						{Name: "TestEcho/all", State: verdict.Pass, Elapsed: 10 * ms, Output: "    echo_test.go:12: <b>&amp; \"quoted\" | piped " + strings.Repeat("long line ", 30) + "\n"},
						{Name: "TestEcho", State: verdict.Pass, Elapsed: 120 * ms},
						{Name: "TestRefuse", State: verdict.Skip, Output: "    refuse_test.go:9: since 6.1: reserved bits are not looked at\n"},
						{Name: "TestReload", State: verdict.Pass, Elapsed: 12300 * ms},
					},
				}}},
			},
			{
				Name: "6.12", Suite: "bookworm-security", Release: "6.12.117+deb12-cloud-amd64",
				Phases: phases(verdict.Fail, 100*ms, 80*ms, 2600*ms, 6200*ms, 400*ms),
				Runs: []Run{{Package: "./tests", Dir: "tests", Bundle: "bundles/6.12-tests.tar.gz", Console: "[    1.0] \x1b[1mvnet\x1b[0m: <script>alert(1)</script>\n", Verdict: &verdict.Verdict{
					Kernel: "6.12", Planned: planned, Exit: 1,
					Tests: []verdict.TestResult{
						{Name: "TestEcho/all", State: verdict.Fail, Elapsed: 20 * ms, Output: "    echo_test.go:40: reply (-want +got):\n          -\"a\"\n          +\"b\x00 ]]> \xff\"\n"},
						{Name: "TestEcho", State: verdict.Fail, Elapsed: 140 * ms},
						{Name: "TestRefuse", State: verdict.Fail, Elapsed: 30 * ms, Output: "kmod/netlink.c:88: kernel: WARNING in vnet_nl_echo_doit [warn]\n  | WARNING: CPU: 0 PID: 71\n"},
						{Name: "TestReload", State: verdict.Pass, Elapsed: 11900 * ms},
						{Name: "KernelLog", State: verdict.Fail, Output: "kernel: BUG: sleeping function called from invalid context [sleep-atomic]\nNo test was running."},
					},
					Findings: []verdict.Finding{
						{Kind: "warn", Title: "WARNING in vnet_nl_echo_doit", Raw: "WARNING: CPU: 0 PID: 71\n", Where: &verdict.Place{File: "kmod/netlink.c", Line: 88}, Tests: []string{"TestRefuse"}},
						{Kind: "sleep-atomic", Title: "BUG: sleeping function called from invalid context", Raw: "BUG: sleeping function\n", Where: &verdict.Place{File: "kmod/timer.c", Line: 9}, After: "TestReload", FailedAs: "KernelLog"},
						{Kind: "warn", Title: "WARNING in <old>", Raw: "WARNING: old\n", Allowed: "fixed | in 6.13", AllowedBy: "kmodtest.toml:21", Tests: []string{"TestEcho"}},
						{Kind: "warn", Title: "WARNING in self_test", Raw: "WARNING: test\n", Expected: true, Tests: []string{"TestReload"}},
					},
					Contract: verdict.Contract{Sweeps: 2, Remarks: []verdict.Remark{
						{Test: "TestReload", Modules: []string{"vnet_nl"}, Kind: "kprobe", Name: "0000 k <dev_get_flags>+0x0"},
					}},
					Problems: []verdict.Problem{{Kind: verdict.ProblemLoaded, Module: "vnet_nl", Text: "module vnet_nl was still loaded at the end"}},
				}}},
			},
			{
				Name: "7.2", Suite: "trixie-backports", Release: "7.2.12+deb13-cloud-amd64",
				Phases: phases(verdict.Fail, 100*ms, 80*ms, 2600*ms, 900*ms),
				Runs: []Run{{Package: "./tests", Dir: "tests", Verdict: &verdict.Verdict{
					Kernel: "7.2", Planned: planned, Exit: 2,
					Tests: []verdict.TestResult{
						{Name: "TestEcho", State: verdict.Pass, Elapsed: 140 * ms},
						{Name: "TestRefuse", State: verdict.Fail, Output: "The guest died while it ran."},
					},
					Problems: []verdict.Problem{
						{Kind: verdict.ProblemDied, Test: "TestRefuse", File: "kmod/netdev.c", Line: 61, Text: "the guest died: Oops: NULL pointer dereference in vnet_xmit at kmod/netdev.c:61"},
						{Kind: verdict.ProblemNotRun, Test: "TestReload", Text: "TestReload did not reach an end"},
					},
				}}},
			},
			{
				Name: "7.3", Suite: "trixie-backports", Release: "7.3.4+deb13-cloud-amd64",
				Phases: []PhaseTime{{verdict.PhaseFetch, verdict.Pass, 110 * ms}, {verdict.PhaseBuild, verdict.Fail, 1900 * ms}},
				Failure: &Failure{
					Phase: verdict.PhaseBuild, Text: "build module vnet_nl for 7.3.4+deb13-cloud-amd64: kmod/main.c:12: error: implicit declaration of function ‘del_timer_sync’",
					Detail: "make: Entering directory\nkmod/main.c:12:2: error: implicit declaration of function ‘del_timer_sync’\n",
					At:     []Position{{"kmod/main.c", 12, "implicit declaration of function ‘del_timer_sync’"}},
				},
			},
			{
				Name: "6.12-generic", Phases: []PhaseTime{{verdict.PhaseFetch, verdict.Fail, 3 * time.Second}},
				Failure: &Failure{Phase: verdict.PhaseFetch, Text: "get kernel 6.12-generic: it is not cached"},
			},
		},
	}
}

// phases are the first phases; the last of them ended in state.
func phases(state verdict.State, times ...time.Duration) []PhaseTime {
	var all []PhaseTime
	for i, d := range times {
		all = append(all, PhaseTime{verdict.Phases()[i], verdict.Pass, d})
	}
	all[len(all)-1].State = state
	if len(times) > 4 && state == verdict.Fail {
		all[3].State = verdict.Fail
	}
	return all
}
