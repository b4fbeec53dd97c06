package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeTree makes files below a new directory. A content that starts with
// "->" is a symlink.
func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(content, "->"); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func hostConfig(t *testing.T) string {
	g := hostGeneration(t)
	return "CONFIG_CC_VERSION_TEXT=\"gcc-" + g + " (Debian) " + g + ".1.0\"\n"
}

func TestGetDir(t *testing.T) {
	config := hostConfig(t)
	debian := map[string]string{
		"boot/vmlinuz-6.1.0-56-cloud-amd64": "image", "boot/config-6.1.0-56-cloud-amd64": config,
		"boot/System.map-6.1.0-56-cloud-amd64":                 "map",
		"lib/modules/6.1.0-56-cloud-amd64/modules.builtin":     "",
		"usr/src/linux-headers-6.1.0-56-cloud-amd64/Makefile":  "include /usr/src/linux-headers-6.1.0-56-common/Makefile\n",
		"usr/src/linux-headers-6.1.0-56-common/Makefile":       "modules:\n",
		"lib/modules/6.1.0-56-cloud-amd64/build":               "->/usr/src/linux-headers-6.1.0-56-cloud-amd64",
		"usr/src/linux-headers-6.1.0-56-cloud-amd64/.config":   config,
		"usr/src/linux-headers-6.1.0-56-cloud-amd64/include/x": "",
	}
	root := writeTree(t, debian)
	o := Options{Store: OpenStore(t.TempDir(), nil, nil)}
	k, err := Get(t.Context(), o, Spec{Path: "dir:" + root})
	if err != nil {
		t.Fatal(err)
	}
	for name, have := range map[string][2]string{
		"release": {k.Release, "6.1.0-56-cloud-amd64"}, "series": {k.Series, "6.1"}, "name": {k.Name, "dir:" + root},
		"image": {k.Image, root + "/boot/vmlinuz-6.1.0-56-cloud-amd64"}, "symbols": {k.Symbols, root + "/boot/System.map-6.1.0-56-cloud-amd64"},
		"source": {k.SourceDir, root + "/usr/src/linux-headers-6.1.0-56-common"}, "build": {k.BuildDir, root + "/usr/src/linux-headers-6.1.0-56-cloud-amd64"},
		"modules": {k.Modules, root + "/lib/modules/6.1.0-56-cloud-amd64"},
	} {
		if have[0] != have[1] {
			t.Errorf("%s is %q, want %q", name, have[0], have[1])
		}
	}
	// A kernel that was built again is another one.
	if err := os.WriteFile(k.Image, []byte("image of another build"), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := Get(t.Context(), o, Spec{Path: "dir:" + root})
	if err != nil || again.Digest == k.Digest {
		t.Errorf("the digest stayed, %v", err)
	}
}

func TestGetTree(t *testing.T) {
	config := hostConfig(t)
	tree := map[string]string{
		"include/config/kernel.release": "6.12.0-rc1\n", "arch/x86/boot/bzImage": "image", ".config": config,
		"Module.symvers": "", "scripts/mod/modpost": "", "System.map": "", "Makefile": "", "modules.order": "drivers/x.o\n", "drivers/x.ko": "",
	}
	root := writeTree(t, tree)
	o := Options{Store: OpenStore(t.TempDir(), nil, nil)}
	k, err := Get(t.Context(), o, Spec{Path: "tree:" + root})
	if err != nil {
		t.Fatal(err)
	}
	if k.Release != "6.12.0-rc1" || k.Series != "6.12" || k.SourceDir != root || k.BuildDir != root || k.Modules != root {
		t.Errorf("kernel is %+v", k)
	}
	if files, err := k.moduleFiles(); err != nil || files["x"] != root+"/drivers/x.ko" {
		t.Errorf("modules are %v, %v", files, err)
	}
	source := writeTree(t, map[string]string{"Makefile": ""})
	if err := os.Symlink(source, filepath.Join(root, "source")); err != nil {
		t.Fatal(err)
	}
	if k, err = Get(t.Context(), o, Spec{Path: "tree:" + root}); err != nil || k.SourceDir != source || k.BuildDir != root {
		t.Errorf("built with O=: %+v, %v", k, err)
	}
}

func TestGetLocalErrors(t *testing.T) {
	config := hostConfig(t)
	kernel := map[string]string{"boot/vmlinuz-6.1": "", "boot/config-6.1": config, "usr/src/linux-headers-6.1/.config": config}
	with := func(more map[string]string, less ...string) string {
		files := map[string]string{}
		for k, v := range kernel {
			files[k] = v
		}
		for k, v := range more {
			files[k] = v
		}
		for _, k := range less {
			delete(files, k)
		}
		return writeTree(t, files)
	}
	tests := []struct{ name, path, want string }{
		{"relative", "dir:some/where", "not an absolute path"},
		{"missing", "dir:/nosuch/kernel", "no such file"},
		{"a file", "dir:" + filepath.Join(with(nil), "boot/config-6.1"), "not a directory"},
		{"unknown kind", "zip:/x", "want dir:PATH or tree:PATH"},
		{"empty", "dir:" + t.TempDir(), "no boot/vmlinuz-*"},
		{"several", "dir:" + with(map[string]string{"boot/vmlinuz-6.2": ""}), "there are several: 6.1, 6.2"},
		{"no headers", "dir:" + with(nil, "usr/src/linux-headers-6.1/.config"), "find the headers of 6.1"},
		// The link leads to the host's headers, if anywhere.
		{"headers outside", "dir:" + with(map[string]string{"lib/modules/6.1/build": "->/usr"}, "usr/src/linux-headers-6.1/.config"), "find the headers of 6.1"},
		{"no compiler", "dir:" + with(map[string]string{"boot/config-6.1": "CONFIG_CC_VERSION_TEXT=\"gcc-98 (x) 98.1\"\n"}), "install the package gcc-98"},
		{"tree not built", "tree:" + with(nil), "build the tree first"},
		{"tree half built", "tree:" + writeTree(t, map[string]string{"include/config/kernel.release": "6.1"}), "not completely built"},
	}
	o := Options{Store: OpenStore(t.TempDir(), nil, nil)}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Get(t.Context(), o, Spec{Path: tt.path}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Get: %v, want %q", err, tt.want)
			}
		})
	}
}
