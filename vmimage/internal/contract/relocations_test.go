package contract

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A word that is made to lead into an init section is known; one that leads to code
// that stays, or is written when the module runs, is not among them.
func TestInitWords(t *testing.T) {
	dir := t.TempDir()
	c, ko := filepath.Join(dir, "m.c"), filepath.Join(dir, "m.ko")
	const source = `
static __attribute__((section(".init.text"), used)) int start(void) { return 0; }
static int live(void) { return 1; }
struct { int (*live)(void), (*start)(void), (*later)(void); } table = { live, start, 0 };
int (*first)(void) __attribute__((section(".data..read_mostly"))) = start;
int (*hook)(void);
`
	if err := os.WriteFile(c, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-c", "-fno-pic", "-mcmodel=kernel", "-o", ko, c).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m, err := Module{Name: "m", Path: ko}.open()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[uint64]bool{".data": {8: true}, ".data..read_mostly": {0: true}, ".bss": nil}
	got := make(map[string]map[uint64]bool)
	for name := range want {
		if _, ok := m.sections[name]; !ok {
			t.Fatalf("no section %s", name)
		}
		got[name] = m.sections[name].inits
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}
