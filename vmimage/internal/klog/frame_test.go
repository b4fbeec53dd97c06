package klog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseFrame(t *testing.T) {
	tests := []struct {
		in   string
		want Frame
		no   bool
	}{
		{in: " vfs_write+0x28f/0x450", want: Frame{Func: "vfs_write", Offset: 0x28f, Size: 0x450, Reliable: true}},
		{in: " ? trigger_set+0xe/0x20 [faulty_warn]", want: Frame{Func: "trigger_set", Offset: 0xe, Size: 0x20, Module: "faulty_warn"}},
		{in: " f.isra.0+0x1/0x2 [mod 0123456789abcdef0123456789abcdef01234567]", want: Frame{Func: "f.isra.0", Offset: 1, Size: 2, Module: "mod", Reliable: true}},
		{in: "[<ffffffff81000000>] f+0x1/0x2", want: Frame{Func: "f", Offset: 1, Size: 2, Reliable: true}},
		{in: " [<00000000996d44e4>] ? f+0x1/0x2", want: Frame{Func: "f", Offset: 1, Size: 2}},
		{in: " 0xffffffffc03b9010", want: Frame{Addr: 0xffffffffc03b9010, Reliable: true}},
		{in: " ? 0xffffffffc03b9010", want: Frame{Addr: 0xffffffffc03b9010}},
		{in: "some words with f+0x1/0x2", no: true},
		{in: "RSP: 0018:ff5b792c005d78b0", no: true},
		{in: "", no: true},
	}
	for _, tt := range tests {
		got, ok := parseFrame(tt.in)
		if ok == tt.no {
			t.Errorf("parseFrame(%q): ok = %v", tt.in, ok)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("parseFrame(%q) (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestFrameString(t *testing.T) {
	tests := []struct {
		in   Frame
		want string
	}{
		{Frame{Func: "f", Offset: 1, Size: 2, Module: "mod", Reliable: true, File: "a.c", Line: 3}, "f+0x1/0x2 [mod] a.c:3"},
		{Frame{Func: "f", Offset: 1, Size: 2}, "? f+0x1/0x2"},
		{Frame{Func: "f", Module: "mod", Reliable: true, Inlined: true, File: "a.c", Line: 3}, "f [mod] (inlined) a.c:3"},
		{Frame{Addr: 0x10, Reliable: true}, "0x10"},
	}
	for _, tt := range tests {
		if got := tt.in.String(); got != tt.want {
			t.Errorf("String = %q, want %q", got, tt.want)
		}
	}
}

func TestBaseName(t *testing.T) {
	for in, want := range map[string]string{
		"f": "f", "f.cold": "f", "f.isra.0": "f", "f.constprop.0.isra.0": "f", "f.part.0.cold": "f", "f.c": "f.c", "f.llvm.123": "f",
	} {
		if got := BaseName(in); got != want {
			t.Errorf("BaseName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestModuleFrame(t *testing.T) {
	f := Finding{
		Frames: []Frame{
			{Func: "core", Reliable: true},
			{Func: "stale", Module: "mod"},
			{Func: "kmalloc", Module: "mod", Reliable: true, Inlined: true, File: "/usr/src/linux/include/linux/slab.h"},
			{Func: "mine", Module: "mod", Reliable: true, File: "a.c"},
		},
		Stacks: []Stack{{Name: "Allocated", Frames: []Frame{{Func: "theirs", Module: "other", Reliable: true}}}},
	}
	for name, want := range map[string]string{"": "mine", "mod": "mine", "other": "theirs", "none": ""} {
		fr, ok := f.ModuleFrame(name)
		if fr.Func != want || ok != (want != "") {
			t.Errorf("ModuleFrame(%q) = %v, %v, want %q", name, fr, ok, want)
		}
	}
	f.Frames = []Frame{{Func: "unregister", Module: "kernels", Reliable: true}, {Func: "fini", Module: "mod", Reliable: true, File: "a.c"}}
	if fr, _ := f.ModuleFrame(""); fr.Func != "fini" {
		t.Errorf("ModuleFrame of a call into a module without lines = %v, want that of the caller", fr)
	}
	if fr, _ := f.ModuleFrame("kernels"); fr.Func != "unregister" {
		t.Errorf("ModuleFrame of a module without lines = %v", fr)
	}
}

// TestRules holds the table to its own conventions: a rule without a literal
// would match all or nothing, and one without a title says nothing.
func TestRules(t *testing.T) {
	for _, r := range rules {
		if (r.prefix == "") == (r.within == "") {
			t.Errorf("rule %q: wants a prefix or a literal within, not both or none", r.title)
		}
		if _, err := ParseKind(string(r.kind)); err != nil || r.title == "" {
			t.Errorf("rule %q%q: kind %q, title %q", r.prefix, r.within, r.kind, r.title)
		}
	}
}
