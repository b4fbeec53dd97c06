package gotest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGuestArguments(t *testing.T) {
	tests := []struct {
		name, args, guest, only string
	}{
		{"go test", "-test.paniconexit0 -test.timeout=10m0s", "-test.v=test2json -test.paniconexit0 -test.timeout=10m0s",
			"-test.run=^(TestA|TestB)$ -test.v=test2json -test.paniconexit0 -test.timeout=10m0s"},
		{"verbose, with a log of files", "-test.testlogfile=/t/log -test.v=true -test.run TestA -test.count 2",
			"-test.v=test2json -test.run TestA -test.count 2", "-test.run=^(TestA|TestB)$ -test.v=test2json -test.count 2"},
		{"subtests", "-test.run=TestA/x -test.v", "-test.v=test2json -test.run=TestA/x", "-test.run=^(TestA|TestB)$/x -test.v=test2json"},
		{"own flags", "-test.short -update all rest -test.v", "-test.v=test2json -test.short -update all rest -test.v",
			"-test.run=^(TestA|TestB)$ -test.v=test2json -test.short -update all rest -test.v"},
		{"double dash", "--test.v -- -test.run=x", "-test.v=test2json -- -test.run=x", "-test.run=^(TestA|TestB)$ -test.v=test2json -- -test.run=x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := ParseFlags(strings.Fields(tt.args))
			if diff := cmp.Diff(tt.guest, strings.Join(f.Guest(), " ")); diff != "" {
				t.Errorf("Guest() (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.only, strings.Join(f.Only([]string{"TestA", "TestB"}), " ")); diff != "" {
				t.Errorf("Only() (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlagValues(t *testing.T) {
	f := ParseFlags(strings.Fields("-test.v=test2json -test.timeout 90s -test.failfast -test.list=.* -test.short=false"))
	if d, err := f.Timeout(); d != 90*time.Second || err != nil {
		t.Errorf("Timeout() = %v, %v", d, err)
	}
	if f.Mode() != JSON || !f.Bool("test.failfast") || f.Bool("test.short") || !f.Listing() {
		t.Errorf("mode %v, failfast %v, short %v, listing %v", f.Mode(), f.Bool("test.failfast"), f.Bool("test.short"), f.Listing())
	}
	if _, err := ParseFlags([]string{"-test.timeout=soon"}).Timeout(); err == nil {
		t.Error("a timeout that is none was taken")
	}
	for args, want := range map[string]Mode{"": Plain, "-test.v": Verbose, "-test.v=true": Verbose, "-test.v=false": Plain} {
		if got := ParseFlags(strings.Fields(args)).Mode(); got != want {
			t.Errorf("mode of %q = %v, want %v", args, got, want)
		}
	}
}

func TestOutputs(t *testing.T) {
	tests := []struct {
		args  string
		files []string
		dirs  []string
	}{
		{"-test.v", nil, nil},
		{"-test.coverprofile=c.out", []string{"/pkg/c.out"}, nil},
		{"-test.outputdir=/out -test.coverprofile=c.out -test.cpuprofile=/abs/cpu", []string{"/out/c.out", "/abs/cpu"}, nil},
		{"-test.outputdir=sub -test.trace=t", []string{"/pkg/sub/t"}, nil},
		{"-test.gocoverdir=/cov", nil, []string{"/cov"}},
		{"-test.artifacts", nil, []string{"/pkg/_artifacts"}},
		{"-test.artifacts=true -test.outputdir=/out", nil, []string{"/out/_artifacts"}},
		{"-test.artifacts=false -test.outputdir=/out", nil, nil},
	}
	for _, tt := range tests {
		files, dirs := ParseFlags(strings.Fields(tt.args)).Outputs("/pkg")
		if diff := cmp.Diff(tt.files, files); diff != "" {
			t.Errorf("Outputs of %s: files (-want +got):\n%s", tt.args, diff)
		}
		if diff := cmp.Diff(tt.dirs, dirs); diff != "" {
			t.Errorf("Outputs of %s: directories (-want +got):\n%s", tt.args, diff)
		}
	}
}

func TestPlan(t *testing.T) {
	list := []string{"TestMain2", "TestEcho", "TestEchoRefused", "ExampleEcho", "BenchmarkEcho", "FuzzEcho", "TestEcho", "ok", "pkg"}
	tests := []struct {
		args string
		want string
	}{
		{"", "TestMain2 TestEcho TestEchoRefused ExampleEcho FuzzEcho"},
		{"-test.run=Echo", "TestEcho TestEchoRefused ExampleEcho FuzzEcho"},
		{"-test.run=^TestEcho$", "TestEcho"},
		{"-test.run=TestEcho/sub", "TestEcho TestEchoRefused"},
		{"-test.run=^TestEcho$/a|TestMain", "TestMain2 TestEcho"},
		{"-test.run=^(TestEcho|TestMain2)$", "TestMain2 TestEcho"},
		{"-test.run=[/]x", ""},
		{"-test.run=Nope", ""},
		{"-test.skip=Echo", "TestMain2"},
		{"-test.skip=Echo/sub", "TestMain2 TestEcho TestEchoRefused ExampleEcho FuzzEcho"},
		{"-test.run=^$ -test.bench=.", "BenchmarkEcho"},
		{"-test.run=TestMain -test.bench=Nope", "TestMain2"},
		{"-test.run=^$ -test.fuzz=FuzzEcho", "FuzzEcho"},
		{"-test.run=TestMain -test.fuzz=Echo", "TestMain2 FuzzEcho"},
		{"-test.run=^$ -test.fuzz=Test", ""},
	}
	for _, tt := range tests {
		got, err := ParseFlags(strings.Fields(tt.args)).Plan(list)
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.args, diff)
		}
	}
	for _, args := range []string{"-test.run=(", "-test.skip=[", "-test.bench=*", "-test.fuzz=("} {
		if _, err := ParseFlags([]string{args}).Plan(list); err == nil {
			t.Errorf("%s was taken", args)
		}
	}
}

func TestFuzzTime(t *testing.T) {
	tests := []struct {
		args []string
		want time.Duration
		bad  bool
	}{
		{args: nil},
		{args: []string{"-test.fuzz=X", "-test.fuzztime=100x"}},
		{args: []string{"-test.fuzz=X", "-test.fuzztime", "30s"}, want: 90 * time.Second},
		{args: []string{"-test.fuzztime=30s", "-test.fuzzminimizetime=10s"}, want: 40 * time.Second},
		{args: []string{"-test.fuzztime=30s", "-test.fuzzminimizetime=10x"}, want: 90 * time.Second},
		{args: []string{"-test.fuzztime=soon"}, bad: true},
		{args: []string{"-test.fuzztime=30s", "-test.fuzzminimizetime=soon"}, bad: true},
	}
	for _, tt := range tests {
		f := ParseFlags(tt.args)
		got, err := f.FuzzTime()
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("%q: %v, %v", tt.args, got, err)
		}
	}
}
