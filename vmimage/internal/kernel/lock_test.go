package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestArchiveDropsBuild replaces the build that an answer was kept for.
func TestArchiveDropsBuild(t *testing.T) {
	r := testRepo(t)
	o := r.options(t)
	spec := Spec{Series: "6.66", Suite: "testing"}
	lock, err := MakeLock(t.Context(), lockable(o, r), []Spec{spec})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	gcc := hostGeneration(t)
	r.packages = nil
	os.RemoveAll(filepath.Join(r.dir, "pool"))
	r.addShared("6.66.2+deb9", "6.66.2-1")
	r.addKernel("6.66.2+deb9", "cloud-amd64", "6.66.2-1", gcc)
	r.publish("testing")

	o.Locked = lock
	_, err = Get(t.Context(), o, spec)
	wantError(t, o, err, "linux-headers-6.66.1+deb9-common=6.66.1-1", "the archive has dropped it", "kmodtest lock")

	o.Locked = nil
	k, err := Get(t.Context(), o, spec)
	if err != nil || k.Release != "6.66.2+deb9-cloud-amd64" {
		t.Errorf("Get follows the archive to %q, %v", k.Release, err)
	}
}

// TestLocked reproduces a kernel that is no longer the newest.
func TestLocked(t *testing.T) {
	r := testRepo(t)
	o := lockable(r.options(t), r)
	spec := Spec{Series: "6.66", Suite: "testing"}
	l, err := MakeLock(t.Context(), o, []Spec{spec, {Path: "dir:/opt/k"}})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	r.addShared("6.66.2+deb9", "6.66.2-1")
	r.addKernel("6.66.2+deb9", "cloud-amd64", "6.66.2-1", hostGeneration(t))
	r.publish("testing")

	data, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kmodtest.lock")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	// Another machine: an empty store, and no index in it.
	other := r.options(t)
	if other.Locked, err = ReadLock(path); err != nil {
		t.Fatal(err)
	}
	if k, err := Get(t.Context(), other, spec); err != nil || k.Release != "6.66.1+deb9-cloud-amd64" {
		t.Errorf("locked Get: %q, %v", k.Release, err)
	}
	if k, err := Get(t.Context(), o, spec); err != nil || k.Release != "6.66.1+deb9-cloud-amd64" {
		t.Errorf("Get with a kept answer: %q, %v", k.Release, err)
	}
	o.Update = true
	if k, err := Get(t.Context(), o, spec); err != nil || k.Release != "6.66.2+deb9-cloud-amd64" {
		t.Errorf("Get with Update: %q, %v", k.Release, err)
	}
	_, err = Get(t.Context(), other, Spec{Series: "7.7", Suite: "testing"})
	if err == nil || !strings.Contains(err.Error(), "it is not locked") {
		t.Errorf("Get of a kernel that is not locked: %v", err)
	}
}

func TestReadLock(t *testing.T) {
	for name, content := range map[string]string{"unknown field": `{"version":1,"kernel":[]}`, "version": `{"version":9}`, "torn": `{"version":1,`} {
		path := filepath.Join(t.TempDir(), "kmodtest.lock")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadLock(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadLock(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "kmodtest lock") {
		t.Errorf("no file: %v", err)
	}
}

func TestList(t *testing.T) {
	r := testRepo(t)
	o := r.options(t)
	if _, err := Get(t.Context(), o, Spec{Series: "6.66", Suite: "testing"}); err != nil {
		t.Fatalf("%+v", err)
	}
	show := func(builds []Build) string {
		var words []string
		for _, b := range builds {
			w := b.Release
			if b.Cached {
				w += " cached"
			}
			if b.Newest {
				w += " newest"
			}
			words = append(words, w)
		}
		return strings.Join(words, ", ")
	}
	l, err := List(t.Context(), o, []string{"testing", "nosuch"})
	if err != nil {
		t.Fatal(err)
	}
	want := "6.66.1+deb9-cloud-amd64 cached newest, 6.66.1+deb9-amd64 newest, 7.7.3+deb9-cloud-amd64 newest"
	if got := show(l.Builds); got != want {
		t.Errorf("List:\n got %s\nwant %s", got, want)
	}
	if len(l.Problems) != 1 || !strings.Contains(l.Problems[0].Error(), "nosuch") {
		t.Errorf("problems are %v", l.Problems)
	}
	builds, err := Available(t.Context(), o, []string{"testing"}, "")
	if got, want := show(builds), "6.66.1+deb9-cloud-amd64 cached newest, 7.7.3+deb9-cloud-amd64 newest"; err != nil || got != want {
		t.Errorf("Available: %s, %v; want %s", got, err, want)
	}
	if _, err := Available(t.Context(), o, []string{"nosuch"}, ""); err == nil {
		t.Error("Available of an unknown suite is no error")
	}
	o.Offline = true
	r.server.Close()
	l, err = List(t.Context(), o, []string{"testing"})
	if got, want := show(l.Builds), "6.66.1+deb9-cloud-amd64 cached newest"; err != nil || got != want || !l.Offline {
		t.Errorf("offline List: %s, %v; want %s", got, err, want)
	}
}
