package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/kmodtest/kmodtest/internal/usercache"
)

// TestInstalled installs the command as "go install …@version" does, from a
// module proxy that has this source and no checkout, and runs a test with it in
// a directory without a go.mod, in an environment with which none of the guest's
// own programs would work. With -trimpath, as releases are built.
func TestInstalled(t *testing.T) {
	dir := t.TempDir()
	command := installFromProxy(t, dir)
	work := filepath.Join(dir, "work")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("work/data", "")
	write("suite/go.mod", "module example.com/suite\n\ngo 1.26\n")
	write("suite/x_test.go", "package x\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) { t.Log(\"in the guest\") }\n")
	write("elsewhere/go.mod", "module example.com/elsewhere\n\ngo 1.26\n")
	write("elsewhere/go.work", "go 1.26\n\nuse .\n")
	write("env", "GOFLAGS=-race\nGOAMD64=v4\n")

	binary := filepath.Join(dir, "x.test")
	build := exec.Command("go", "test", "-c", "-o", binary, ".")
	build.Dir, build.Env = filepath.Join(dir, "suite"), append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cache, err := usercache.Dir()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(command, "exec", binary, "-test.v")
	run.Dir = work
	run.Env = append(os.Environ(), "KMODTEST_CACHE="+cache, "GOENV="+filepath.Join(dir, "env"), "GOFLAGS=-mod=vendor -tags=x",
		"GOAMD64=v4", "GOWORK="+filepath.Join(dir, "elsewhere/go.work"), "GOEXPERIMENT=fieldtrack", "GO111MODULE=off",
		"GOOS=windows", "GOARCH=arm64", "CGO_ENABLED=1")
	out, err := run.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestX") || !strings.Contains(string(out), "in the guest") {
		t.Errorf("%v\n%s", err, out)
	}
}

// installFromProxy returns the command, as it comes out of a module proxy.
func installFromProxy(t *testing.T, dir string) string {
	t.Helper()
	// The proxy's protocol is that of the module cache, which serves all else.
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	settings := strings.Split(string(out), "\n")
	v := module.Version{Path: "github.com/kmodtest/kmodtest", Version: "v0.0.1-test"}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	versions := filepath.Join(dir, "proxy", v.Path, "@v")
	if err := os.MkdirAll(versions, 0o755); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		v.Version + ".mod": mod, v.Version + ".info": fmt.Appendf(nil, `{"Version": %q}`, v.Version), "list": []byte(v.Version + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(versions, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(versions, v.Version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := zip.Create(f, v, moduleFiles(t, root)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "install", "-trimpath", v.Path+"/cmd/kmodtest@"+v.Version)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-modcacherw", "GOMODCACHE="+filepath.Join(dir, "mod"),
		"GOPROXY=file://"+filepath.Join(dir, "proxy")+",file://"+filepath.Join(settings[0], "cache/download")+","+settings[2],
		// Nobody has published this version, and the others were verified.
		"GONOSUMDB=*", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "kmodtest")
}

// moduleFiles are the files of the module at root, whose build directory holds
// what is built.
func moduleFiles(t *testing.T, root string) []zip.File {
	t.Helper()
	var files []zip.File
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		switch {
		case d.IsDir() && (rel == "build" || rel == ".git"):
			return filepath.SkipDir
		case d.Type().IsRegular() && rel != ".git": // a file in a worktree
			files = append(files, moduleFile{rel, path})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// moduleFile is a file for package zip.
type moduleFile struct{ rel, path string }

func (f moduleFile) Path() string                 { return filepath.ToSlash(f.rel) }
func (f moduleFile) Lstat() (os.FileInfo, error)  { return os.Lstat(f.path) }
func (f moduleFile) Open() (io.ReadCloser, error) { return os.Open(f.path) }
