package main

import (
	"io"
	"strings"
	"testing"
)

const (
	head = `{"schema":1,"release":"6.12","binary":"a.test","ends":[{"code":0}],"contract":{"sweeps":1},`
	good = head + `"planned":["TestA","TestB"],"tests":[{"name":"TestA","state":"pass"},{"name":"TestB","state":"skip"}]}`
)

func TestProve(t *testing.T) {
	tests := []struct{ name, verdicts, want string }{
		{"good", good, ""},
		{"several", good + "\n" + good + "\n", ""},
		{"the second is bad", good + "\n" + strings.Replace(good, "pass", "fail", 1), "is not green"},
		{"the second is cut", good + "\n" + good[:20], "read verdict 2"},
		{"empty file", ``, "read verdict 1"},
		{"nothing", `{}`, "schema 0"},
		{"another schema", `{"schema":2}`, "schema 2"},
		{"no kernel", `{"schema":1}`, "names no kernel"},
		{"red", head + `"exit":1,"planned":["TestA"]}`, "not green"},
		{"no guest", `{"schema":1,"release":"6.12","exit":0,"planned":["TestA"]}`, "not green"},
		{"no unload", strings.Replace(good, `"sweeps":1`, `"sweeps":0`, 1), "unloaded nothing"},
		{"a kernel that cannot be swept", strings.Replace(good, `"sweeps":1`, `"sweeps":1,"unable":"no symbol mod_tree"`, 1), "no symbol mod_tree"},
		{"no plan", head + `"planned":[]}`, "was planned"},
		{"not run", head + `"planned":["TestA","TestB"],"tests":[{"name":"TestA","state":"pass"}]}`, "TestB was planned"},
		{"all skipped", head + `"planned":["TestA"],"tests":[{"name":"TestA","state":"skip"}]}`, "every test of a.test was skipped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := prove(strings.NewReader(tt.verdicts), io.Discard)
			switch {
			case err == nil && tt.want != "":
				t.Errorf("prove() = nil, want an error with %q", tt.want)
			case err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("prove() = %v, want %q", err, tt.want)
			}
		})
	}
}
