package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGetPackage gets a package with the one that it builds on and with what comes
// of that one's source, and not with what it merely depends on; offline the second
// time.
func TestGetPackage(t *testing.T) {
	r := newRepo(t)
	r.add("dkms", "3-1", "all", "", map[string]string{"usr/sbin/dkms": "x"})
	r.add("below-common", "1.0", "all", "dkms\nSource: below (1.0)", map[string]string{"usr/src/common/dkms.conf": "x"})
	r.add("below-dkms", "1.0", "all", "dkms\nSource: below", map[string]string{"usr/src/below-1.0/dkms.conf": "x"})
	r.add("above-dkms", "2.0~rc1", "all", "dkms (>= 2), below-dkms (>= 1.0), below-common", map[string]string{"usr/src/above-2.0/dkms.conf": "x"})
	r.publish("testing")
	o := r.options(t)
	follow := func(name string) bool { return strings.HasSuffix(name, "-dkms") }
	if _, err := GetPackage(t.Context(), o, "testing", "nosuch-dkms", follow); err == nil ||
		err.Error() != "get package nosuch-dkms of testing: find it: the suite has no such package" {
		t.Errorf("a package that is not there: %v", err)
	}
	for _, o.Offline = range []bool{false, true} {
		all, err := GetPackage(t.Context(), o, "testing", "above-dkms", follow)
		if err != nil {
			t.Fatalf("%+v", err)
		}
		var got []string
		for _, u := range all {
			files, _ := filepath.Glob(filepath.Join(u.Dir, "usr/src/*/dkms.conf"))
			if len(files) != 1 {
				t.Fatalf("files of %s: %q", u.Package, files)
			}
			got = append(got, u.Package.String()+" "+filepath.Base(filepath.Dir(files[0])))
		}
		if diff := cmp.Diff([]string{"below-dkms=1.0 below-1.0", "below-common=1.0 common", "above-dkms=2.0~rc1 above-2.0"}, got); diff != "" {
			t.Errorf("packages (-want +got):\n%s", diff)
		}
		if o.Offline {
			if _, err := os.Stat(filepath.Join(o.Store.Dir, ".state/packages")); err != nil {
				t.Error(err)
			}
		}
		r.server.Close()
	}
}
