package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// TestPayloadTooLarge packs more than the payload device holds.
func TestPayloadTooLarge(t *testing.T) {
	name := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, vm.PayloadDeviceSize+1); err != nil {
		t.Fatal(err)
	}
	_, err := newPayload(&Options{Files: []string{name}})
	if err == nil || !strings.Contains(err.Error(), "exceed 256 MiB, the size of the payload device") || !strings.Contains(err.Error(), name) {
		t.Errorf("error = %v, want one that names %s and the size of the device", err, name)
	}
}
