package guest

import (
	"encoding/binary"
	"testing"
)

// elfNote is a note as a core file has it: lengths, type, name, text.
func elfNote(name, text string) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(len(name)+1))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(text)))
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(append(b, name...), 0)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return append(b, text...)
}

func TestFindNote(t *testing.T) {
	const want = "OSRELEASE=6.12\nSYMBOL(_stext)=ffffffff81000000\n"
	core := append([]byte("\x7fELF and more"), elfNote("CORE", "something")...)
	core = append(core, elfNote("VMCOREINFO", want)...)
	got, err := findNote(append(core, "what follows"...), "VMCOREINFO")
	if err != nil || got != want {
		t.Errorf("findNote = %q, %v, want %q", got, err, want)
	}
	for name, bad := range map[string][]byte{
		"none":    []byte("\x7fELF"),
		"cut off": core[:len(core)-5],
		"short":   []byte("VMCOREINFO\x00"),
	} {
		if got, err := findNote(bad, "VMCOREINFO"); err == nil {
			t.Errorf("%s: findNote = %q, want an error", name, got)
		}
	}
}
