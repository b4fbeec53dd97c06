package session

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// None of these names asks the archive.
func TestSmokeKernels(t *testing.T) {
	s := &Session{Config: &config.Config{Kernels: []config.Kernel{
		{Series: "5.10", Suite: "old"}, {Series: "6.12", Suite: "stable", Tags: []string{"default"}},
		{Series: "6.12", Suite: "stable", Flavour: "generic", Tags: []string{"nightly"}},
	}}}
	oldest, stable := kernel.Spec{Series: "5.10", Suite: "old"}, kernel.Spec{Series: "6.12", Suite: "stable"}
	generic := kernel.Spec{Series: "6.12", Suite: "stable", Flavour: "generic"}
	tests := map[string]struct {
		names []string
		want  []kernel.Spec
		err   string
	}{
		"ordinary":           {nil, []kernel.Spec{oldest, stable}, ""},
		"all":                {[]string{"all"}, []kernel.Spec{oldest, stable, generic}, ""},
		"tag":                {[]string{"tag:nightly"}, []kernel.Spec{generic}, ""},
		"twice":              {[]string{"6.12", "6.12", "tag:default"}, []kernel.Spec{stable}, ""},
		"unlisted flavour":   {[]string{"5.10-generic"}, []kernel.Spec{{Series: "5.10", Suite: "old", Flavour: "generic"}}, ""},
		"unknown tag":        {[]string{"tag:weekly"}, nil, `none has the tag "weekly"`},
		"tag among the rest": {[]string{"6.12", "tag:weekly"}, nil, `none has the tag "weekly"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := s.SmokeKernels(t.Context(), tt.names)
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("kernels (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := (&Session{Config: &config.Config{}}).SmokeKernels(t.Context(), nil); err == nil {
		t.Error("an empty list is no error")
	}
}

// A kernel with a profile goes by its name, whether the list holds it or only another
// of its series.
func TestSpecProfile(t *testing.T) {
	s := &Session{Config: &config.Config{Kernels: []config.Kernel{
		{Series: "5.10", Suite: "old"}, {Series: "6.12", Suite: "stable", Tags: []string{"x"}},
		{Series: "6.12", Suite: "stable", Profile: "debug", Config: []string{"CONFIG_A=m", "CONFIG_B=y"}, Tags: []string{"x", "debug"}},
	}}}
	listed := kernel.Spec{Series: "6.12", Suite: "stable", Profile: "debug", Options: "CONFIG_A=m\nCONFIG_B=y"}
	for name, tt := range map[string]struct {
		want kernel.Spec
		err  string
	}{
		"6.12-debug": {want: listed},
		"tag:debug":  {want: listed},
		"5.10-debug": {want: kernel.Spec{Series: "5.10", Suite: "old", Profile: "debug"}},
		"5.10-fast":  {err: `unknown kernel "5.10-fast": known are 5.10, 6.12, 6.12-debug`},
		"4.19-debug": {err: `unknown kernel "4.19-debug"`},
		"tag:x":      {err: `6.12, 6.12-debug have the tag "x": name one of them`},
		"tag:none":   {err: `none has the tag "none"`},
	} {
		got, err := s.Spec(name)
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want %q", name, err, tt.err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
