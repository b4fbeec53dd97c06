package kbuild

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWarnings(t *testing.T) {
	const in = `make[1]: Entering directory '/x'
  CC [M]  kmod/main.o
kmod/main.c: In function 'f':
kmod/main.c:6:13: warning: unused variable 'x' [-Wunused-variable]
    6 |         int x;
      |             ^
  MODPOST kmod/Module.symvers
ERROR: modpost: "nosuch" [kmod/m.ko] undefined!
  LD [M]  kmod/m.ko
Skipping BTF generation for kmod/m.ko due to unavailability of vmlinux
make[2]: *** [Makefile:1: all] Error 1
`
	const want = `kmod/main.c: In function 'f':
kmod/main.c:6:13: warning: unused variable 'x' [-Wunused-variable]
    6 |         int x;
      |             ^
`
	var got bytes.Buffer
	l := &Warnings{W: &got}
	for _, b := range []byte(in) {
		if _, err := l.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
