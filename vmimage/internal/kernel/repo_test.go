package kernel

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// repo is an archive on this machine: packages made by dpkg-deb, indexes
// written by hand, signed by a key of its own, served by net/http. Tests break
// it in every way that a real one can break.
type repo struct {
	t       *testing.T
	dir     string // what is served
	keyring string
	gpgHome string

	mu       sync.Mutex
	fetched  map[string]int // by path
	break_   func(path string, w http.ResponseWriter) bool
	packages []string // stanzas
	signed   int
	server   *httptest.Server
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := Tool(tool); err != nil {
			t.Fatal(err)
		}
	}
	r := &repo{t: t, dir: t.TempDir(), fetched: map[string]int{}}
	r.gpgHome, r.keyring = newKey(t)
	r.server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.server.Close)
	return r
}

// newKey makes a signing key, and its public half as a keyring.
func newKey(t *testing.T) (home, keyring string) {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Fatal("signatures are made by gpg, which is not installed: apt-get install gnupg")
	}
	// Not below t.TempDir: the agent's socket has a short limit.
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	keyring = filepath.Join(t.TempDir(), "keyring.gpg")
	gpg(t, home, "--passphrase", "", "--quick-generate-key", "test archive", "ed25519", "sign", "never")
	gpg(t, home, "--output", keyring, "--export")
	return home, keyring
}

func gpg(t *testing.T, home string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "gpg", append([]string{"--homedir", home, "--batch", "--yes", "--pinentry-mode", "loopback"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gpg %q: %v\n%s", args, err, out)
	}
}

func (r *repo) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.fetched[req.URL.Path]++
	broken := r.break_
	r.mu.Unlock()
	if broken != nil && broken(req.URL.Path, w) {
		return
	}
	http.FileServer(http.Dir(r.dir)).ServeHTTP(w, req)
}

// setBreak installs a function that may answer a request itself.
func (r *repo) setBreak(f func(path string, w http.ResponseWriter) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.break_ = f
}

// count returns how often files whose path contains part were asked for, and
// forgets it.
func (r *repo) count(part string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for path, times := range r.fetched {
		if strings.Contains(path, part) {
			n += times
			delete(r.fetched, path)
		}
	}
	return n
}

func (r *repo) write(path, content string) {
	r.t.Helper()
	path = filepath.Join(r.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// add makes a package with files.
func (r *repo) add(name, version, arch, depends string, files map[string]string) {
	r.t.Helper()
	root := r.t.TempDir()
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: nobody <nobody@example.invalid>\nDescription: test\n", name, version, arch)
	if depends != "" {
		control += "Depends: " + depends + "\n"
	}
	files["DEBIAN/control"] = control
	for path, content := range files {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(path, "usr/bin/") || strings.HasPrefix(filepath.Base(path), "ld-") {
			mode = 0o755
		}
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			r.t.Fatal(err)
		}
	}
	pool := "pool/" + name + "_" + version + "_" + arch + ".deb"
	if err := os.MkdirAll(filepath.Join(r.dir, "pool"), 0o755); err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.CommandContext(r.t.Context(), "dpkg-deb", "--root-owner-group", "-Znone", "-b", root, filepath.Join(r.dir, pool))
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("make %s: %v\n%s", name, err, out)
	}
	data, err := os.ReadFile(filepath.Join(r.dir, pool))
	if err != nil {
		r.t.Fatal(err)
	}
	r.packages = append(r.packages, fmt.Sprintf("%sFilename: %s\nSize: %d\nSHA256: %x\n", control, pool, len(data), sha256.Sum256(data)))
}

// addKernel makes the packages of one kernel, as 6.12 has them, or split as
// 7.x has them.
func (r *repo) addKernel(abi, flavour, version, gcc string) {
	r.t.Helper()
	release := abi + "-" + flavour
	headers := "usr/src/linux-headers-" + release
	config := fmt.Sprintf("CONFIG_CC_VERSION_TEXT=\"x86_64-linux-gnu-gcc-%s (Debian) %s.2.0\"\nCONFIG_NET=y\n", gcc, gcc)
	image := map[string]string{
		"boot/vmlinuz-" + release: "image of " + release, "boot/config-" + release: config,
		"boot/System.map-" + release: "0 T _text\n",
	}
	modules := map[string]string{"lib/modules/" + release + "/modules.builtin": "kernel/lib/crc.ko\n"}
	if strings.HasPrefix(abi, "7.") {
		r.add("linux-binary-"+release, version, "amd64", "", image)
		r.add("linux-modules-"+release, version, "amd64", "", modules)
		r.add("linux-image-"+release, version, "amd64",
			fmt.Sprintf("linux-binary-%s (= %s), linux-modules-%s (= %s)", release, version, release, version), map[string]string{})
	} else {
		for k, v := range modules {
			image[k] = v
		}
		r.add("linux-image-"+release, version, "amd64", "kmod", image)
	}
	r.add("linux-headers-"+release, version, "amd64",
		fmt.Sprintf("linux-headers-%s-common (= %s), linux-kbuild-%s, gcc-%s", abi, version, abi, gcc),
		map[string]string{headers + "/.config": config, headers + "/Makefile": "include /usr/src/linux-headers-" + abi + "-common/Makefile\n"})
}

