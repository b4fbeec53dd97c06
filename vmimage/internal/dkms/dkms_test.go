package dkms

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// target is a kernel with a configuration that a dkms.conf can read.
func target(t *testing.T) Target {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".config"), "CONFIG_NET=y\nCONFIG_USB=m\n# CONFIG_DRM is not set\n")
	return Target{
		Release: "6.1.0-56-amd64", KernelDir: dir, Tree: "/t/dkms",
		Config: map[string]string{"CONFIG_NET": "y", "CONFIG_USB": "m"},
	}
}

// head is what every package has to say.
const head = `PACKAGE_NAME="m"
PACKAGE_VERSION=1.0
DEST_MODULE_LOCATION[0]=/extra
`

func TestRead(t *testing.T) {
	tg := target(t)
	one := []Module{{Name: "m"}}
	tests := map[string]struct {
		text string
		want Conf
	}{
		"least": {head, Conf{Name: "m", Version: "1.0", Modules: one}},
		"variables": {
			head + `MAKE="make -C $kernel_source_dir M=${dkms_tree}/$PACKAGE_NAME/$PACKAGE_VERSION/build KVER=$kernelver ARCH=$arch"`,
			Conf{Name: "m", Version: "1.0", Modules: one,
				Make: "make -C " + tg.KernelDir + " M=/t/dkms/m/1.0/build KVER=6.1.0-56-amd64 ARCH=x86_64"},
		},
		"the names": {
			head + `MAKE="make M=$dkms_tree/$module/${module_version}/build"`,
			Conf{Name: "m", Version: "1.0", Modules: one, Make: "make M=/t/dkms/m/1.0/build"},
		},
		"quotes and globs": {
			head + `MAKE[0]="make V=\"1\" \
   ; find . -name '*.ko' -exec mv {} . \;"`,
			Conf{Name: "m", Version: "1.0", Modules: one, Make: `make V=1 ; find . -name '*.ko' -exec mv {} . \;`},
		},
		"arrays": {
			head + `BUILT_MODULE_NAME=(a-b c)
BUILT_MODULE_LOCATION[1]="src/x"
DEST_MODULE_LOCATION[1]=/updates
PRE_BUILD="configure --with $kernelver" POST_BUILD=post.sh
BUILD_DEPENDS=(one two)`,
			Conf{Name: "m", Version: "1.0", Modules: []Module{{"a-b", ""}, {"c", "src/x"}},
				PreBuild: "configure --with 6.1.0-56-amd64", PostBuild: "post.sh", Depends: []string{"one", "two"}},
		},
		"by kernel": {
			head + `MAKE[0]="make old" MAKE_MATCH[0]="^5\."
MAKE[1]="make new" MAKE_MATCH[1]="^[6-9]\."
PATCH[0]=old.patch PATCH_MATCH[0]="^5"
PATCH[1]=all.patch`,
			Conf{Name: "m", Version: "1.0", Modules: one, Make: "make new", Patches: []string{"all.patch"}},
		},
		"a program": {
			head + `
echo said on the way
pushd "$(dirname "$BASH_SOURCE")" >/dev/null
[ -f ` + FileName + ` ] && PACKAGE_VERSION=2.0
popd
. "$kernel_source_dir/.config"
[ "${CONFIG_USB:-n}" = n ] || MAKE="make usb"
false`,
			Conf{Name: "m", Version: "2.0", Modules: one, Make: "make usb"},
		},
		"kernel excluded":        {head + `BUILD_EXCLUSIVE_KERNEL="^5\..*"`, Conf{Excluded: `BUILD_EXCLUSIVE_KERNEL is "^5\\..*", which 6.1.0-56-amd64 does not match`}},
		"kernel below":           {head + `BUILD_EXCLUSIVE_KERNEL_MIN=6.2`, Conf{Excluded: "BUILD_EXCLUSIVE_KERNEL_MIN is 6.2"}},
		"kernel above":           {head + `BUILD_EXCLUSIVE_KERNEL_MAX=5.19`, Conf{Excluded: "BUILD_EXCLUSIVE_KERNEL_MAX is 5.19"}},
		"architecture excluded":  {head + `BUILD_EXCLUSIVE_ARCH="^do_not_build$"`, Conf{Excluded: `BUILD_EXCLUSIVE_ARCH is "^do_not_build$", which x86_64 does not match`}},
		"configuration excluded": {head + `BUILD_EXCLUSIVE_CONFIG="CONFIG_NET CONFIG_DRM"`, Conf{Excluded: "BUILD_EXCLUSIVE_CONFIG wants CONFIG_DRM"}},
		"configuration unwanted": {head + `BUILD_EXCLUSIVE_CONFIG="!CONFIG_DRM !CONFIG_USB"`, Conf{Excluded: "BUILD_EXCLUSIVE_CONFIG wants no CONFIG_USB"}},
		"not excluded": {head + `BUILD_EXCLUSIVE_CONFIG="CONFIG_NET !CONFIG_DRM" BUILD_EXCLUSIVE_KERNEL_MIN=2.6.39 BUILD_EXCLUSIVE_KERNEL_MAX=6.10`,
			Conf{Name: "m", Version: "1.0", Modules: one}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, FileName), tt.text)
			got, err := Read(t.Context(), dir, tg)
			if err != nil {
				t.Fatal(err)
			}
			if got.Excluded != "" {
				got = Conf{Excluded: got.Excluded}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("conf (-want +got):\n%s", diff)
			}
		})
	}
}

