package kernel

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

func TestExplainUpdate(t *testing.T) {
	tests := []struct{ name, output, want string }{
		{"no route", "Ign:1 http://m.invalid testing InRelease\nErr:2 http://m.invalid testing Release\n" +
			"  Cannot initiate the connection to m.invalid:80 (192.0.2.1). - connect (101: Network is unreachable)\n" +
			"E: The repository 'http://m.invalid testing Release' does not have a Release file.\n", "cannot be reached"},
		{"no name", "Err:1 http://m.invalid testing InRelease\n  Temporary failure resolving 'm.invalid'\n", "cannot be reached"},
		{"no suite", "Err:2 http://m.invalid testing Release\n  404  Not Found [IP: 192.0.2.1 80]\n" +
			"E: The repository 'http://m.invalid testing Release' does not have a Release file.\n", "no such suite"},
		{"bad signature, sqv", "Sub-process /usr/bin/sqv returned an error code (1), error message is: " +
			"Verifying signature: Message has been manipulated\n" +
			"E: The repository 'http://m.invalid testing InRelease' is not signed.\n", "its signature is bad"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			failed := &CommandError{Args: []string{"apt-get"}, Output: tt.output, Err: errors.New("exit status 100")}
			if err := explainUpdate(t.Context(), "testing", "keyring.gpg", failed); !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want one with %q", err, tt.want)
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
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:len(data)/2])
		panic(http.ErrAbortHandler)
	})
	_, err := Get(t.Context(), o, spec)
	wantError(t, o, err, "package linux-image-6.66.1+deb9-cloud-amd64=6.66.1-1")

	r.count("")
	r.setBreak(nil)
	var told atomic.Int64
	o.Fetching = func(done, total int64) { told.Store(total) }
	if _, err := Get(t.Context(), o, spec); err != nil {
		t.Fatalf("%+v", err)
	}
	if told.Load() == 0 {
		t.Error("Fetching was told nothing")
	}
	for _, had := range []string{"-common", "linux-kbuild"} {
		if n := r.count(had); n > 0 {
			t.Errorf("%s was fetched again, %d times", had, n)
		}
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

// TestTwoRuns lets two users of one empty store want the same kernel.
func TestTwoRuns(t *testing.T) {
	r := testRepo(t)
	o := r.options(t)
	var wg sync.WaitGroup
	for range 2 {
		own := o
		own.Store = OpenStore(o.Store.Dir, nil, func(m string) { t.Error(m) })
		defer own.Store.Close()
		for _, flavour := range []string{"cloud", "generic"} {
			wg.Go(func() {
				if _, err := Get(t.Context(), own, Spec{Series: "6.66", Suite: "testing", Flavour: flavour}); err != nil {
					t.Errorf("%+v", err)
				}
			})
		}
	}
	wg.Wait()
	for _, part := range []string{"-common", "linux-kbuild", "linux-image-6.66.1+deb9-cloud", "linux-image-6.66.1+deb9-amd64"} {
		if n := r.count(part); n != 1 {
			t.Errorf("%s was fetched %d times", part, n)
		}
	}
}

// TestDamagedKernel edits a kernel in the store: the next use finds that and
// fetches it again.
func TestDamagedKernel(t *testing.T) {
	r := testRepo(t)
	o := r.options(t)
	spec := Spec{Series: "6.66", Suite: "testing"}
	k, err := Get(t.Context(), o, spec)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	if err := os.WriteFile(k.Image, []byte("image of an attacker, who has the same len"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Store.Close() // a repair waits for those who use the entry
	var warned []string
	o.Store = OpenStore(o.Store.Dir, nil, func(m string) { warned = append(warned, m) })
	if k, err = Get(t.Context(), o, spec); err != nil {
		t.Fatalf("%+v", err)
	}
	if data, err := os.ReadFile(k.Image); err != nil || string(data) != "image of "+k.Release {
		t.Errorf("image holds %q, %v", data, err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "boot/vmlinuz-") {
		t.Errorf("warned %q", warned)
	}
	// Without the archive that is an error that names the damage.
	if err := os.Truncate(k.Image, 3); err != nil {
		t.Fatal(err)
	}
	o.Offline = true
	if _, err = Get(t.Context(), o, spec); err == nil || !strings.Contains(err.Error(), "not cached") {
		t.Errorf("offline: %v", err)
	}
}
