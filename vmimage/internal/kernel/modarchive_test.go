package kernel

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/modarchive"
	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// TestModuleArchive makes an archive of a tree like that of a package, with files
// compressed in every way, and looks at what a guest finds in it.
func TestModuleArchive(t *testing.T) {
	files := map[string]string{
		"modules.order":                "kernel/net/802/stp.ko\nkernel/net/llc/llc.ko\nkernel/net/bridge/bridge.ko\nkernel/crypto/crc-x.ko\n",
		"modules.builtin":              "kernel/fs/ext4/ext4.ko\nkernel/lib/plain.ko\n",
		"modules.builtin.modinfo":      "ext4.alias=fs-ext4\x00ext4.license=GPL\x00unix.alias=net-pf-1\x00unix.license=GPL\x00",
		"kernel/net/llc/llc.ko.xz":     compress(t, fakeModule(t, "license=GPL", "depends="), ".xz"),
		"kernel/net/802/stp.ko.zst":    compress(t, fakeModule(t, "license=GPL", "depends=llc"), ".zst"),
		"kernel/net/bridge/bridge.ko":  string(fakeModule(t, "alias=rtnl-link-bridge", "depends=stp,llc")),
		"kernel/crypto/crc-x.ko.gz":    compress(t, fakeModule(t, "softdep=pre: net-pf-1 llc post: bridge", "alias=crypto-crc", "alias=devname:net/crc", "alias=char-major-10-200"), ".gz"),
		"kernel/crypto/not-listed.txt": "no module",
	}
	k := Kernel{Release: "6.66", Digest: "0123", Modules: writeTree(t, files)}
	store := OpenStore(t.TempDir(), nil, nil)
	defer store.Close()
	told := 0
	var path string
	for range 2 {
		var err error
		if path, err = k.ModuleArchive(t.Context(), store, func(string) { told++ }); err != nil {
			t.Fatal(err)
		}
	}
	if told != 1 {
		t.Errorf("it was made %d times, want once", told)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if n := fi.Size(); n < modarchive.PageSize || n&(n-1) != 0 {
		t.Errorf("its length is %d, want a power of two", n)
	}
	a, err := modarchive.Open(modarchive.ReadFrom(f))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, file := range a.Files {
		b, err := a.FileContent(file)
		if err != nil {
			t.Fatal(err)
		}
		got[file.Name] = string(b)
	}
	want := map[string]string{
		"modules.order": files["modules.order"], "modules.builtin": files["modules.builtin"],
		"modules.builtin.modinfo": files["modules.builtin.modinfo"],
		"modules.dep": "kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko kernel/net/llc/llc.ko\nkernel/crypto/crc-x.ko:\n" +
			"kernel/net/llc/llc.ko:\nkernel/net/802/stp.ko: kernel/net/llc/llc.ko\n",
		"modules.alias": "# Aliases extracted from modules themselves.\nalias rtnl_link_bridge bridge\nalias crypto_crc crc_x\n" +
			"alias devname:net/crc crc_x\nalias char_major_10_200 crc_x\n",
		"modules.devname": "# Device nodes to trigger on-demand module loading.\ncrc_x net/crc c10:200\n",
		"modules.softdep": "# Soft dependencies extracted from modules themselves.\nsoftdep crc_x pre: net-pf-1 llc post: bridge\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lists (-want +got):\n%s", diff)
	}
	for _, tc := range []struct {
		name    string
		builtin bool
		size    int
	}{
		{"llc", false, len(fakeModule(t, "license=GPL", "depends="))},
		{"rtnl-link-bridge", false, len(files["kernel/net/bridge/bridge.ko"])},
		{"crypto-crc", false, len(fakeModule(t, "softdep=pre: net-pf-1 llc post: bridge", "alias=crypto-crc", "alias=devname:net/crc", "alias=char-major-10-200"))},
		{"net-pf-1", true, 0}, {"fs-ext4", true, 0}, {"plain", true, 0},
	} {
		found, err := a.Find(tc.name)
		if err != nil || len(found) != 1 {
			t.Errorf("Find(%s) = %v, %v", tc.name, found, err)
			continue
		}
		if m := found[0]; m.Builtin() != tc.builtin || m.Size() != int64(tc.size) {
			t.Errorf("%s: built in is %v, size %d; want %v, %d", tc.name, m.Builtin(), m.Size(), tc.builtin, tc.size)
		}
	}
}

// A kernel without modules has no archive; one with a broken module no half one.
func TestNoModuleArchive(t *testing.T) {
	store := OpenStore(t.TempDir(), nil, nil)
	defer store.Close()
	for _, k := range []Kernel{{Release: "1"}, {Release: "2", Modules: t.TempDir()}} {
		if path, err := k.ModuleArchive(t.Context(), store, nil); path != "" || err != nil {
			t.Errorf("archive of a kernel without modules: %q, %v", path, err)
		}
	}
	k := Kernel{Release: "3", Modules: writeTree(t, map[string]string{"kernel/bad.ko": "no ELF file"})}
	if path, err := k.ModuleArchive(t.Context(), store, nil); err == nil {
		t.Errorf("archive of a kernel with a broken module: %q", path)
	}
}

// TestWhoHas names the kernels whose modules are kept.
func TestWhoHas(t *testing.T) {
	store := &cache.Store{Dir: t.TempDir()}
	defer store.Close()
	for release, module := range map[string]string{"6.12-generic": "gtp", "6.12-cloud": "veth", "7.3-generic": "gtp"} {
		_, err := store.Get(t.Context(), modulesKind, release, func(_ context.Context, dir string) error {
			f, err := os.Create(filepath.Join(dir, modulesName))
			if err != nil {
				return err
			}
			defer f.Close()
			w := modarchive.NewWriter(f, release)
			if err := w.Add(modarchive.Module{Name: module, Path: module + ".ko", Aliases: []string{"rtnl-link-" + module}}, []byte("image")); err != nil {
				return err
			}
			_, err = w.Close()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for module, want := range map[string][]string{
		"gtp": {"6.12-generic", "7.3-generic"}, "rtnl-link-veth": {"6.12-cloud"}, "nowhere": nil,
	} {
		if diff := cmp.Diff(want, WhoHas(t.Context(), store, module)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", module, diff)
		}
	}
	err := &NoModuleError{Module: "gtp", Release: "6.12-cloud", Flavour: "cloud", Others: []string{"6.12-generic", "7.3-generic"}}
	if want := "resolve module gtp: kernel 6.12-cloud has no such module; in 6.12-generic, 7.3-generic there is one"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}
