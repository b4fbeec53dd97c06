package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGuestEnv(t *testing.T) {
	own := ownEnv("/src")
	for _, tc := range []struct {
		name    string
		environ []string
		changes []EnvVar
		want    []string // after the guest's own
	}{
		{"a switch of the suite's arrives", []string{"PRIVILEGED_TESTS=1", "CI=true", "EMPTY="}, nil, []string{"PRIVILEGED_TESTS=1", "CI=true", "EMPTY="}},
		{"what names things of the host does not", []string{
			"PATH=/home/u/bin", "HOME=/home/u", "USER=u", "PWD=/", "TMPDIR=/var/tmp", "XDG_RUNTIME_DIR=/run/user/1", "LD_PRELOAD=x.so",
			"SSH_AUTH_SOCK=/s", "_=/usr/bin/go", "DISPLAY=:0", "XDGX=1", "DISPLAYS=2",
		}, nil, []string{"XDGX=1", "DISPLAYS=2"}},
		{"the configuration has the last word", []string{"A=1", "B=2", "AB=3"}, []EnvVar{
			{Name: "A", Remove: true}, {Name: "B", Value: "two\nlines"}, {Name: "C", Value: "x=y"},
		}, []string{"AB=3", "B=two\nlines", "C=x=y"}},
		{"broken entries are nothing", []string{"", "=x", "novalue"}, nil, nil},
	} {
		got := (&Options{Env: GuestEnv(tc.environ, "/src"), EnvChanges: tc.changes}).env()
		if diff := cmp.Diff(append(own[:len(own):len(own)], tc.want...), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	got := (&Options{Env: GuestEnv(nil, "/src"), EnvChanges: []EnvVar{{Name: "HOME", Value: "/h"}}}).env()
	if !hasVar(got, "HOME") || len(got) != len(own) || got[len(got)-1] != "HOME=/h" {
		t.Errorf("HOME of the configuration: %q", got)
	}
}

// Secrets stay out of bundles.
func TestKeptEnv(t *testing.T) {
	kept, dropped := (&Options{
		Env:        []string{"PATH=/bin", "TOKEN=secret", "LC_ALL=C", "TZ=UTC", "KMODTEST_X=1", "LCX=1"},
		EnvChanges: []EnvVar{{Name: "NAMED", Value: "1"}},
	}).KeptEnv()
	if diff := cmp.Diff([]string{"PATH=/bin", "LC_ALL=C", "TZ=UTC", "KMODTEST_X=1", "NAMED=1"}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"TOKEN", "LCX"}, dropped); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
}
