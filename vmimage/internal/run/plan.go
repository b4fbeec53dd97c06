package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What a binary answers to -test.list is kept by the binary's digest: asking
// costs a tenth of a second in the guest, and the answer cannot change.

const (
	planKind = "plan"
	planFile = "list"
)

// recallPlan looks for a plan that an earlier run has asked for.
func (r *runner) recallPlan(ctx context.Context) error {
	if r.o.Store == nil {
		return nil
	}
	f, err := os.Open(r.o.Binary)
	if err != nil {
		return fmt.Errorf("read test binary: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("read test binary: %w", err)
	}
	r.binary = hex.EncodeToString(h.Sum(nil))
	e, err := r.o.Store.Lookup(ctx, planKind, r.binary)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(e.Dir, planFile))
	if err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	return r.plan(string(b))
}

// keepPlan takes what the binary answered in the guest.
func (r *runner) keepPlan(ctx context.Context, list string) error {
	if err := r.plan(list); err != nil || r.o.Store == nil {
		return err
	}
	_, err := r.o.Store.Get(ctx, planKind, r.binary, func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, planFile), []byte(list), 0o644)
	})
	return err
}

// plan works out which of the listed tests the command line chooses.
func (r *runner) plan(list string) error {
	plan, err := r.flags.Plan(strings.Fields(list))
	if err != nil {
		return err
	}
	if len(plan) == 0 {
		return errNoTests(r.flags)
	}
	r.v.Planned, r.planKnown = plan, true
	return nil
}
