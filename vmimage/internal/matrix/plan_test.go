package matrix

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

var list = &session.Session{Config: &config.Config{Kernels: []config.Kernel{
	{Series: "5.10", Suite: "old"}, {Series: "6.12", Suite: "stable", Tags: []string{"default"}},
	{Series: "6.12", Suite: "stable", Flavour: "generic", Tags: []string{"nightly", "drivers"}},
}}}

func TestChoose(t *testing.T) {
	tests := map[string]struct {
		names []string
		want  string
		err   string
	}{
		"ordinary":    {nil, "5.10 6.12", ""},
		"all":         {[]string{"all"}, "5.10 6.12 6.12-generic", ""},
		"named":       {[]string{"6.12-generic", "5.10"}, "6.12-generic 5.10", ""},
		"twice":       {[]string{"5.10", "5.10", "all"}, "5.10 6.12 6.12-generic", ""},
		"tag":         {[]string{"tag:nightly"}, "6.12-generic", ""},
		"on disk":     {[]string{"dir:/opt/k"}, "dir:/opt/k", ""},
		"unlisted":    {[]string{"5.10-generic"}, "5.10-generic", ""},
		"unknown":     {[]string{"none"}, "", `unknown kernel "none": known are 5.10, 6.12, 6.12-generic`},
		"unknown tag": {[]string{"tag:weekly"}, "", `none has the tag "weekly"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ks, err := Choose(t.Context(), list, tt.names)
			var got []string
			for _, k := range ks {
				got = append(got, k.Name)
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
			if msg := fmt.Sprint(err); (err != nil) != (tt.err != "") || !strings.Contains(msg, tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
	if _, err := Choose(t.Context(), &session.Session{Config: &config.Config{}}, nil); err == nil {
		t.Error("an empty list is no error")
	}
}

// The shards together are the whole, without an overlap.
func TestPlanShards(t *testing.T) {
	kernels, err := Choose(t.Context(), list, []string{"all"})
	if err != nil {
		t.Fatal(err)
	}
	pkgs := []Package{{Name: "a"}, {Name: "b"}}
	cells := func(jobs []Job) (all []string) {
		for _, j := range jobs {
			for _, p := range j.Packages {
				all = append(all, j.Kernel.Name+" "+p.Name)
			}
		}
		return all
	}
	whole, err := Plan(kernels, pkgs, Shard{})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 6; n++ {
		var all []string
		for i := 1; i <= n; i++ {
			s, err := ParseShard(fmt.Sprintf("%d/%d", i, n))
			if err != nil {
				t.Fatal(err)
			}
			jobs, err := Plan(kernels, pkgs, s)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, cells(jobs)...)
		}
		want := cells(whole)
		slices.Sort(want)
		slices.Sort(all)
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("%d shards (-whole +shards):\n%s", n, diff)
		}
	}
	if _, err := Plan(kernels, pkgs, Shard{7, 7}); err == nil {
		t.Error("a shard without cells is no error")
	}
	for _, s := range []string{"", "1", "0/2", "3/2", "a/b", "-1/2", "1/2/3"} {
		if _, err := ParseShard(s); err == nil {
			t.Errorf("ParseShard(%q) is no error", s)
		}
	}
}

func TestParseFlags(t *testing.T) {
	always := []string{"-test.paniconexit0", "-test.v=test2json"}
	timeout := "-test.timeout=10m0s"
	tests := map[string]struct {
		args string
		want Flags
		err  string
	}{
		"none":     {"", Flags{Test: append(always, timeout)}, ""},
		"tests":    {"-- -run TestEcho/all -v --count=3 -short", Flags{Test: append(always, "-test.run=TestEcho/all", "-test.count=3", "-test.short=true", timeout), Verbose: true}, ""},
		"timeout":  {"-timeout 5m -failfast", Flags{Test: append(always, "-test.timeout=5m", "-test.failfast=true")}, ""},
		"build":    {"-tags a,b ./x -json ./y", Flags{Packages: []string{"./x", "./y"}, Build: []string{"-tags=a,b"}, Test: append(always, timeout), JSON: true}, ""},
		"args":     {"-bench . -args -x -run", Flags{Test: append(always, "-test.bench=.", timeout, "-x", "-run")}, ""},
		"test.run": {"-test.run=A", Flags{Test: append(always, "-test.run=A", timeout)}, ""},
		"unknown":  {"-rnu X", Flags{}, "flag -rnu: not one of go test's"},
		"no value": {"-run", Flags{}, "flag -run: it needs a value"},
		"msan":     {"-msan", Flags{}, "nobody has tried it in a guest"},
		"profile":  {"-coverprofile=c.out", Flags{}, "every kernel would write the same file"},
		"exec":     {"-exec sudo", Flags{}, "the matrix runs the binary in guests"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseFlags(strings.Fields(tt.args))
			if (err != nil) != (tt.err != "") || !strings.Contains(fmt.Sprint(err), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGuests(t *testing.T) {
	tests := []struct{ cpus, free, guestCPUs, memory, want int }{
		{2, 16000, 0, 512, 3},
		{64, 16000, 1, 512, 24},
		{8, 16000, 4, 512, 3},
		{2, 700, 1, 512, 1},
		{2, 100, 1, 512, 1},
		{1, 16000, 4, 512, 1},
	}
	for _, tt := range tests {
		if got := Guests(tt.cpus, tt.free, tt.guestCPUs, tt.memory); got != tt.want {
			t.Errorf("Guests(%d, %d, %d, %d) = %d, want %d", tt.cpus, tt.free, tt.guestCPUs, tt.memory, got, tt.want)
		}
	}
	if n, err := freeMiB("MemTotal:  2048 kB\nMemAvailable:    1048576 kB\n"); n != 1024 || err != nil {
		t.Errorf("freeMiB() = %d, %v", n, err)
	}
	if _, err := freeMiB("MemTotal: 1 kB\n"); err == nil {
		t.Error("no MemAvailable is no error")
	}
}

func TestBisect(t *testing.T) {
	const g, r, u = Green, Red, Unknown
	tests := map[string]struct {
		builds    []Answer
		good, bad int
		err       bool
		probes    int // at most
	}{
		"two":             {[]Answer{g, r}, 0, 1, false, 2},
		"middle":          {[]Answer{g, g, g, r, r}, 2, 3, false, 4},
		"first":           {[]Answer{g, r, r, r, r, r, r, r, r}, 0, 1, false, 5},
		"last":            {[]Answer{g, g, g, g, g, g, g, g, r}, 7, 8, false, 6},
		"unknown between": {[]Answer{g, u, u, u, r}, 0, 4, false, 5},
		"unknown around":  {[]Answer{g, u, g, u, r, u, r}, 2, 4, false, 7},
		"good is red":     {[]Answer{r, r, r}, 0, 0, true, 1},
		"good is unknown": {[]Answer{u, r, r}, 0, 0, true, 2},
		"ends unknown":    {[]Answer{u, u, g, g, r, u}, 3, 4, false, 6},
		"all unknown":     {[]Answer{u, u}, 0, 0, true, 2},
		"bad is green":    {[]Answer{g, g, g}, 0, 0, true, 2},
		"one":             {[]Answer{r}, 0, 0, true, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			asked := make(map[int]bool)
			good, bad, err := Bisect(len(tt.builds), func(i int) (Answer, error) {
				if asked[i] {
					t.Errorf("build %d is probed twice", i)
				}
				asked[i] = true
				return tt.builds[i], nil
			})
			if (err != nil) != tt.err {
				t.Fatalf("error %v", err)
			}
			if good != tt.good || bad != tt.bad {
				t.Errorf("got %d, %d, want %d, %d", good, bad, tt.good, tt.bad)
			}
			if len(asked) > tt.probes {
				t.Errorf("%d probes, want at most %d", len(asked), tt.probes)
			}
		})
	}
}
