package session

import (
	"path/filepath"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// What was prepared is taken for the same project and kernel, and no other.
func TestHandedOver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prepared.json")
	h := handOver{Config: "/p/kmodtest.toml", Kernel: "6.1", Prepared: Prepared{Kernel: kernel.Kernel{Release: "6.1.0"}}}
	if err := files.WriteJSON(file, h); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		file, config, kernel string
		ok, fails            bool
	}{
		{file, "/p/kmodtest.toml", "6.1", true, false},
		{file, "/p/kmodtest.toml", "7.3", false, false},
		{file, "/p/kmodtest.toml", "", false, false},
		{file, "/q/kmodtest.toml", "6.1", false, false},
		{"", "/p/kmodtest.toml", "6.1", false, false},
		{file + ".gone", "/p/kmodtest.toml", "6.1", false, true},
	}
	for _, tt := range tests {
		s := &Session{Config: &config.Config{Path: tt.config}}
		s.Options.HandOver, s.Kernel = tt.file, tt.kernel
		p, ok, err := s.handedOver()
		if ok != tt.ok || (err != nil) != tt.fails {
			t.Errorf("%+v: %v, %v", tt, ok, err)
		}
		if ok && p.Kernel.Release != "6.1.0" {
			t.Errorf("%+v: prepared is %+v", tt, p)
		}
	}
}
