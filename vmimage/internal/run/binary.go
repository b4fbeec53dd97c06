package run

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/program"
)

// CheckBinary returns an error unless the file at path can run in a guest: an ELF
// executable for x86-64, with all the shared libraries that it needs on this
// machine.
func CheckBinary(path string) error {
	f, err := elf.Open(path)
	var format *elf.FormatError
	if errors.As(err, &format) {
		return fmt.Errorf("check test binary: %s is no ELF executable: compile it with GOOS=linux GOARCH=amd64", path)
	}
	if err != nil {
		return fmt.Errorf("check test binary: %w", err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 || f.Class != elf.ELFCLASS64 {
		return fmt.Errorf("check test binary: %s is for %s, the guest is x86-64: compile it with GOARCH=amd64",
			path, strings.TrimPrefix(f.Machine.String(), "EM_"))
	}
	if _, err := program.Needs(context.Background(), path); err != nil {
		return fmt.Errorf("check test binary: %w; or compile it with CGO_ENABLED=0", err)
	}
	return nil
}

// AddNeeds adds to o.Placed the programs that are wanted, and what the test binary
// needs beside itself: the loader and the libraries of one that is dynamic, as cgo
// and -race make it.
func (o *Options) AddNeeds(ctx context.Context) error {
	if o.Root != "" {
		return nil // a bundle has them among its files
	}
	for _, name := range o.Wanted {
		if err := o.AddProgram(ctx, name, o.SourceRoot); err != nil {
			return fmt.Errorf("guest.programs: %w", err)
		}
	}
	if o.Binary == "" {
		return nil
	}
	needs, err := program.Needs(ctx, o.Binary)
	if err != nil {
		return fmt.Errorf("find libraries of test binary: %w", err)
	}
	o.place(needs)
	return nil
}

// place adds files to o.Placed, which others may share.
func (o *Options) place(files program.Files) {
	if len(files) == 0 {
		return
	}
	placed := maps.Clone(o.Placed)
	if placed == nil {
		placed = make(map[string]string)
	}
	for name, file := range files {
		if _, own := placed[name]; !own {
			placed[name] = file
		}
	}
	o.Placed = placed
}

// AddProgram adds to o.Placed a program of the host, with all that it needs. dir
// is what a relative path is relative to.
func (o *Options) AddProgram(ctx context.Context, name, dir string) error {
	files, err := program.Find(ctx, name, dir)
	if err == nil {
		o.place(files)
	}
	return err
}
