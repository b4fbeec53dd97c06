package kbuild

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUndefined(t *testing.T) {
	const output = `ERROR: modpost: "kallsyms_lookup_name" [/b/m.ko] undefined!
ERROR: modpost: pair-user.ko: symbol 'pair_answer' undefined!
ERROR: modpost: "kallsyms_lookup_name" [/b/n.ko] undefined!
m.c:4: error: 'x' undeclared
`
	if diff := cmp.Diff([]string{"kallsyms_lookup_name", "pair_answer"}, Undefined(output)); diff != "" {
		t.Errorf("symbols (-want +got):\n%s", diff)
	}
}
