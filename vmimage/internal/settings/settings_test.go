package settings

import (
	"flag"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTable holds the table to what it promises: a row for every field, nothing
// twice, and a verb for each.
func TestTable(t *testing.T) {
	var s Settings
	seen := make(map[string]bool)
	fields := make(map[any]bool)
	for _, r := range table {
		for _, n := range []string{r.Name, r.Variable, r.Key} {
			if n != "" && seen[n] {
				t.Errorf("%s stands twice", n)
			}
			seen[n] = true
		}
		if len(r.Verbs) == 0 || r.Help == "" {
			t.Errorf("-%s: verbs %v, help %q", r.Name, r.Verbs, r.Help)
		}
		_, isBool := r.field(&s).(*bool)
		if isBool == (r.Arg != "") {
			t.Errorf("-%s: a switch has no argument, all else has: %q", r.Name, r.Arg)
		}
		fields[r.field(&s)] = true
	}
	if n := reflect.TypeFor[Settings]().NumField(); len(fields) != n {
		t.Errorf("%d of %d fields have a row", len(fields), n)
	}
}

// TestRoundTrip: what one process was told reaches another one whole, and
// whatever that one's own environment says does not count.
func TestRoundTrip(t *testing.T) {
	var s Settings
	for _, r := range table {
		text := "a b'\"c"
		switch r.field(&s).(type) {
		case *bool:
			text = "true"
		case *int:
			text = "7"
		case *time.Duration:
			text = "1m30s"
		}
		if err := s.Set(r.Name, text); err != nil {
			t.Fatal(err)
		}
	}
	env := s.Environ()
	var got Settings
	if err := got.ReadEnv(lookup(env)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("settings (-sent +read):\n%s", diff)
	}
	var none Settings
	for _, kv := range none.Environ() {
		if name, value, _ := strings.Cut(kv, "="); value != "" {
			t.Errorf("%s=%s of no settings", name, value)
		}
	}
}

func lookup(env []string) func(string) string {
	return func(name string) string {
		i := slices.IndexFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
		if i < 0 {
			return ""
		}
		return strings.TrimPrefix(env[i], name+"=")
	}
}

func TestReadEnv(t *testing.T) {
	tests := []struct {
		env  []string
		want Settings
		err  string
	}{
		{nil, Settings{}, ""},
		{[]string{"KMODTEST_OFFLINE=0", "KMODTEST_COLD=false", "KMODTEST_QUIET=1", "KMODTEST_LOCKED="}, Settings{Quiet: true}, ""},
		{[]string{"KMODTEST_OFFLINE=yes"}, Settings{}, `read KMODTEST_OFFLINE from the environment: "yes" is neither true nor false`},
		{[]string{"KMODTEST_CPUS=-2"}, Settings{}, `"-2" is no number`},
		{[]string{"KMODTEST_BOOT_TIMEOUT=90"}, Settings{}, `"90" is no time like 90s or 5m`},
	}
	for _, tt := range tests {
		var s Settings
		err := s.ReadEnv(lookup(tt.env))
		switch {
		case tt.err == "" && err != nil, tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%q: error %v, want %q", tt.env, err, tt.err)
		case err == nil && s != tt.want:
			t.Errorf("%q: %+v", tt.env, s)
		}
	}
}

// A flag beats the environment, and each verb has its own.
func TestRegister(t *testing.T) {
	s := Settings{Kernel: "6.1", Cold: true}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	s.Register(fs, "exec")
	if err := fs.Parse([]string{"-kernel=7.3", "-cold=false", "-slab-debug", "-cpus", "2", "rest"}); err != nil {
		t.Fatal(err)
	}
	if want := (Settings{Kernel: "7.3", SlabDebug: true, CPUs: 2}); s != want {
		t.Errorf("settings %+v, want %+v", s, want)
	}
	fs = flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	s.Register(fs, "cache")
	if err := fs.Parse([]string{"-kernel=7.3"}); err == nil {
		t.Error("cache takes -kernel")
	}
	if err := new(Settings).Set("nosuch", ""); err == nil {
		t.Error("there is no setting nosuch")
	}
}
