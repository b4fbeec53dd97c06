package run

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/wire"
)

func TestPlace(t *testing.T) {
	out := outputs{
		files: []string{"/src/cover.out"}, dirs: []string{"/cov"}, changed: []string{"/src/pkg"}, cache: "/cache", globs: []string{"/src/build/*/x.pcap", "/src/log*"},
	}
	for _, tc := range []struct{ path, want string }{
		{"/src/cover.out", "/src"}, {"/cov/a/b", "/cov"}, {"/cov", ""}, {"/covers/a", ""}, {"/src/pkg/testdata/x", "/src/pkg"},
		{"/src/other", ""}, {"/src/build/1/x.pcap", "/src/build"}, {"/src/build/1/y.pcap", ""}, {"/src/logs/deep/file", "/src"},
		{"/src/log", "/src"}, {"/etc/passwd", ""}, {"relative", ""},
	} {
		got, ok := out.place(tc.path)
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("place(%s) = %q, %v; want %q", tc.path, got, ok, tc.want)
		}
	}
	want := []string{"/src", "/cov", "/cache", "/src/build", "/src"}
	if diff := cmp.Diff(want, out.mkdirs()); diff != "" {
		t.Errorf("directories to make (-want +got):\n%s", diff)
	}
}

// send gives the sink one file, in two pieces.
func send(t *testing.T, s *fileSink, path, content string) error {
	t.Helper()
	return sendFile(t, s, wire.FileHeader{Path: path, Mode: 0o640, Size: int64(len(content))}, content)
}

func sendFile(t *testing.T, s *fileSink, header wire.FileHeader, content string) error {
	t.Helper()
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	half := len(content) / 2
	frames := []wire.Frame{{Type: wire.File, Payload: h}}
	for _, part := range []string{content[:half], content[half:]} {
		if part != "" {
			frames = append(frames, wire.Frame{Type: wire.FileData, Payload: []byte(part)})
		}
	}
	for _, f := range frames {
		if err := s.frame(f); err != nil {
			return err
		}
	}
	return nil
}

func TestFileSink(t *testing.T) {
	top := t.TempDir()
	in := func(name string) string { return filepath.Join(top, name) }
	for _, d := range []string{"pkg/testdata", "secret"} {
		if err := os.MkdirAll(in(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(in("pkg/testdata/golden"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	// Links that lead out of the directory, as somebody's repository may have.
	for link, target := range map[string]string{"pkg/out": "../secret", "pkg/abs": in("secret"), "pkg/file": in("secret/file")} {
		if err := os.Symlink(target, in(link)); err != nil {
			t.Fatal(err)
		}
	}
	s := &fileSink{want: outputs{files: []string{in("cover.out"), in("never")}, changed: []string{in("pkg")}}}
	for _, tc := range []struct{ path, err string }{
		{"cover.out", ""}, {"pkg/testdata/golden", ""}, {"pkg/new/dir/empty", ""}, {"pkg/file", ""},
		{"pkg/out/x", "escapes"}, {"pkg/abs/x", "escapes"},
		{"pkg/../secret/x", "nobody asked"}, {"elsewhere", "nobody asked"},
	} {
		content := "new " + tc.path
		if strings.HasSuffix(tc.path, "empty") {
			content = ""
		}
		err := send(t, s, top+"/"+tc.path, content)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: error = %v, want %q", tc.path, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.path, err)
			continue
		}
		b, err := os.ReadFile(in(tc.path))
		if err != nil || string(b) != content {
			t.Errorf("%s = %q, %v; want %q", tc.path, b, err, content)
		}
	}
	if left, err := os.ReadDir(in("secret")); err != nil || len(left) != 0 {
		t.Errorf("files outside of the directory: %v, %v", left, err)
	}
	if diff := cmp.Diff([]string{in("never")}, s.missing()); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	// A file that breaks off leaves nothing.
	h, _ := json.Marshal(wire.FileHeader{Path: in("pkg/half"), Size: 10})
	if err := s.frame(wire.Frame{Type: wire.File, Payload: h}); err != nil {
		t.Fatal(err)
	}
	s.abort()
	if m, _ := filepath.Glob(in("pkg/.*")); len(m) != 0 {
		t.Errorf("left behind: %v", m)
	}
}

// What came before the end counts if the guest died, and not if it came to its end.
func TestFileSinkEarly(t *testing.T) {
	for name, tc := range map[string]struct {
		died, again bool
		want        map[string]string
	}{
		"died":                    {true, false, map[string]string{"golden": "second", "temp": "x"}},
		"ended":                   {false, true, map[string]string{"golden": "third"}},
		"died at the end":         {true, true, map[string]string{"golden": "third", "temp": "x"}},
		"ended, all is as it was": {false, false, map[string]string{"golden": "old"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "golden"), []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			s := &fileSink{want: outputs{changed: []string{dir}}}
			early := func(name, content string) {
				h := wire.FileHeader{Path: filepath.Join(dir, name), Mode: 0o640, Size: int64(len(content)), Early: true}
				if err := sendFile(t, s, h, content); err != nil {
					t.Fatal(err)
				}
			}
			early("golden", "first")
			early("golden", "second")
			early("temp", "x")
			if tc.again {
				if err := send(t, s, filepath.Join(dir, "golden"), "third"); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.settle(tc.died); err != nil {
				t.Fatal(err)
			}
			got := make(map[string]string)
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				b, err := os.ReadFile(filepath.Join(dir, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				got[e.Name()] = string(b)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}
