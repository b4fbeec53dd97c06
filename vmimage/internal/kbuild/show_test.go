package kbuild

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// look is a makefile that lists what there is, and of which kind: links are no
// directories to find -type d.
const look = `
list = find $(1) -mindepth 1 -maxdepth $(2) -printf '%y %P %l\n' | sed 's/ $$//' | LC_ALL=C sort
all:
	cd /; { echo sources; $(call list,/usr/src,1); echo modules; $(call list,/lib/modules,2); \
		echo dkms; $(call list,/var/lib/dkms,3); echo headers; $(call list,$(KDIR),2); \
		echo write; for f in $(KDIR)/include/x /usr/src/other-2/x /usr/src/mine-1/x; do touch $$f && echo $$f; done; \
		find /usr/src/mine-1 -name x; cat /usr/include/kmodtest-show/x.h; \
		test -n "$$(find /usr/include -mindepth 1 -maxdepth 1 ! -name kmodtest-show)" && echo beside the host\'s; } >$(CURDIR)/seen 2>/dev/null; rm $(CURDIR)/x
	cp m.txt m.ko
`

// A build finds directories, files and links as the packages of the kernel and of
// dkms have them.
func TestShow(t *testing.T) {
	o := treeOptions(t, map[string]string{"Makefile": look})
	o.Kernel = splitKernel(t)
	flavour := o.Kernel.BuildDir
	write(t, filepath.Join(flavour, "include/generated/autoconf.h"), "")
	write(t, filepath.Join(flavour, "../kbuild/scripts/x"), "")
	if err := os.Symlink("../kbuild/scripts", filepath.Join(flavour, "scripts")); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	headers := t.TempDir()
	write(t, filepath.Join(headers, "kmodtest-show/x.h"), "a header\n")
	o.Recipe = Recipe{Headers: []string{headers}, Names: []string{"mine/1"}, Others: map[string]string{"other/2": other}, Target: "all"}
	kdir, err := KernelDir(t.Context(), o.Store, o.Kernel)
	if err != nil {
		t.Fatal(err)
	}
	place := newPlace(filepath.Join(t.TempDir(), "place"), kdir, o.Kernel.Release, &o.Recipe, 1)
	write(t, filepath.Join(place.Tree, "Makefile"), look)
	write(t, filepath.Join(place.Tree, "m.txt"), "")
	if err := place.prepare(t.Context(), o.Kernel, &o.Recipe); err != nil {
		t.Fatal(err)
	}
	if !place.view {
		out, err := kernel.Command{Args: place.namespace("true"), Clean: true}.Run(t.Context())
		t.Fatalf("nothing can be shown on this host: %v\n%s", err, out)
	}
	cmd := kernel.Command{Args: place.Wrap([]string{"make", "KDIR=" + kdir}), Dir: place.Tree}
	if out, err := cmd.Run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	common := filepath.Base(o.Kernel.SourceDir)
	scripts, err := filepath.EvalSymlinks(filepath.Join(flavour, "scripts"))
	if err != nil {
		t.Fatal(err)
	}
	want := `sources
d ` + common + `
d linux-headers-6.66.1-test
d mine-1
d other-2
modules
d 6.66.1-test
l 6.66.1-test/build /usr/src/linux-headers-6.66.1-test
l 6.66.1-test/source /usr/src/` + common + `
dkms
d mine
d mine/1
d mine/1/build
d other
d other/2
d other/2/build
l mine/1/source /usr/src/mine-1
l other/2/source /usr/src/other-2
headers
d include
d include/generated
f .config
f .kernelvariables
f Makefile
l scripts ` + scripts + `
write
/usr/src/mine-1/x
/usr/src/mine-1/x
a header
beside the host's
`
	got := strings.ReplaceAll(read(t, filepath.Join(place.Tree, "seen")), "\r", "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what a build sees (-want +got):\n%s", diff)
	}
}
