package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseParameters(t *testing.T) {
	got := parseParameters([]byte("license=GPL\x00parmtype=n:int\x00parm=n:how many\x00parmtype=list:array of ushort\x00"))
	want := []parameter{{"n", "int"}, {"list", "array of ushort"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(parameter{})); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
}

// Each type has its ends, what is beyond them, and what is no value.
func TestValues(t *testing.T) {
	tests := map[string][]string{
		"int":             {"p=-2147483648", "p=2147483647", "p=-2147483649", "p=2147483648", "p=", "p=x", "p"},
		"byte":            {"p=0", "p=255", "p=256", "p=-1"},
		"ulong":           {"p=18446744073709551615", "p=18446744073709551616"},
		"bool":            {"p=Y", "p=2", "p"},
		"array of ushort": {"p=1,1", "p=1,,1", "p=65535", "p=65536"},
		"charp":           {"p=", "p=a", "p=%n%s"},
		"its own":         {"p=", "p=0", "p=a"},
	}
	for kind, want := range tests {
		got := parameter{"p", kind}.values()
		for _, v := range want {
			if !slices.Contains(got, v) {
				t.Errorf("%s: no %q in %q", kind, v, got)
			}
		}
	}
	// The kernel takes strings of up to 1,024 characters, with their end.
	var lengths []int
	for _, v := range (parameter{"p", "charp"}).values() {
		lengths = append(lengths, len(v)-len("p="))
	}
	if !slices.Contains(lengths, 1023) || !slices.Contains(lengths, 1024) {
		t.Errorf("strings of %v characters", lengths)
	}
}

// These are the kernel's words; a value may be anything, and long.
func TestNoValue(t *testing.T) {
	tests := map[string]bool{
		"m: `x' invalid for parameter `n'":                     true,
		"m: `" + strings.Repeat("a", 900):                      true,
		"m: Unknown parameter `n'":                             true,
		"m: n is invalid":                                      false,
		"other: `x' invalid for parameter `n'":                 false,
		"sysfs: cannot create duplicate filename '/devices/m'": false,
	}
	for line, want := range tests {
		if got := noValue("m", []string{"something else", line}); got != want {
			t.Errorf("%q is the kernel's refusal: %v, want %v", line, got, want)
		}
	}
}
