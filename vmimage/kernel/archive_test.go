package kernel

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGetFromArchive(t *testing.T) {
	r := testRepo(t)
	o := r.options(t)
	var fetched int64
	o.Progress = func(p Progress) { fetched += p.Bytes }
	for _, spec := range []Spec{
		{Series: "6.66", Suite: "testing"},
		{Series: "6.66", Suite: "testing", Flavour: "generic"},
		{Series: "7.7", Suite: "testing"},
		{Series: "7.7.3+deb9", Suite: "testing"},
	} {
		k, err := Get(t.Context(), o, spec)
		if err != nil {
			t.Fatalf("%+v", err)
		}
		for name, path := range map[string]string{
			"image": k.Image, "config": k.Config, "symbols": k.Symbols, "modules": k.Modules,
			"source": k.SourceDir + "/Makefile", "build": k.BuildDir + "/.config",
			"link to kbuild": filepath.Join(k.BuildDir, "../../lib/linux-kbuild-"+strings.TrimSuffix(strings.TrimSuffix(k.Release, "-amd64"), "-cloud"), "scripts/x"),
		} {
			if _, err := os.Stat(path); err != nil || !filepath.IsAbs(path) {
				t.Errorf("%s: %s: %v", spec, name, err)
			}
		}
		data, err := os.ReadFile(k.Image)
		if want := "image of " + k.Release; err != nil || string(data) != want {
			t.Errorf("%s: image holds %q, %v; want %q", spec, data, err, want)
		}
		if k.Toolchain.CC == "" || k.Digest == "" || k.Name != spec.String() {
			t.Errorf("%s: incomplete: %+v", spec, k)
		}
	}
	if fetched == 0 {
		t.Error("no progress was told")
	}
	if n := r.count("-common"); n != 2 {
		t.Errorf("the common headers of 2 kernels were fetched %d times", n)
	}

	// From here on there is no network.
	r.server.Close()
	o.Progress = func(p Progress) { t.Errorf("a warm Get does %+v", p) }
	if _, err := Get(t.Context(), o, Spec{Series: "6.66", Suite: "testing"}); err != nil {
		t.Errorf("warm Get: %v", err)
	}
	o.Offline = true
	if _, err := Get(t.Context(), o, Spec{Series: "7.7", Suite: "testing"}); err != nil {
		t.Errorf("offline Get: %v", err)
	}
}

