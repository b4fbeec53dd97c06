package initramfs

import (
	"bytes"
	"debug/buildinfo"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/u-root/mkuimage/cpio"

	"github.com/kmodtest/kmodtest/internal/usercache"
	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// The guest is one machine: whatever a user's environment says of how Go
// builds, its programs are the same.
var environments = map[string]map[string]string{
	"GOAMD64=v4":            {"GOAMD64": "v4"},
	"GOAMD64=v3":            {"GOAMD64": "v3"},
	"race":                  {"GOFLAGS": "-race", "CGO_ENABLED": "1"},
	"vendored":              {"GOFLAGS": "-mod=vendor"},
	"mod":                   {"GOFLAGS": "-mod=mod"},
	"tags and flags":        {"GOFLAGS": "-tags=netgo,purego -trimpath=false -gcflags=all=-N -ldflags=-X=main.x=y"},
	"workspace":             {"GOWORK": "WORK/go.work"},
	"missing workspace":     {"GOWORK": "/nowhere/go.work"},
	"experiment":            {"GOEXPERIMENT": "nogreenteagc,fieldtrack"},
	"another system":        {"GOOS": "windows", "GOARCH": "arm64"},
	"cgo":                   {"CGO_ENABLED": "1", "CGO_CFLAGS": "-O0", "CC": "/nowhere/cc"},
	"without modules":       {"GO111MODULE": "off"},
	"local toolchain":       {"GOTOOLCHAIN": "local"},
	"FIPS":                  {"GOFIPS140": "latest"},
	"settings in a file":    {"GOENV": "WORK/env"},
	"gobusybox's variables": {"GBB_PATH": "/nowhere", "UROOT_SOURCE": "/nowhere"},
}

// hostile sets an environment, and returns a directory with what it names.
func hostile(t *testing.T, env map[string]string) {
	t.Helper()
	work := t.TempDir()
	for name, text := range map[string]string{
		"go.work": "go 1.26\n\nuse .\n",
		"go.mod":  "module example.com/work\n\ngo 1.26\n",
		"env":     "GOFLAGS=-race\nGOAMD64=v4\nGOEXPERIMENT=fieldtrack\nGO111MODULE=off\n",
	} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range env {
		if dir, file := filepath.Split(value); dir == "WORK/" {
			value = filepath.Join(work, file)
		}
		t.Setenv(name, value)
	}
}

// image builds an image and returns its digest and content.
func image(t *testing.T, o Options) (string, map[string][]byte) {
	t.Helper()
	o.SourceDir, o.Go = filepath.Join("..", "..", ".."), "go"
	var err error
	if o.SourceDir, err = filepath.Abs(o.SourceDir); err != nil {
		t.Fatal(err)
	}
	i, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(i.Path)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	// An image is several archives, each of which ends in a trailer and zeros.
	for rest := b; len(rest) > 0; rest = bytes.TrimLeft(rest, "\x00") {
		r := bytes.NewReader(rest)
		records, err := cpio.ReadAllRecords(cpio.Newc.Reader(r))
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records {
			if rec.ReaderAt == nil {
				continue
			}
			content, err := io.ReadAll(io.NewSectionReader(rec.ReaderAt, 0, int64(rec.FileSize)))
			if err != nil {
				t.Fatal(err)
			}
			files[rec.Name] = content
		}
		end := bytes.Index(rest, []byte(cpio.Trailer))
		if end < 0 {
			t.Fatal("an archive has no end")
		}
		rest = rest[end+len(cpio.Trailer):]
	}
	return i.Digest, files
}

func TestEnvironments(t *testing.T) {
	clean, files := image(t, Options{Store: &cache.Store{Dir: t.TempDir()}})
	want := files["init"]
	if len(want) == 0 {
		t.Fatal("the image has no init")
	}
	checkTarget(t, want)
	for name, env := range environments {
		t.Run(name, func(t *testing.T) {
			hostile(t, env)
			digest, files := image(t, Options{Store: &cache.Store{Dir: t.TempDir()}})
			if digest != clean {
				t.Error("the image has another key")
			}
			if !bytes.Equal(files["init"], want) {
				t.Error("init is another program")
			}
		})
	}
}

// TestShellEnvironment builds the part that takes half a minute, in all of them
// at once, unless the user's cache has it.
func TestShellEnvironment(t *testing.T) {
	dir, err := usercache.Dir()
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range environments {
		hostile(t, env)
	}
	store := &cache.Store{Dir: dir}
	defer store.Close()
	_, files := image(t, Options{Store: store, Shell: true})
	for _, name := range []string{"init", "bbin/bb"} {
		if len(files[name]) == 0 {
			t.Fatalf("the image has no %s", name)
		}
		checkTarget(t, files[name])
	}
}

// checkTarget holds a program against what it tells of how it was built.
func checkTarget(t *testing.T, program []byte) {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, s := range info.Settings {
		switch s.Key {
		case "CGO_ENABLED", "GOOS", "GOARCH", "GOAMD64", "-race", "-tags", "GOEXPERIMENT", "GOFIPS140":
			got[s.Key] = s.Value
		}
	}
	want := map[string]string{"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("built for another machine (-want +got):\n%s", diff)
	}
}
