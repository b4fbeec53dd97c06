package kbuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// Options says which module to build. Kernel, Name, SourceDir and Store are
// needed.
type Options struct {
	Kernel kernel.Kernel
	// Name is the module's name: the tree makes NAME.ko. Dashes and
	// underscores are the same in it.
	Name string
	// SourceDir is the top of the user's tree, absolute. It is only read.
	SourceDir string
	// Show is how messages name SourceDir; empty is SourceDir itself.
	Show string
	// Recipe says how the tree's modules are made.
	Recipe Recipe
	// Exports are the trees built before, whose symbols this one may use.
	Exports []Tree
	// Store keeps the modules and the incremental build directories.
	Store *cache.Store
	// Log, if not nil, gets the compiler's output as it comes, with the
	// user's paths.
	Log io.Writer
	// Needs are symbols that the kernel's configuration must have, see
	// [CheckConfig].
	Needs []string
	// ExtraCFlags go to the compiler, for instrumented builds.
	ExtraCFlags []string
	// Jobs bounds the compilers at work; 0 is one for each processor.
	Jobs int
}

var moduleName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// Build builds the tree, see [BuildTree], and returns one of its modules.
// Several modules of one tree are one build.
func Build(ctx context.Context, o Options) (Module, error) {
	if !moduleName.MatchString(o.Name) {
		return Module{}, fmt.Errorf("build module: invalid module name %q", o.Name)
	}
	if err := CheckConfig(o.Kernel, o.Needs); err != nil {
		return Module{}, fmt.Errorf("build module %s for %s: %w", o.Name, o.Kernel.Release, err)
	}
	o.Recipe.CFlags = append(o.Recipe.CFlags[:len(o.Recipe.CFlags):len(o.Recipe.CFlags)], o.ExtraCFlags...)
	t, err := BuildTree(ctx, TreeOptions{
		Kernel: o.Kernel, Dir: o.SourceDir, Show: o.Show, Recipe: o.Recipe, Exports: o.Exports,
		Store: o.Store, Log: o.Log, Jobs: o.Jobs,
	})
	if err != nil {
		return Module{}, fmt.Errorf("build module %s: %w", o.Name, err)
	}
	m, ok := t.Module(o.Name)
	if !ok {
		return Module{}, fmt.Errorf("build module %s: find %s.ko: the sources made %s; name one of them, or add it to obj-m", o.Name, o.Name, t.Made())
	}
	return m, nil
}

// Module returns the module of a name, in which dashes and underscores are the
// same.
func (t *Tree) Module(name string) (Module, bool) {
	for _, m := range t.Modules {
		if SameName(m.Name, name) {
			return m, true
		}
	}
	return Module{}, false
}

// Made lists the files of the modules.
func (t *Tree) Made() string {
	files := make([]string, len(t.Modules))
	for i, m := range t.Modules {
		files[i] = m.File
	}
	return strings.Join(files, ", ")
}

// SameName tells whether two names mean one module: a file is called a-b.ko,
// and the module that it makes a_b.
func SameName(a, b string) bool { return underscored(a) == underscored(b) }

func underscored(name string) string { return strings.ReplaceAll(name, "-", "_") }

func sum(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// builder is one build of a tree.
type builder struct {
	o       TreeOptions
	tools   tools
	sources *sources
	place   Place
	out     string // where the results go
	log     *rewriter
	notes   []string
	extra   bool // W=1
}

func (b *builder) build(ctx context.Context) error {
	if b.o.Recipe.Fresh {
		if err := os.RemoveAll(b.place.Tree); err != nil {
			return err
		}
	}
	done, err := syncSources(b.sources.files, b.place.Tree)
	if err != nil {
		return fmt.Errorf("copy sources: %w", err)
	}
	if err := b.place.prepare(ctx, b.o.Kernel, &b.o.Recipe); err != nil {
		return err
	}
	err = b.make(ctx)
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(err, done())
}

func (b *builder) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

func (b *builder) writeLog() error {
	return os.WriteFile(filepath.Join(b.out, logName), []byte(b.log.Text()), 0o644)
}
