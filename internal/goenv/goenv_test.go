package goenv

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// values returns what a process sees of the variables that begin with GO: the
// last value of each.
func values(environ []string) map[string]string {
	m := make(map[string]string)
	for _, kv := range environ {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "GO") || name == "CGO_ENABLED" || name == "HTTPS_PROXY" {
			m[name] = value
		}
	}
	return m
}

func TestOwn(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "env")
	// As "go env -w" writes them.
	if err := os.WriteFile(file, []byte("GOPROXY=https://proxy.example\nGOFLAGS=-race\nGOAMD64=v4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	environ := append(os.Environ(), "GOENV="+file, "GOMODCACHE="+dir+"/mod", "GOCACHE="+dir+"/build", "GOPATH="+dir+"/path",
		"GOTOOLCHAIN=local", "GOSUMDB=off", "GONOSUMDB=example.com", "HTTPS_PROXY=p.example", "GOROOT=", "GODEBUG=netdns=go",
		"GOFLAGS=-mod=vendor", "GOWORK=/nowhere", "GOEXPERIMENT=fieldtrack", "GO111MODULE=off", "GOOS=plan9", "GOARCH=386", "GO386=softfloat",
		"CGO_CFLAGS=-O0", "UROOT_SOURCE=/nowhere", "GOPROXY=", "GOPRIVATE=", "GONOPROXY=", "GOINSECURE=", "GOVCS=", "GOAUTH=", "GOTMPDIR=", "GOCACHEPROG=")
	e, err := Own(t.Context(), "go", dir, environ)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"GOENV": "off", "GO111MODULE": "on", "GOFLAGS": "-buildvcs=false", "GOWORK": "off",
		"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1",
		"GOPROXY": "https://proxy.example", "GOMODCACHE": dir + "/mod", "GOCACHE": dir + "/build", "GOPATH": dir + "/path",
		"GOTOOLCHAIN": "local", "GOSUMDB": "off", "GONOSUMDB": "example.com", "HTTPS_PROXY": "p.example", "GOROOT": "", "GODEBUG": "netdns=go",
		"GOAUTH": "netrc",
	}
	if diff := cmp.Diff(want, values(e.Environ)); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if slices.Contains(e.Environ, "UROOT_SOURCE=/nowhere") {
		t.Error("gobusybox would look elsewhere for u-root")
	}
	if !strings.HasPrefix(e.Version, "go1.") || !strings.Contains(e.ID(), "GOAMD64=v1") || !strings.Contains(e.ID(), e.Version) {
		t.Errorf("version %q, ID %q", e.Version, e.ID())
	}
}

// A go command that is too old for a module says so; that must not be lost.
func TestOwnFails(t *testing.T) {
	command := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(command, []byte("#!/bin/sh\necho 'requires go >= 1.99' >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Own(t.Context(), command, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "requires go >= 1.99") {
		t.Errorf("error %v", err)
	}
}

func TestUsers(t *testing.T) {
	got := values(Users([]string{"GOFLAGS=-mod=vendor -tags=x", "GOWORK=/w", "GOOS=plan9", "GOARCH=386", "GOAMD64=v4", "CGO_ENABLED=1"}))
	want := map[string]string{
		"GOFLAGS": "-mod=vendor -tags=x", "GOWORK": "/w", "GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1", "CGO_ENABLED": "0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestTestCGO(t *testing.T) {
	for _, tc := range []struct {
		environ []string
		race    bool
		want    string
	}{
		{nil, false, "0"},
		{nil, true, "1"},
		{[]string{"CGO_ENABLED="}, false, "0"},
		{[]string{"CGO_ENABLED=1"}, false, "1"},
		{[]string{"CGO_ENABLED=0"}, true, "1"},
	} {
		if got := TestCGO(tc.environ, tc.race); got != tc.want {
			t.Errorf("TestCGO(%q, %v) = %s, want %s", tc.environ, tc.race, got, tc.want)
		}
	}
}
