package guest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccused(t *testing.T) {
	own := Leftover{moduleKind, "asks"}
	entry, named := Leftover{"proc entry", "/proc/entry"}, Leftover{"proc entry", "/proc/asks-entry"}
	dummy, kind := Leftover{moduleKind, "dummy"}, Leftover{linkKind, "dummy"}
	for _, tc := range []struct {
		name          string
		left          []Leftover
		want, excused []Leftover
	}{
		{"nothing", nil, nil, nil},
		{"nobody else was there", []Leftover{own, entry}, []Leftover{own, entry}, nil},
		{"another is there still", []Leftover{own, entry, named, dummy, kind}, []Leftover{own, named, kind}, []Leftover{entry, dummy}},
		// Of the kinds only those of the module itself are asked about.
		{"a kind accuses", []Leftover{kind}, []Leftover{kind}, nil},
	} {
		s := &State{own: []string{"asks"}}
		if diff := cmp.Diff(tc.want, s.accused(tc.left)); diff != "" {
			t.Errorf("%s: accused (-want +got):\n%s", tc.name, diff)
		}
		if diff := cmp.Diff(tc.excused, s.excused); diff != "" {
			t.Errorf("%s: excused (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestNewModules(t *testing.T) {
	got := newModules([]string{"a", "b"}, []string{"d", "b", "c", "a"})
	if diff := cmp.Diff([]string{"d", "c"}, got); diff != "" {
		t.Errorf("new modules (-want +got):\n%s", diff)
	}
}
