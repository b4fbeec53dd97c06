package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kmodtest/kmodtest/vmimage"
)

// saveKernel writes a compiled kernel to a file, whole or not at all.
func (a *app) saveKernel(ctx context.Context, s *vmimage.Session, name, file string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".part-*")
	if err != nil {
		return fmt.Errorf("save kernel: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = s.SaveKernel(ctx, name, f)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// loadKernel puts the kernel of a file into the cache, and prints its name.
func (a *app) loadKernel(ctx context.Context, s *vmimage.Session, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("load kernel: %w", err)
	}
	defer f.Close()
	name, err := s.LoadKernel(ctx, f)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	printLine(a.stdout, "name=%s", name)
	return nil
}
