package main

import (
	"strings"
	"testing"
)

func TestProve(t *testing.T) {
	tests := []struct{ name, verdict, want string }{
		{"good", `{"release":"6.12","exit":0,"planned":["TestA","TestB"],"tests":[{"name":"TestA","status":"pass"},{"name":"TestB","status":"skip"}]}`, ""},
		{"empty file", ``, "read verdict"},
		{"nothing", `{}`, "not green"},
		{"red", `{"release":"6.12","exit":1,"planned":["TestA"]}`, "not green"},
		{"no plan", `{"release":"6.12","exit":0,"planned":[]}`, "no test was planned"},
		{"not run", `{"release":"6.12","exit":0,"planned":["TestA","TestB"],"tests":[{"name":"TestA","status":"pass"}]}`, "TestB was planned"},
		{"all skipped", `{"release":"6.12","exit":0,"planned":["TestA"],"tests":[{"name":"TestA","status":"skip"}]}`, "every test was skipped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := prove([]byte(tt.verdict))
			switch {
			case err == nil && tt.want != "":
				t.Errorf("prove() = nil, want an error with %q", tt.want)
			case err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("prove() = %v, want %q", err, tt.want)
			}
		})
	}
}
