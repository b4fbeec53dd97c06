package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFaults(t *testing.T) {
	c, _, err := parse("/p/kmodtest.toml", []byte("\n[[fault]]\ncall = \"my_alloc* my_get\"\nfails = \"ERR_PTR\"\nerrno = \"EBUSY\"\nrequired = true\n[[fault]]\ncall = \"kmalloc\"\nfails = \"never\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Fault{
		{Call: "my_alloc* my_get", Fails: "ERR_PTR", Errno: "EBUSY", Required: true, Pos: "kmodtest.toml:2"},
		{Call: "kmalloc", Fails: "never", Pos: "kmodtest.toml:7"},
	}
	if diff := cmp.Diff(want, c.Faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	tests := map[string]struct{ text, err string }{
		"no call":   {"[[fault]]\nfails = \"NULL\"\n", `/p/kmodtest.toml:1: fault: call "": want the name of a function, in which * stands for anything`},
		"signature": {"[[fault]]\nfails = \"NULL\"\ncall = \"f(int)\"\n", `/p/kmodtest.toml:3: fault: call "f(int)": want the name of a function, in which * stands for anything`},
		"no way":    {"[[fault]]\ncall = \"f\"\nfails = \"null\"\n", `/p/kmodtest.toml:3: fault of f: fails "null": want one of NULL, ERR_PTR, errno, false, 0, never`},
		"carries":   {"[[fault]]\ncall = \"f\"\nfails = \"NULL\"\nerrno = \"EIO\"\n", `/p/kmodtest.toml:4: fault of f: NULL carries no errno: leave it out`},
		"errno":     {"[[fault]]\ncall = \"f\"\nfails = \"errno\"\nerrno = \"EWHAT\"\n", `/p/kmodtest.toml:4: fault of f: errno "EWHAT" is no name like EBUSY`},
		"never":     {"[[fault]]\ncall = \"f\"\nfails = \"never\"\nrequired = true\n", `/p/kmodtest.toml:4: fault of f: required, and never fails: leave one of them out`},
		"key":       {"[[fault]]\ncall = \"f\"\nfail = \"NULL\"\n", `/p/kmodtest.toml:3: unknown key "fault.fail" (did you mean "fails"?)`},
	}
	for name, tt := range tests {
		if _, _, err := parse("/p/kmodtest.toml", []byte(tt.text)); err == nil || err.Error() != tt.err {
			t.Errorf("%s: error\n%v\nwant\n%s", name, err, tt.err)
		}
	}
}
