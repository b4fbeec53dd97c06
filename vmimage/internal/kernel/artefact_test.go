package kernel

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// What one machine compiled another takes, and only that.
func testArtefact(t *testing.T, o, other Options) {
	spec := Spec{Series: "6.66", Suite: "testing", Profile: "debug"}
	var file bytes.Buffer
	if err := Save(t.Context(), o, spec, &file); err != nil {
		t.Fatalf("%+v", err)
	}
	k, err := Get(t.Context(), o, spec)
	if err != nil {
		t.Fatal(err)
	}
	other.Offline = true
	if _, err := Load(t.Context(), other, bytes.NewReader(file.Bytes()[:file.Len()-9])); err == nil {
		t.Error("half a file is no error")
	}
	wantError(t, other, errors.New("none"))
	name, err := Load(t.Context(), other, bytes.NewReader(file.Bytes()))
	if err != nil || name != "6.66-debug" {
		t.Fatalf("Load: %q, %v", name, err)
	}
	got, err := Get(t.Context(), other, spec)
	if err != nil || got.Digest != k.Digest || got.Release != k.Release {
		t.Errorf("loaded is %+v, %v; want digest %s", got, err, k.Digest)
	}
	if err := Save(t.Context(), o, Spec{Series: "6.66", Suite: "testing"}, io.Discard); err == nil || !strings.Contains(err.Error(), "6.66-debug") {
		t.Errorf("save of a kernel that is fetched: %v", err)
	}
}

// A file of another kind, or of an evil one, puts nothing anywhere.
func TestLoadErrors(t *testing.T) {
	head := `{"version":1,"key":"6.66.1-debug-0123456789abcdef","resolved":{"series":"6.66","suite":"testing","profile":"debug","source":{},"abi":"6.66.1","release":"6.66.1-debug"}}`
	type member struct {
		name, content string
		kind          byte
	}
	for name, tt := range map[string]struct {
		members []member
		want    string
	}{
		"empty":   {nil, "no file of kmodtest kernels -save"},
		"other":   {[]member{{"x", head, tar.TypeReg}}, "begins with x"},
		"version": {[]member{{artefactName, `{"version":9}`, tar.TypeReg}}, "its version is 9"},
		"key":     {[]member{{artefactName, strings.Replace(head, "6.66.1-debug-0", "../6.66.1-debug-0", 1), tar.TypeReg}}, "does not say"},
		"above":   {[]member{{artefactName, head, tar.TypeReg}, {"files/../../x", "x", tar.TypeReg}}, "escapes"},
		"link":    {[]member{{artefactName, head, tar.TypeReg}, {"files/l", "/", tar.TypeSymlink}, {"files/l/tmp/x", "x", tar.TypeReg}}, "escapes"},
		"device":  {[]member{{artefactName, head, tar.TypeReg}, {"files/d", "", tar.TypeChar}}, "neither file nor link"},
	} {
		var b bytes.Buffer
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(z)
		for _, m := range tt.members {
			h := &tar.Header{Name: m.name, Mode: 0o644, Typeflag: m.kind}
			if m.kind == tar.TypeReg {
				h.Size = int64(len(m.content))
			} else {
				h.Linkname, m.content = m.content, ""
			}
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, m.content); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.Close(), z.Close()); err != nil {
			t.Fatal(err)
		}
		o := Options{Store: OpenStore(filepath.Join(t.TempDir(), "store"), nil, nil)}
		_, err = Load(t.Context(), o, &b)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error is %v, want %q", name, err, tt.want)
			continue
		}
		wantError(t, o, err)
	}
}
