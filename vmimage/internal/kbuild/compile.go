package kbuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// compile runs kbuild in dir and puts the module into out.
func compile(ctx context.Context, o Options, t tools, dir, out string) error {
	// A module of an earlier build must not pass for this one's.
	built := filepath.Join(dir, o.Name+".ko")
	if err := os.RemoveAll(built); err != nil {
		return err
	}
	log := newRewriter(dir, o.Show, o.Log)
	cmd := t.command(makeArgs(o, t, dir))
	cmd.Tee = log
	_, err := cmd.Run(ctx)
	log.Flush()
	if err != nil {
		return compileError(err, log.Text())
	}
	if !fileExists(built) {
		return fmt.Errorf("find %s.ko: the sources made %s; name one of them, or add it to obj-m", o.Name, madeModules(dir))
	}
	if err := os.WriteFile(logFile(out), []byte(log.Text()), 0o644); err != nil {
		return err
	}
	return split(ctx, t, built, out, o.Name)
}

// makeArgs is the command line of kbuild.
func makeArgs(o Options, t tools, dir string) []string {
	k := o.Kernel
	jobs := o.Jobs
	if jobs <= 0 {
		jobs = runtime.NumCPU()
	}
	// The headers' own directory as -C, since the makefile in O= of Debian's
	// headers names an absolute path: the tree that the host has installed.
	args := []string{"make", "-C", k.SourceDir}
	if k.BuildDir != k.SourceDir {
		args = append(args, "O="+k.BuildDir)
	}
	// Quoted for the shell that make runs the compiler with.
	flags := append([]string{"'-ffile-prefix-map=" + dir + "=" + strings.NewReplacer("'", `'\''`, "$", "$$").Replace(o.SourceDir) + "'"}, o.ExtraCFlags...)
	args = append(args, "M="+dir, "W=1", fmt.Sprintf("-j%d", jobs), "KCFLAGS="+strings.Join(flags, " "))
	if t.cc != "" {
		args = append(args, "CC="+t.cc)
	}
	if !t.pahole {
		// Without pahole kbuild deletes the module that it has just linked.
		args = append(args, "CONFIG_DEBUG_INFO_BTF_MODULES=")
	}
	return append(args, "modules")
}

// split makes the guest's copy, without debug information, and keeps the
// whole one for symbolisation.
func split(ctx context.Context, t tools, built, out, name string) error {
	data, err := os.ReadFile(built)
	if err != nil {
		return fmt.Errorf("read built module: %w", err)
	}
	info, err := parse(data)
	if err != nil {
		return fmt.Errorf("read built module: %w", err)
	}
	if !info.HasDebug {
		return os.WriteFile(guestFile(out, name), data, 0o644)
	}
	debug := debugFile(out, name)
	if err := os.MkdirAll(filepath.Dir(debug), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(debug, data, 0o644); err != nil {
		return err
	}
	cmd := t.command([]string{"objcopy", "--strip-debug", debug, guestFile(out, name)})
	if _, err := cmd.Run(ctx); err != nil {
		return fmt.Errorf("strip module: %w", err)
	}
	return nil
}

func madeModules(dir string) string {
	made, _ := filepath.Glob(filepath.Join(dir, "*.ko"))
	deeper, _ := filepath.Glob(filepath.Join(dir, "*", "*.ko"))
	var names []string
	for _, path := range append(made, deeper...) {
		if rel, err := filepath.Rel(dir, path); err == nil {
			names = append(names, rel)
		}
	}
	if len(names) == 0 {
		return "no module"
	}
	return strings.Join(names, ", ")
}

// tools are the programs of one build.
type tools struct {
	cc       string // for CC=
	pahole   bool   // there for BTF
	identity string // changes when they may build another module
	command  func(args []string) kernel.Command
}

// findTools finds out how make is run for k, and names what is missing.
func findTools(ctx context.Context, k kernel.Kernel) (tools, error) {
	t := tools{cc: k.Toolchain.CC, command: k.Toolchain.Command}
	for _, name := range []string{"make", "objcopy"} {
		if err := t.command([]string{name}).Find(); err != nil {
			return t, err
		}
	}
	cc := t.cc
	if cc == "" {
		cc = "gcc"
	}
	version, err := t.command([]string{cc, "--version"}).Run(ctx)
	if err != nil {
		return t, err
	}
	t.pahole = t.command([]string{"pahole"}).Find() == nil
	t.identity = fmt.Sprintf("%s pahole %v", version, t.pahole)
	return t, nil
}
