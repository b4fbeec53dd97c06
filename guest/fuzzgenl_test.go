package guest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestGenlRequest(t *testing.T) {
	const op = "\x01\x01\x00\x00"
	tests := map[string]struct {
		input, want, text string
		flags             uint16
	}{
		"as it should be": {
			"\x00" + op + "\x05\x00\x01\x00\x09\x00\x00\x00\x04\x00\x02\x00",
			op + "\x05\x00\x01\x00\x09\x00\x00\x00\x04\x00\x02\x00", "do operation 1 {1: 09, 2: }", 0},
		"dump":           {"\x01" + op, op, "dump operation 1 {}", unix.NLM_F_DUMP},
		"too long":       {"\x00" + op + "\xff\x00\x01\x00\x09\x00", op + "\x06\x00\x01\x00\x09\x00", "do operation 1 {1: 0900}", 0},
		"without length": {"\x00" + op + "\x00\x00\x01\x00\x09\x00", op + "\x06\x00\x01\x00\x09\x00", "do operation 1 {1: 0900}", 0},
		"left over":      {"\x00" + op + "\x04\x00\x01\x00\x01\x02", op + "\x04\x00\x01\x00", "do operation 1 {1: }", 0},
		"in a nest": {
			"\x00" + op + "\x0c\x00\x03\x80\xff\x00\x01\x00\x07\x00\x00\x00", op + "\x0c\x00\x03\x80\x08\x00\x01\x00\x07\x00\x00\x00",
			"do operation 1 {3: {1: 07000000}}", 0},
		"raw":         {"\x02" + op + "\xff\x00\x01\x00\x09\x00", op + "\xff\x00\x01\x00\x09\x00", "do operation 1 {1: of length 255, with 0900}", 0},
		"half a head": {"\x00\x01\x01", "\x01\x01", "do 2 bytes, which is less than a header: 0101", 0},
		"nothing":     {"", "", "do 0 bytes, which is less than a header: ", 0},
	}
	for name, tt := range tests {
		input := []byte(tt.input)
		flags, request := genlRequest(input, 0)
		if diff := cmp.Diff(tt.want, string(request)); diff != "" || flags != tt.flags {
			t.Errorf("%s: flags %#x, request (-want +got):\n%s", name, flags, diff)
		}
		if got := genlText(flags, request, 0); got != tt.text {
			t.Errorf("%s: text %q, want %q", name, got, tt.text)
		}
		if string(input) != tt.input {
			t.Errorf("%s: the input was changed", name)
		}
	}
}

// Any bytes make a request that can be told.
func FuzzGenlRequest(f *testing.F) {
	f.Add([]byte("\x00\x01\x01\x00\x00\x0c\x00\x03\x80\xff\x00\x01\x00\x07\x00\x00\x00"), 0)
	f.Fuzz(func(t *testing.T, input []byte, header int) {
		flags, request := genlRequest(input, header&63)
		_ = genlText(flags, request, header&63)
	})
}
