package vnetnl

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// le skips tests whose fixtures are in little endian, as on most machines.
func le(t *testing.T) {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("skipping, the fixtures are little endian and this machine is big endian")
	}
}

// Attributes as they go over the wire.
var (
	wireString = []byte{0x07, 0x00, 0x01, 0x00, 'h', 'i', 0x00, 0x00}
	wireEmpty  = []byte{0x05, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00}
	wireU32    = []byte{0x08, 0x00, 0x02, 0x00, 0xef, 0xbe, 0xad, 0xde}
	wireTrue   = []byte{0x05, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00}
	wireFalse  = []byte{0x05, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00}
	wireIndex  = []byte{0x08, 0x00, 0x01, 0x00, 0x07, 0x00, 0x00, 0x00}
	wireName   = []byte{0x0a, 0x00, 0x02, 0x00, 'v', 'n', 'e', 't', '0', 0x00, 0x00, 0x00}
)

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func TestMessage(t *testing.T) {
	le(t)
	tests := []struct {
		name string
		m    Message
		wire []byte
		text string
	}{
		{"none", Message{}, nil, ""},
		{"string", Message{String: new("hi")}, wireString, `string="hi"`},
		{"empty string", Message{String: new("")}, wireEmpty, `string=""`},
		{"u32", Message{U32: new(uint32(0xdeadbeef))}, wireU32, "u32=3735928559"},
		{"flag set", Message{Flag: new(true)}, wireTrue, "flag=1"},
		{"flag clear", Message{Flag: new(false)}, wireFalse, "flag=0"},
		{
			"all",
			Message{String: new("hi"), U32: new(uint32(0xdeadbeef)), Flag: new(true)},
			join(wireString, wireU32, wireTrue),
			`string="hi" u32=3735928559 flag=1`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire, err := encodeMessage(tt.m)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(tt.wire), string(wire)); diff != "" {
				t.Fatalf("unexpected bytes (-want +got):\n%s", diff)
			}

			got, err := parseMessage(tt.wire)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.m, got); diff != "" {
				t.Fatalf("unexpected message (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.text, got.Text()); diff != "" {
				t.Fatalf("unexpected text (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseMessageErrors(t *testing.T) {
	le(t)
	tests := []struct {
		name string
		wire []byte
		want string
	}{
		{"no NUL", []byte{0x06, 0x00, 0x01, 0x00, 'h', 'i', 0x00, 0x00}, "no NUL at the end"},
		{"NUL inside", []byte{0x08, 0x00, 0x01, 0x00, 'h', 0x00, 'i', 0x00}, "NUL at byte 2 of 4"},
		{"flag of 2", []byte{0x05, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x00}, "value 2 is neither 0 nor 1"},
		{"short u32", []byte{0x06, 0x00, 0x02, 0x00, 0x01, 0x02, 0x00, 0x00}, "parse attributes: "},
		{"unknown", []byte{0x04, 0x00, 0x04, 0x00}, "attribute 4: unknown"},
		{"twice", join(wireU32, wireU32), "attribute 2: present twice"},
		{"truncated", []byte{0x08, 0x00, 0x02, 0x00, 0x01}, "parse attributes: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := parseMessage(tt.wire)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("unexpected error: %v, want: %s", err, tt.want)
			}
			if diff := cmp.Diff(Message{}, m); diff != "" {
				t.Fatalf("unexpected message beside an error (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add(join(wireString, wireU32, wireTrue))
	f.Add([]byte{0x05, 0x00, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err != nil {
			return
		}

		// What was understood must survive being said again.
		wire, err := encodeMessage(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseMessage(wire)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, again); diff != "" {
			t.Fatalf("unexpected message (-first +second):\n%s", diff)
		}
	})
}
