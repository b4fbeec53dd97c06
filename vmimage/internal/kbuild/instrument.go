package kbuild

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// Instrument says how modules are built to be watched: with the tree's own
// makefiles, and with more for the compiler. What it calls is linked to each
// module afterwards, see [Relink], whatever the makefiles make of their flags.
type Instrument struct {
	// ID tells it from others, and from what it was before.
	ID string
	// CFlags returns options of the compiler for the tree's C files. The kernel's
	// own headers, which they include, lie below the directories kernel.
	CFlags func(kernel []string) []string
	// Env are variables for make, NAME=VALUE.
	Env []string
	// Header is C that each C file sees first. It declares what is linked later,
	// as weak: modpost takes any other undefined symbol for an error.
	Header string
	// Keep is a pattern of the names of files that the compiler leaves beside
	// objects, and that are wanted.
	Keep string
}

// headerName is the file beside the tree that every C file includes.
const headerName = "instrument.h"

// flags are the options of a build in p.
func (in *Instrument) flags(p *Place, k kernel.Kernel) ([]string, error) {
	flags := in.CFlags([]string{k.SourceDir, k.BuildDir, p.KernelDir})
	for i, f := range flags {
		flags[i] = shellQuote(f)
	}
	if in.Header == "" {
		return flags, nil
	}
	header := filepath.Join(p.dir, headerName)
	// The time of an unchanged one stays, since make compares it.
	if have, err := os.ReadFile(header); err != nil || string(have) != in.Header {
		if err := os.WriteFile(header, []byte(in.Header), 0o644); err != nil {
			return nil, err
		}
	}
	return append(flags, "-include", shellQuote(header)), nil
}

// shellQuote quotes a word for the shell that make runs the compiler with.
func shellQuote(word string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "$", "$$", "#", `\#`).Replace(word) + "'"
}

// keep copies what is wanted to out.
func (in *Instrument) keep(tree, out string) error {
	if in.Keep == "" {
		return nil
	}
	return filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if ok, err := filepath.Match(in.Keep, d.Name()); !ok || err != nil {
			return err
		}
		rel, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(out, rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}
