package guestenv

import (
	"errors"
	"testing"
)

func TestInsideCmdline(t *testing.T) {
	for cmdline, want := range map[string]bool{
		"":                                false,
		"console=ttyS0 " + CmdlineToken:   true,
		CmdlineToken + " panic=-1\n":      true,
		"x" + CmdlineToken:                false,
		CmdlineToken + "0":                false,
		"kmodtest.guest=0 kmodtest.guest": false,
	} {
		if got := insideCmdline(cmdline); got != want {
			t.Errorf("insideCmdline(%q) = %v, want %v", cmdline, got, want)
		}
	}
}

func TestReadOutside(t *testing.T) {
	if Inside() {
		t.Skip("runs in a guest")
	}
	if _, err := Read(); !errors.Is(err, ErrOutside) {
		t.Errorf("Read() error = %v, want %v", err, ErrOutside)
	}
}