func TestGetFromBrokenArchive(t *testing.T) {
	spec := Spec{Series: "6.66", Suite: "testing"}
	tests := []struct {
		name   string
		spec   Spec
		broken func(t *testing.T, r *repo, o *Options)
		want   []string
	}{
		{"bad signature", spec, func(t *testing.T, r *repo, o *Options) {
			path := filepath.Join(r.dir, "dists/testing/InRelease")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r.write("dists/testing/InRelease", strings.Replace(string(data), "Origin: test", "Origin: evil", 1))
		}, []string{"verify index of testing", "its signature is bad"}},
		{"not signed", spec, func(t *testing.T, r *repo, o *Options) {
			r.write("dists/testing/Release", "Suite: testing\nDate: Tue, 01 Jul 2025 00:00:00 UTC\n")
			os.Remove(filepath.Join(r.dir, "dists/testing/InRelease"))
		}, []string{"verify index of testing", "it is not signed"}},
		{"key not in the keyring", spec, func(t *testing.T, r *repo, o *Options) {
			_, o.Keyring = newKey(t)
		}, []string{"verify index of testing", "signed by a key that is not in", "keyring.gpg"}},
		{"no keyring", spec, func(t *testing.T, r *repo, o *Options) {
			o.Keyring = filepath.Join(t.TempDir(), "none.gpg")
		}, []string{"install the package debian-archive-keyring"}},
		{"edited index", spec, func(t *testing.T, r *repo, o *Options) {
			r.write("dists/testing/main/binary-amd64/Packages", strings.Join(r.packages, "\n")+"\n")
		}, []string{"fetch index of testing", "unexpected size"}},
		{"package of another size", spec, func(t *testing.T, r *repo, o *Options) {
			r.write("pool/linux-kbuild-6.66.1+deb9_6.66.1-1_amd64.deb", "not what was signed")
		}, []string{"verify package linux-kbuild-6.66.1+deb9=6.66.1-1: wrong digest"}},
		{"package of another content", spec, func(t *testing.T, r *repo, o *Options) {
			path := "pool/linux-kbuild-6.66.1+deb9_6.66.1-1_amd64.deb"
			data, err := os.ReadFile(filepath.Join(r.dir, path))
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			r.write(path, string(data))
		}, []string{"verify package linux-kbuild-6.66.1+deb9=6.66.1-1: wrong digest"}},
		{"suite without index", Spec{Series: "6.66", Suite: "nosuch"}, nil,
			[]string{"fetch index of nosuch", "no such suite, or no index for it"}},
		{"signed suite without packages", spec, func(t *testing.T, r *repo, o *Options) {
			r.sign("testing", "Origin: test\nSuite: testing\nCodename: testing\nDate: Tue, 01 Jul 2025 00:00:00 UTC\nArchitectures: amd64\nComponents: main\nSHA256:\n")
		}, []string{"index", "testing"}},
		{"unknown series", Spec{Series: "6.99", Suite: "testing"}, nil,
			[]string{"find kernel 6.99 in testing: no such series; there are: 6.66, 7.7"}},
		{"unknown flavour", Spec{Series: "6.66", Suite: "testing", Flavour: "tiny"}, nil,
			[]string{`no flavour "tiny"; there are: cloud, generic`}},
		{"flavour that only another series has", Spec{Series: "7.7", Suite: "testing", Flavour: "generic"}, nil,
			[]string{`no flavour "generic"; there are: cloud`}},
		{"no network", spec, func(t *testing.T, r *repo, o *Options) { r.server.Close() },
			[]string{"fetch index of testing", "cannot be reached"}},
		{"offline", spec, func(t *testing.T, r *repo, o *Options) { o.Offline = true },
			[]string{"is not cached", "without --offline"}},
		{"no suite", Spec{Series: "6.66"}, nil, []string{"series and suite are both needed"}},
	}
	r := testRepo(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := r.clone(t)
			o := r.options(t)
			if tt.broken != nil {
				tt.broken(t, r, &o)
			}
			_, err := Get(t.Context(), o, tt.spec)
			wantError(t, o, err, tt.want...)
			var sig *SignatureError
			if errors.As(err, &sig) != strings.HasPrefix(tt.want[0], "verify index") {
				t.Errorf("is a SignatureError: %v", errors.As(err, &sig))
			}
		})
	}
}

// TestArchiveGoneHalfWay lets the archive die in the middle of a package, and
// come back.
func TestArchiveGoneHalfWay(t *testing.T) {
	r := testRepo(t)
	o := r.options(t)
	spec := Spec{Series: "6.66", Suite: "testing"}
	r.setBreak(func(path string, w http.ResponseWriter) bool {
		if !strings.Contains(path, "linux-image") {
			return false
		}
		data, _ := os.ReadFile(filepath.Join(r.dir, path))
		w.Header().Set("Content-Length", "100000")
		w.Write(data[:len(data)/2])
		panic(http.ErrAbortHandler)
	})
	_, err := Get(t.Context(), o, spec)
	wantError(t, o, err, "package linux-image-6.66.1+deb9-cloud-amd64=6.66.1-1")

	r.setBreak(nil)
	r.count("")
	if _, err := Get(t.Context(), o, spec); err != nil {
		t.Fatalf("%+v", err)
	}
	for _, had := range []string{"-common", "linux-kbuild"} {
		if n := r.count(had); n > 0 {
			t.Errorf("%s was fetched again, %d times", had, n)
		}
	}
}

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

func TestGetCancelled(t *testing.T) {
	r := testRepo(t)
	o := r.options(t)
	ctx, cancel := context.WithCancel(t.Context())
	stop := make(chan struct{})
	defer close(stop)
	r.setBreak(func(path string, w http.ResponseWriter) bool {
		if strings.Contains(path, "linux-image") {
			cancel()
			<-stop // a server that never answers
		}
		return false
	})
	_, err := Get(ctx, o, Spec{Series: "6.66", Suite: "testing"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Get: %v, want context.Canceled", err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Store.Dir, ".tmp/*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
