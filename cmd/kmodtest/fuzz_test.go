package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTakeFuzz(t *testing.T) {
	tests := []struct {
		args, fuzz, rest string
		fuzzes           bool
	}{
		{args: "-run TestX -v ./tests", rest: "-run TestX -v ./tests"},
		{args: "-fuzz=FuzzX ./tests", fuzz: "-test.fuzz=FuzzX", rest: "./tests", fuzzes: true},
		{args: "./tests -fuzz FuzzX -v --fuzztime 10s -run=^$", fuzz: "-test.fuzz=FuzzX -test.fuzztime=10s", rest: "./tests -v -run=^$", fuzzes: true},
		{args: "-test.fuzz=. -test.fuzzminimizetime=10x", fuzz: "-test.fuzz=. -test.fuzzminimizetime=10x", fuzzes: true},
		{args: "./tests -args -fuzz=mine", rest: "./tests -args -fuzz=mine"},
		{args: "-fuzztime=10s", fuzz: "-test.fuzztime=10s"},
		{args: "-fuzz=", fuzz: "-test.fuzz="},
	}
	for _, tt := range tests {
		fuzz, rest := takeFuzz(strings.Fields(tt.args))
		if diff := cmp.Diff([]string{tt.fuzz, tt.rest}, []string{strings.Join(fuzz, " "), strings.Join(rest, " ")}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.args, diff)
		}
		if got := fuzzes(fuzz); got != tt.fuzzes {
			t.Errorf("%s: fuzzes is %v", tt.args, got)
		}
	}
}

func TestPackagesOf(t *testing.T) {
	for args, want := range map[string]string{
		"":                            "",
		"-run TestX":                  "",
		"-run TestX ./a ./b -v ./c":   "./a ./b",
		"./a -args ./b":               "./a",
		"-v ./a":                      "./a",
		"-bench=. -count 3 ./a -json": "./a",
	} {
		if got := strings.Join(packagesOf(strings.Fields(args)), " "); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}