// addShared makes what the flavours of a kernel share.
func (r *repo) addShared(abi, version string) {
	r.t.Helper()
	r.add("linux-headers-"+abi+"-common", version, "all", "",
		map[string]string{"usr/src/linux-headers-" + abi + "-common/Makefile": "modules:\n"})
	r.add("linux-kbuild-"+abi, version, "amd64", "libc6, pahole",
		map[string]string{"usr/lib/linux-kbuild-" + abi + "/scripts/x": "x"})
}

// publish writes and signs the indexes of a suite.
func (r *repo) publish(suite string) {
	r.t.Helper()
	index := strings.Join(r.packages, "\n")
	r.write("dists/"+suite+"/main/binary-amd64/Packages", index)
	release := fmt.Sprintf("Origin: test\nSuite: %s\nCodename: %s\nDate: Tue, 01 Jul 2025 00:00:00 UTC\nArchitectures: amd64 all\nComponents: main\nSHA256:\n %x %d main/binary-amd64/Packages\n",
		suite, suite, sha256.Sum256([]byte(index)), len(index))
	r.sign(suite, release)
}

func (r *repo) sign(suite, release string) {
	r.t.Helper()
	r.write("dists/"+suite+"/Release", release)
	path := filepath.Join(r.dir, "dists", suite)
	gpg(r.t, r.gpgHome, "--output", path+"/InRelease", "--clearsign", path+"/Release")
	os.Remove(path + "/Release")
	// Apt asks for what is newer than its copy, to the second.
	r.signed++
	when := time.Now().Add(time.Duration(r.signed) * time.Minute)
	if err := os.Chtimes(path+"/InRelease", when, when); err != nil {
		r.t.Fatal(err)
	}
}

// options reach the repo, past proxies and without the pauses of retries.
func (r *repo) options(t *testing.T) Options {
	return Options{
		Store:  OpenStore(filepath.Join(t.TempDir(), "store"), nil, nil),
		Mirror: r.server.URL, SecurityMirror: r.server.URL, Keyring: r.keyring,
		Warn:       func(m string) { t.Log("warning:", m) },
		aptOptions: []string{"-oAcquire::http::Proxy=DIRECT", "-oAcquire::Retries=0"},
	}
}

// hostGeneration is the generation of the gcc on this machine, so that no
// kernel of the repo needs a compiler of another suite.
func hostGeneration(t *testing.T) string {
	t.Helper()
	out, err := Command{Args: []string{"gcc", "-dumpversion"}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	major, _, _ := strings.Cut(strings.TrimSpace(out), ".")
	return major
}

// testRepo has three kernels in one suite.
func testRepo(t *testing.T) *repo {
	t.Helper()
	r := newRepo(t)
	gcc := hostGeneration(t)
	r.addShared("6.66.1+deb9", "6.66.1-1")
	r.addKernel("6.66.1+deb9", "cloud-amd64", "6.66.1-1", gcc)
	r.addKernel("6.66.1+deb9", "amd64", "6.66.1-1", gcc)
	r.addShared("7.7.3+deb9", "7.7.3-1~bpo9+1")
	r.addKernel("7.7.3+deb9", "cloud-amd64", "7.7.3-1~bpo9+1", gcc)
	r.publish("testing")
	return r
}

// wantError checks an error, and that it left nothing half-written.
func wantError(t *testing.T, o Options, err error, wants ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
	for _, pattern := range []string{"kernel/*", ".tmp/*", ".state/resolved/.*"} {
		if left, _ := filepath.Glob(filepath.Join(o.Store.Dir, pattern)); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	if errors.Is(err, context.Canceled) {
		t.Error("the error is a cancellation")
	}
}

// clone is the same archive for one test to break.
func (r *repo) clone(t *testing.T) *repo {
	t.Helper()
	c := &repo{t: t, dir: t.TempDir(), keyring: r.keyring, gpgHome: r.gpgHome, fetched: map[string]int{}, packages: r.packages}
	if err := os.CopyFS(c.dir, os.DirFS(r.dir)); err != nil {
		t.Fatal(err)
	}
	c.server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.server.Close)
	return c
}

// lockable adds a compiler to the archive, which a lock pins as well.
func lockable(o Options, r *repo) Options {
	r.t.Helper()
	for _, name := range []string{"gcc-" + hostGeneration(r.t), "binutils", "libc6"} {
		r.add(name, "1-1", "amd64", "", map[string]string{"usr/share/x/" + name: name})
	}
	r.publish("testing")
	return o
}
