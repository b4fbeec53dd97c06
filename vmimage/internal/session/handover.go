package session

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/kmodtest/kmodtest/vmimage/internal/files"
)

// handOver is what one process prepares for another: go test's clock does not run
// before the second one starts.
type handOver struct {
	// Config is the configuration that was prepared for: a package that another
	// one governs prepares by itself.
	Config string
	// Kernel is the kernel's name in the settings: one that asks for another
	// must not be given this.
	Kernel   string
	Prepared Prepared
}

// HandOver prepares the kernel of the settings, boots it once if no snapshot is
// kept, and writes the outcome to file. The cache keeps it for as long as this
// process lives.
func (s *Session) HandOver(ctx context.Context, file string) (Prepared, error) {
	p, err := s.Prepare(ctx, "", false)
	if err != nil {
		return p, err
	}
	if err := s.Freeze(ctx, p); err != nil {
		return p, err
	}
	return p, files.WriteJSON(file, handOver{s.Config.Path, s.Kernel, p})
}

// handedOver returns what another process prepared, if it did so for this
// session.
func (s *Session) handedOver() (p Prepared, ok bool, err error) {
	if s.Options.HandOver == "" {
		return p, false, nil
	}
	b, err := os.ReadFile(s.Options.HandOver)
	if err != nil {
		return p, false, fmt.Errorf("read what kmodtest test prepared: %w", err)
	}
	var h handOver
	if err := json.Unmarshal(b, &h); err != nil {
		return p, false, fmt.Errorf("read what kmodtest test prepared: %w", err)
	}
	return h.Prepared, h.Config == s.Config.Path && h.Kernel == s.Kernel, nil
}
