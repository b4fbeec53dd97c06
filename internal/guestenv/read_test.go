package guestenv

import (
	"errors"
	"testing"
)

func TestReadOutside(t *testing.T) {
	if Inside() {
		t.Skip("runs in a guest")
	}
	if _, err := Read(); !errors.Is(err, ErrNotGuest) {
		t.Errorf("Read() error = %v, want %v", err, ErrNotGuest)
	}
}
