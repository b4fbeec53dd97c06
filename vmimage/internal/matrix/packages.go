package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/internal/goenv"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
)

// Package is a package with tests.
type Package struct {
	// ImportPath is its import path, Name how people name it: relative to the
	// project, "./tests", if it lies there.
	ImportPath, Name string
	// Dir is its directory, Rel the same relative to the project, or absolute.
	Dir, Rel string

	files []string
}

// Go is how the go command is run.
type Go struct {
	Command string
	// Dir is the project's directory.
	Dir string
	// Env is the environment of the go command, all of it.
	Env []string
	// Flags are build flags.
	Flags []string
}

func (g Go) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, g.Command, args...)
	cmd.Dir = g.Dir
	race := slices.ContainsFunc(g.Flags, func(f string) bool { return f == "-race=true" || f == "-race" })
	cmd.Env = append(goenv.Users(g.Env), "CGO_ENABLED="+goenv.TestCGO(g.Env, race))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("run go %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// Packages returns the packages with tests that patterns name. Packages without
// any are left out, as ./... names many; none at all is an error.
func (g Go) Packages(ctx context.Context, patterns []string) ([]Package, error) {
	args := append([]string{"list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles"}, g.Flags...)
	out, err := g.run(ctx, append(append(args, "--"), patterns...)...)
	if err != nil {
		return nil, err
	}
	var pkgs []Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l struct {
			ImportPath, Dir           string
			TestGoFiles, XTestGoFiles []string
		}
		err := dec.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		files := append(l.TestGoFiles, l.XTestGoFiles...)
		if len(files) == 0 {
			continue
		}
		p := Package{ImportPath: l.ImportPath, Name: l.ImportPath, Dir: l.Dir, Rel: l.Dir, files: files}
		if rel, err := filepath.Rel(g.Dir, l.Dir); err == nil && filepath.IsLocal(rel) {
			p.Rel, p.Name = rel, "./"+rel
			if rel == "." {
				p.Name = rel
			}
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) == 0 {
		return nil, fmt.Errorf("find tests: %s name no package with tests", strings.Join(patterns, " "))
	}
	return pkgs, nil
}

// Matching returns the packages of which args, a binary's flags, choose a test.
// One in which nothing matches is no failure while another has a match, but a
// pattern that matches nowhere is. The names come from the sources: the binary's
// own list would mean to run it on this machine.
func Matching(pkgs []Package, args []string) ([]Package, error) {
	flags := gotest.ParseFlags(args)
	if flags.Get("test.run") == "" && flags.Get("test.skip") == "" {
		return pkgs, nil
	}
	var with []Package
	for _, p := range pkgs {
		names, err := p.tests()
		if err != nil {
			return nil, err
		}
		plan, err := flags.Plan(names)
		if err != nil {
			return nil, err
		}
		if len(plan) > 0 {
			with = append(with, p)
		}
	}
	if len(with) == 0 {
		return nil, fmt.Errorf("choose tests: none matches -run %q -skip %q", flags.Get("test.run"), flags.Get("test.skip"))
	}
	return with, nil
}

// tests returns what could be tests in the package's sources.
func (p Package) tests() ([]string, error) {
	var names []string
	for _, f := range p.files {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("find tests of %s: %w", p.Name, err)
		}
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names, nil
}

// Compile compiles the test binaries of pkgs into dir, each once for all
// kernels, and returns where they are, by import path.
func (g Go) Compile(ctx context.Context, pkgs []Package, dir string) (map[string]string, error) {
	binaries := make(map[string]string)
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(2) // go itself uses all processors
	for i, p := range pkgs {
		// The package's name alone may not be unique.
		bin := filepath.Join(dir, fmt.Sprintf("%d", i), filepath.Base(p.ImportPath)+".test")
		binaries[p.ImportPath] = bin
		eg.Go(func() error {
			if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
				return fmt.Errorf("compile tests: %w", err)
			}
			args := slices.Concat([]string{"test", "-c", "-o", bin}, g.Flags, []string{p.ImportPath})
			if _, err := g.run(ctx, args...); err != nil {
				return fmt.Errorf("compile tests of %s: %w", p.Name, err)
			}
			if _, err := os.Stat(bin); err != nil {
				return fmt.Errorf("compile tests of %s: %w", p.Name, err)
			}
			return nil
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	return binaries, nil
}
