package initramfs

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// An image is built anew when a package that its init is made of changes: the
// list has to name all of them.
func TestInitPackages(t *testing.T) {
	const module = "github.com/kmodtest/kmodtest/"
	for _, init := range []string{"", "vmimage/internal/dev/bench/poweroff"} {
		listed := Options{Init: init}.initPackages()
		cmd := exec.Command("go", "list", "-deps", "./"+listed[0])
		cmd.Dir = "../../.."
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), module+listed[0]) {
			t.Fatalf("go list does not name %s itself:\n%s", listed[0], out)
		}
		for p := range strings.FieldsSeq(string(out)) {
			if name, ok := strings.CutPrefix(p, module); ok && !slices.Contains(listed, name) {
				t.Errorf("%s is made of package %s, too, which is not listed", listed[0], name)
			}
		}
	}
}
