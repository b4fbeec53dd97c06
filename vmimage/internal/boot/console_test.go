package boot

import (
	"bytes"
	"strings"
	"testing"
)

// TestConsoleFlood proves that a flooded console keeps its start and its end,
// and says what it left out.
func TestConsoleFlood(t *testing.T) {
	var c Console
	line := strings.Repeat("x", 99) + "\n"
	write := func(s string) {
		t.Helper()
		if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
	write("first\n")
	for range 10 * consolePart / len(line) {
		write(line)
	}
	write("last\n")
	b := c.Bytes()
	if !bytes.HasPrefix(b, []byte("first\n")) || !bytes.HasSuffix(b, []byte("last\n")) {
		t.Error("start or end is lost")
	}
	if !bytes.Contains(b, []byte(" bytes of console left out]")) {
		t.Error("what is left out is not told")
	}
	if len(b) > 4*consolePart {
		t.Errorf("%d bytes are kept", len(b))
	}
}
