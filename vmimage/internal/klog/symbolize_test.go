package klog

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lineOf returns the line of testdata/sym that carries a marker.
func lineOf(t *testing.T, file, mark string) int {
	t.Helper()
	b, err := os.ReadFile("testdata/sym/" + file)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(b, []byte("/* LINE "+mark+" */"))
	if i < 0 {
		t.Fatalf("%s: no line is marked %s", file, mark)
	}
	return 1 + bytes.Count(b[:i], []byte("\n"))
}

// at makes the frame that the kernel would print for a label in a function.
func at(t *testing.T, ko, fn, label string) Frame {
	t.Helper()
	f, err := elf.Open(ko)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range syms {
		if l.Name != "mark_"+label {
			continue
		}
		for _, s := range syms {
			// The label picks the section, and with it the right twin.
			if s.Name == fn && s.Section == l.Section && s.Value <= l.Value && l.Value < s.Value+s.Size {
				return Frame{Func: fn, Offset: l.Value - s.Value, Size: s.Size, Module: "dwarf", Reliable: true, Exact: true}
			}
		}
	}
	t.Fatalf("no label %s in %s of %s", label, fn, ko)
	return Frame{}
}

// The padding before a function belongs to it.
func TestSymbolizerPadding(t *testing.T) {
	s, err := OpenSymbolizer("testdata/sym/dwarf5.ko", "/src")
	if err != nil {
		t.Fatal(err)
	}
	want, err := s.Frame(Frame{Func: "outer", Exact: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Frame(Frame{Func: "__pfx_outer", Offset: 0x10, Size: 0x10})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].File != want[0].File || got[0].Line != want[0].Line {
		t.Errorf("__pfx_outer is at %s:%d, want %s:%d", got[0].File, got[0].Line, want[0].File, want[0].Line)
	}
}

func TestSymbolizer(t *testing.T) {
	type place struct {
		fn, file, mark string
		inlined        bool
	}
	tests := []struct {
		fn, label string
		want      []place
	}{
		{"outer", "plain", []place{{"outer", "sym.c", "plain", false}}},
		{"outer", "inner", []place{
			{"inner", "sym.c", "inner", true},
			{"middle", "sym.c", "middle", true},
			{"outer", "sym.c", "outer", false},
		}},
		// All of these are near address 0 of their sections.
		{"setup", "setup", []place{{"setup", "sym.c", "setup", false}}},
		{"unlikely", "unlikely", []place{{"unlikely", "sym.c", "unlikely", false}}},
		{"twin", "twin", []place{{"twin", "sym.c", "twin", false}}},
		{"twin", "other_twin", []place{{"twin", "other.c", "other_twin", false}}},
	}
	for _, ko := range []string{"testdata/sym/dwarf4.ko", "testdata/sym/dwarf5.ko"} {
		s, err := OpenSymbolizer(ko, "/src")
		if err != nil {
			t.Fatal(err)
		}
		if !s.HasDebugInfo() {
			t.Fatalf("%s: no debug info", ko)
		}
		for _, tt := range tests {
			t.Run(ko+"/"+tt.label, func(t *testing.T) {
				got, err := s.Frame(at(t, ko, tt.fn, tt.label))
				if err != nil {
					t.Fatal(err)
				}
				var have, want []string
				for _, f := range got {
					have = append(have, fmt.Sprintf("%s %s:%d %v", f.Func, f.File, f.Line, f.Inlined))
				}
				for _, w := range tt.want {
					want = append(want, fmt.Sprintf("%s %s:%d %v", w.fn, w.file, lineOf(t, w.file, w.mark), w.inlined))
				}
				if diff := cmp.Diff(want, have); diff != "" {
					t.Errorf("frames (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestSymbolizerReturnAddress(t *testing.T) {
	s, err := OpenSymbolizer("testdata/sym/dwarf5.ko", "/src")
	if err != nil {
		t.Fatal(err)
	}
	// A return address at the very end of a function, as after a call to
	// something that does not return, is still inside.
	fn := s.funcs["unlikely"][0]
	if _, err := s.Frame(Frame{Func: "unlikely", Offset: fn.size, Size: fn.size, Module: "dwarf5"}); err != nil {
		t.Errorf("return address at the end: %v", err)
	}
	if _, err := s.Frame(Frame{Func: "unlikely", Offset: fn.size, Size: fn.size, Module: "dwarf5", Exact: true}); err == nil {
		t.Error("instruction behind the end of the function: no error")
	}
}

func TestSymbolizerWithoutDebugInfo(t *testing.T) {
	s, err := OpenSymbolizer("testdata/sym/stripped.ko", "/src")
	if err != nil {
		t.Fatal(err)
	}
	if s.HasDebugInfo() {
		t.Error("HasDebugInfo = true")
	}
	f := Finding{Frames: []Frame{{Func: "outer", Offset: 1, Size: s.funcs["outer"][0].size, Module: "stripped", Reliable: true}}}
	if err := s.Apply(&f); !errors.Is(err, ErrNoDebugInfo) {
		t.Errorf("Apply = %v, want ErrNoDebugInfo", err)
	}
	if fr, ok := f.ModuleFrame("stripped"); !ok || fr.Func != "outer" {
		t.Errorf("the frame got lost: %v", f.Frames)
	}
}

func TestSymbolizerApply(t *testing.T) {
	ko := "testdata/sym/dwarf5.ko"
	s, err := OpenSymbolizer(ko, "/src")
	if err != nil {
		t.Fatal(err)
	}
	fr := at(t, ko, "outer", "inner")
	fr.Module = "dwarf5"
	kernel := Frame{Func: "vfs_write", Offset: 1, Size: 2, Reliable: true}
	gone := Frame{Func: "no_such", Offset: 1, Size: 2, Module: "dwarf5", Reliable: true}
	f := Finding{Frames: []Frame{fr, kernel, gone}, Stacks: []Stack{{Name: "Freed", Frames: []Frame{fr}}}}
	if err := s.Apply(&f); err == nil {
		t.Error("a function that the module lacks: no error")
	}
	if len(f.Frames) != 5 || f.Frames[3] != kernel || f.Frames[4] != gone {
		t.Errorf("frames: %v", f.Frames)
	}
	if len(f.Stacks[0].Frames) != 3 {
		t.Errorf("stack: %v", f.Stacks[0].Frames)
	}
	// Doing it twice must not add the inlined frames again.
	n := len(f.Frames)
	_ = s.Apply(&f)
	if len(f.Frames) != n {
		t.Errorf("second Apply: %d frames, want %d", len(f.Frames), n)
	}
}

func TestOpenSymbolizerErrors(t *testing.T) {
	for _, path := range []string{"testdata/none.ko", "testdata/sym/sym.c"} {
		if _, err := OpenSymbolizer(path, ""); err == nil {
			t.Errorf("OpenSymbolizer(%q): no error", path)
		}
	}
}
