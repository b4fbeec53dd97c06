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
