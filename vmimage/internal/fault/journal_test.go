package fault

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// A sweep that was interrupted goes on where it was; anything that is not the same
// begins anew, and so does one after a sweep that ended.
func TestJournal(t *testing.T) {
	store := kernel.OpenStore(t.TempDir(), nil, nil)
	defer store.Close()
	open := func(digest string) *journal {
		t.Helper()
		s := &sweeper{session: &session.Session{Config: &config.Config{}, Kernels: kernel.Options{Store: store}}}
		m := run.Module{}
		m.Digest = digest
		s.run.Modules = []run.Module{m}
		j, err := s.openJournal()
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	binary := filepath.Join(t.TempDir(), "test")
	if err := os.WriteFile(binary, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	sc := Scenario{Name: "load", Binary: binary, Args: []string{"-x"}}
	clean, red := shot{Shot: calls.Shot{Site: 1, At: 2}}, shot{Shot: calls.Shot{Site: 2, At: 1}}
	want := entry{Outcome{Kernel: "6.12", State: Clean, Errno: "ENOMEM"}, []int{4}}
	j := open("a")
	if err := j.count(sc, counted{Reached: []calls.Reached{{Times: 3}}, Refused: &Refusal{Scenario: "load", Errno: "ENODEV"}}); err != nil {
		t.Fatal(err)
	}
	for s, e := range map[shot]entry{clean: want, red: {Outcome{State: Leak}, nil}} {
		if err := j.note(sc, s, e); err != nil {
			t.Fatal(err)
		}
	}
	j = open("a")
	got, ok := j.look(sc, clean)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Outcome{})); !ok || diff != "" {
		t.Errorf("%v, entry (-want +got):\n%s", ok, diff)
	}
	if c, ok := j.counted(sc); !ok || len(c.Reached) != 1 || c.Reached[0].Times != 3 || c.Refused == nil || c.Refused.Errno != "ENODEV" {
		t.Errorf("counted %+v, %v", c, ok)
	}
	if n := len(j.known(sc, []shot{clean, red})); n != 1 {
		t.Errorf("%d failures are known, want the one that is not red", n)
	}
	if _, ok := open("b").look(sc, clean); ok {
		t.Error("another module's outcome is taken for this one's")
	}
	other := sc
	other.Args = []string{"-y"}
	if _, ok := j.look(other, clean); ok {
		t.Error("another scenario's outcome is taken for this one's")
	}
	if err := os.WriteFile(binary, []byte("two"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := j.look(sc, clean); ok {
		t.Error("another program's outcome is taken for this one's")
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	if n := len(open("a").content.Entries); n > 0 {
		t.Errorf("%d entries after the sweep was over", n)
	}
}
