package guest

import (
	"errors"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/guest/rtnl"
)

// recorder is a testing.TB that notes how a test ended.
type recorder struct {
	testing.TB
	fatal string
}

func (r *recorder) Helper() {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = format
	panic(r) // FailNow must not return
}

// TestOutside: on a host nothing reaches the kernel.
func TestOutside(t *testing.T) {
	if errOutside() == nil {
		t.Skip("runs in a guest")
	}
	for name, err := range map[string]error{
		"finitModule":  finitModule("/nonexistent.ko", ""),
		"deleteModule": deleteModule("no_such_module"),
		"Snapshot":     func() error { _, err := Snapshot(); return err }(),
		"rtnl.Dial":    func() error { _, err := rtnl.Dial(); return err }(),
	} {
		if !errors.Is(err, ErrOutside) {
			t.Errorf("%s: error = %v, want %v", name, err, ErrOutside)
		}
	}
	for name, call := range map[string]func(testing.TB){
		"Load":     func(t testing.TB) { Load(t, "vnet_nl") },
		"TryLoad":  func(t testing.TB) { TryLoad(t, "vnet_nl") },
		"WatchLog": func(t testing.TB) { WatchLog(t) },
		"Log":      func(t testing.TB) { Log(t) },
		"NetNS":    func(t testing.TB) { NetNS(t) },
	} {
		r := &recorder{}
		func() {
			defer func() { recover() }()
			call(r)
		}()
		if !strings.Contains(r.fatal, "would change the kernel of this machine") {
			t.Errorf("%s: the test did not end, or with %q", name, r.fatal)
		}
	}
}

func TestModuleName(t *testing.T) {
	for path, want := range map[string]string{
		"/lib/m/vnet_nl.ko":     "vnet_nl",
		"virtio-net.ko":         "virtio_net",
		"a/b/nf-conntrack.ko.x": "nf_conntrack",
	} {
		if got := moduleName(path); got != want {
			t.Errorf("moduleName(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestParseModinfo(t *testing.T) {
	data := []byte("license=GPL\x00alias=rtnl-link-vnet\x00\x00alias=net-pf-16-proto-16-family-vnet_nl\x00aliasx=no\x00")
	ko := koFile{aliases: parseModinfo(data, "alias")}
	if got := ko.linkKinds(); len(got) != 1 || got[0] != "vnet" {
		t.Errorf("linkKinds = %q, want [vnet]", got)
	}
}

func TestErrors(t *testing.T) {
	load := &LoadError{Name: "m", Params: []string{"a=1", "b"}, Errno: 22, Log: []string{"m: bad", "m: worse"}}
	if got, want := load.Error(), "load module m a=1 b: EINVAL (invalid argument)\n    kernel: m: bad\n    kernel: m: worse"; got != want {
		t.Errorf("LoadError = %q, want %q", got, want)
	}
	for _, tt := range []struct {
		err  *UnloadError
		want string
	}{
		{&UnloadError{Name: "m", Errno: 11, Refs: 1}, "unload module m: EWOULDBLOCK (it is in use), 1 references held"},
		{&UnloadError{Name: "m", Errno: 11, Refs: 1, Holders: []string{"n", "o"}}, "unload module m: EWOULDBLOCK (it is in use), used by n, o"},
		{&UnloadError{Name: "m", Errno: 2, Refs: -1}, "unload module m: ENOENT (no such file or directory)"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("UnloadError = %q, want %q", got, tt.want)
		}
	}
}
