package run

import (
	"strings"
	"testing"
)

func TestClip(t *testing.T) {
	var none *clip
	if got := none.String(); got != "" {
		t.Errorf("nothing is %q", got)
	}
	var c clip
	c.add("first\n")
	for range 10_000 {
		c.add(strings.Repeat("x", 99) + "\n")
	}
	c.add("last\n")
	got := c.String()
	if !strings.HasPrefix(got, "first\n") || !strings.HasSuffix(got, "last\n") || !strings.Contains(got, "bytes left out]") {
		t.Errorf("start, end or a word about the rest is missing: %.20q … %q", got, got[len(got)-20:])
	}
	if len(got) > 4*clipPart {
		t.Errorf("%d bytes are kept", len(got))
	}
}