// Where packages install it, the folder tells dkms the version.
func TestReadTold(t *testing.T) {
	const conf = `PACKAGE_NAME=m PACKAGE_VERSION="#MODULE_VERSION#" DEST_MODULE_LOCATION=/extra
MAKE="make M=$dkms_tree/$module/$module_version"
`
	for folder, want := range map[string]Conf{
		"usr/src/m-2.0-1~x": {Name: "m", Version: "2.0-1~x", Modules: []Module{{Name: "m"}}, Make: "make M=/t/dkms/m/2.0-1~x"},
		"usr/src/n-2.0":     {Name: "m", Version: "#MODULE_VERSION#", Modules: []Module{{Name: "m"}}, Make: "make M=/t/dkms/m/#MODULE_VERSION#"},
		"src/m-2.0":         {Name: "m", Version: "#MODULE_VERSION#", Modules: []Module{{Name: "m"}}, Make: "make M=/t/dkms/m/#MODULE_VERSION#"},
	} {
		dir := filepath.Join(t.TempDir(), folder)
		write(t, filepath.Join(dir, FileName), conf)
		got, err := Read(t.Context(), dir, target(t))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: conf (-want +got):\n%s", folder, diff)
		}
	}
}

func TestReadErrors(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"empty":          {"", []string{"no PACKAGE_NAME", "no PACKAGE_VERSION", "it names no module"}},
		"no module name": {head + "DEST_MODULE_LOCATION[1]=/extra\n", []string{"no BUILT_MODULE_NAME[0]", "no BUILT_MODULE_NAME[1]"}},
		"with .ko":       {head + "BUILT_MODULE_NAME=m.ko", []string{"BUILT_MODULE_NAME[0] is m.ko: dkms wants it without .ko"}},
		"destination":    {head + "DEST_MODULE_LOCATION=/lib", []string{`DEST_MODULE_LOCATION[0] is "/lib": dkms wants`}},
		"outside":        {head + "BUILT_MODULE_LOCATION=../..", []string{"module ../../m.ko lies outside"}},
		"it exits":       {head + "exit 0", []string{"it ends the shell that reads it"}},
		"it fails":       {head + "echo cannot >&2; exit 3", []string{"exit status 3", "cannot"}},
		"no expression":  {head + `BUILD_EXCLUSIVE_KERNEL="(6"`, []string{`BUILD_EXCLUSIVE_KERNEL: "(6" is no regular expression`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, FileName), tt.text)
			_, err := Read(t.Context(), dir, target(t))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestUnpackErrors(t *testing.T) {
	store := kernel.OpenStore(filepath.Join(t.TempDir(), "store"), nil, nil)
	defer store.Close()
	o := kernel.Options{Store: store}
	broken := filepath.Join(t.TempDir(), "broken-dkms.deb")
	write(t, broken, "!<arch>\nnot much of a package")
	if _, err := Unpack(t.Context(), o, broken); err == nil || !strings.Contains(err.Error(), "it is no Debian package, or a damaged one") {
		t.Errorf("a broken package: %v", err)
	}
	if _, err := Unpack(t.Context(), o, broken+"x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no package: %v", err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "pkg/DEBIAN/control"), "Package: other\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n")
	write(t, filepath.Join(dir, "pkg/usr/src/other/Makefile"), "")
	deb := filepath.Join(dir, "other.deb")
	if _, err := (kernel.Command{Args: []string{"dpkg-deb", "-b", filepath.Join(dir, "pkg"), deb}}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Unpack(t.Context(), o, deb); err == nil || !strings.Contains(err.Error(), "find dkms.conf in other.deb: it has none below usr/src; it is no DKMS package") {
		t.Errorf("another package: %v", err)
	}
}

// What dkms.conf looks for it finds where the build finds it.
func TestReadWrapped(t *testing.T) {
	dir, tg := t.TempDir(), target(t)
	write(t, filepath.Join(dir, FileName), head+`MAKE="make OTHER=$(cat ./other)"`)
	seen := t.TempDir()
	write(t, filepath.Join(seen, "other"), "/usr/src/other-1")
	tg.Wrap = func(args []string) []string {
		return append([]string{"sh", "-c", "cd " + seen + ` && exec "$@"`, "sh"}, args...)
	}
	got, err := Read(t.Context(), dir, tg)
	if err != nil || got.Make != "make OTHER=/usr/src/other-1" {
		t.Errorf("make is %q, %v", got.Make, err)
	}
}
