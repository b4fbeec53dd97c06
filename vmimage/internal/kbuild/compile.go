package kbuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// make runs the steps of the recipe and collects what they made.
func (b *builder) make(ctx context.Context) error {
	// A module of an earlier build must not pass for this one's.
	if err := removeProducts(b.place.Tree); err != nil {
		return err
	}
	steps, err := b.o.Recipe.plan(ctx, b.sources, b.place)
	if err != nil {
		return err
	}
	flags, err := b.flags(ctx)
	if err != nil {
		return err
	}
	limit := b.o.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	late := fmt.Errorf("no end after %v", limit)
	limited, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	b.log = newRewriter(b.place.Tree, b.o.Show, b.o.Log)
	b.log.others = strings.NewReplacer(b.place.KernelDir, "/lib/modules/"+b.place.Release+"/build", b.o.Kernel.SourceDir, "/usr/src/"+filepath.Base(b.o.Kernel.SourceDir))
	err = b.runAll(limited, steps, flags)
	b.observe()
	if err != nil {
		// What was odd may well be why.
		for _, n := range b.notes {
			err = fmt.Errorf("%w\n(%s)", err, n)
		}
		return err
	}
	return b.collect(ctx, steps)
}

// observe notes what the user should know of the build.
func (b *builder) observe() {
	if b.place.askedRunning() {
		where := ""
		if !b.place.view {
			where = "; without user namespaces, what it then looks for in /lib/modules is this machine's"
		}
		b.note("a makefile asks for the running kernel (uname -r); it was told %s%s", b.place.Release, where)
	}
	if strings.Contains(b.sources.makefiles.String(), "EXTRA_CFLAGS") && !b.readsExtraCFlags() {
		b.note("a makefile sets EXTRA_CFLAGS, which the kbuild of %s ignores (since 6.15); ccflags-y works on every kernel", b.place.Release)
	}
	if !b.extra {
		b.note("W=1 was left out: the tree has -Werror, and the warnings of this kbuild are not known")
	}
}

// readsExtraCFlags looks into kbuild, since vendors' kernels differ from their
// versions.
func (b *builder) readsExtraCFlags() bool {
	for _, name := range []string{"scripts/Makefile.lib", "scripts/Makefile.build"} {
		data, err := os.ReadFile(filepath.Join(b.o.Kernel.SourceDir, name))
		if err != nil || strings.Contains(string(data), "$(EXTRA_CFLAGS)") {
			return true
		}
	}
	return false
}

// flags are what goes to the compiler besides what the tree says.
func (b *builder) flags(ctx context.Context) (string, error) {
	// Quoted for the shell that make runs the compiler with.
	user := strings.NewReplacer("'", `'\''`, "$", "$$", "#", `\#`).Replace(b.o.Dir)
	flags := []string{"'-ffile-prefix-map=" + b.place.Tree + "=" + user + "'"}
	lenient, ok, err := lenient(ctx, b.o.Kernel, b.tools, b.sources.makefiles.String())
	if err != nil {
		return "", err
	}
	b.extra = ok
	flags = slices.Concat(flags, lenient, b.o.Recipe.CFlags)
	if in := b.o.Recipe.Instrument; in != nil {
		more, err := in.flags(&b.place, b.o.Kernel)
		if err != nil {
			return "", err
		}
		flags = append(flags, more...)
	}
	return strings.Join(flags, " "), nil
}

// runAll runs the steps in order. One that lacks symbols comes again after the
// others, which may export them, as long as that helps anybody.
func (b *builder) runAll(ctx context.Context, steps []Step, flags string) error {
	var exports []string
	var before error // of a step that may fail
	for _, t := range b.o.Exports {
		if t.Symvers != "" {
			exports = append(exports, t.Symvers)
		}
	}
	for len(steps) > 0 {
		var again []Step
		var firstErr error
		for _, s := range steps {
			err := b.run(ctx, s, flags, exports)
			switch {
			case err == nil:
				if s.Exports != "" && fileExists(s.Exports) {
					exports = append(exports, s.Exports)
				}
			case s.Exports != "" && len(steps) > 1 && lacksSymbols(err):
				again = append(again, s)
				if firstErr == nil {
					firstErr = err
				}
			case s.MayFail && ctx.Err() == nil:
				before = err
			case before != nil:
				return fmt.Errorf("%w\n(before that: %v)", err, before)
			default:
				return err
			}
		}
		if len(again) == len(steps) {
			return firstErr
		}
		steps = again
	}
	return nil
}

func lacksSymbols(err error) bool {
	return strings.Contains(kernel.Output(err), "undefined!")
}

// run runs one step, or what does instead.
func (b *builder) run(ctx context.Context, s Step, flags string, exports []string) error {
	err := b.try(ctx, s, flags, exports)
	if err == nil || len(s.Instead) == 0 || ctx.Err() != nil {
		return err
	}
	// Of two failures that of the tree's own makefile tells more.
	if b.runAll(ctx, s.Instead, flags) != nil {
		return err
	}
	why, _, _ := strings.Cut(err.Error(), "\n")
	var dirs []string
	for _, in := range s.Instead {
		dirs = append(dirs, rewrite(in.Dir, b.place.Tree, b.o.Show))
	}
	b.note("%s failed: %s; its modules were built without it, in %s", b.shown(s.Args), why, strings.Join(dirs, ", "))
	return nil
}

// try runs one step, and its other form if that may help.
func (b *builder) try(ctx context.Context, s Step, flags string, exports []string) error {
	err := b.exec(ctx, s, s.Args, flags, exports)
	if err == nil || s.Else == nil || ctx.Err() != nil || !mayHelp(err) {
		return err
	}
	first := b.shown(s.Args)
	if again := b.exec(ctx, s, s.Else, flags, exports); again != nil {
		return fmt.Errorf("%w\n(before that, %s failed as well)", again, first)
	}
	b.note("%s failed; %s did it", first, b.shown(s.Else))
	return nil
}

// mayHelp tells whether a failure may come from the way in which a makefile is
// run: the sources themselves are fine, as far as the compiler got.
func mayHelp(err error) bool {
	var ce *CompileError
	if !errors.As(err, &ce) {
		return false
	}
	for _, d := range ce.Errors {
		if d.File != "modpost" && !strings.Contains(d.Text, "No such file or directory") {
			return false
		}
	}
	return true
}

func (b *builder) exec(ctx context.Context, s Step, args []string, flags string, exports []string) error {
	dir := s.Dir
	if dir == "" {
		dir = b.place.Tree
	}
	cmd := b.tools.command(b.place.Wrap(args))
	cmd.Dir, cmd.Tee = dir, b.log
	cmd.Path = append([]string{filepath.Join(b.place.dir, "bin")}, cmd.Path...)
	// A shell keeps PWD of its own; make, run without one, needs it given, and
	// makefiles say M=$(PWD).
	cmd.Env = append(append(environment(b.place), "PWD="+dir), cmd.Env...)
	cmd.Env = append(cmd.Env, envFlags+"="+flags)
	if in := b.o.Recipe.Instrument; in != nil {
		cmd.Env = append(cmd.Env, in.Env...)
	}
	if b.extra && runsMake(args) {
		cmd.Env = append(cmd.Env, envExtraWarnings)
	}
	if !readsVariables(b.place.KernelDir) {
		cmd.Env = append(cmd.Env, "KCFLAGS="+flags)
	}
	if len(exports) > 0 {
		cmd.Env = append(cmd.Env, "KBUILD_EXTRA_SYMBOLS="+strings.Join(exports, " "))
	}
	cmd.Env = append(cmd.Env, s.Env...)
	b.log.enter(dir)
	from := len(b.log.Text())
	_, err := cmd.Run(ctx)
	b.log.Flush()
	if err != nil {
		return compileError(err, b.shown(args), b.log.Text()[from:])
	}
	return nil
}

func (b *builder) jobs() string { return fmt.Sprintf("-j%d", b.place.Jobs) }

// shown is a command as the user would type it.
func (b *builder) shown(args []string) string {
	words := slices.Clone(args)
	if len(words) > 1 && words[1] == b.jobs() {
		words = slices.Delete(words, 1, 2)
	}
	text := strings.Join(words, " ")
	return rewrite(strings.ReplaceAll(text, b.place.KernelDir, "/lib/modules/"+b.place.Release+"/build"), b.place.Tree, b.o.Show)
}

// collect keeps the modules that the steps made.
func (b *builder) collect(ctx context.Context, steps []Step) error {
	made, err := findProducts(b.place.Tree, b.o.Recipe.Files)
	if err != nil {
		return err
	}
	if len(made) == 0 {
		return b.nothing(steps)
	}
	if err := b.writeLog(); err != nil {
		return err
	}
	m := manifest{Notes: b.notes}
	if in := b.o.Recipe.Instrument; in != nil {
		m.Built = b.place.Tree
		if err := in.keep(b.place.Tree, filepath.Join(b.out, keptDir)); err != nil {
			return err
		}
	}
	for _, file := range made {
		if err := split(ctx, b.tools, filepath.Join(b.place.Tree, file), b.out, file); err != nil {
			return err
		}
	}
	if m.Modules, err = loadOrder(b.out, made); err != nil {
		return err
	}
	if err := writeSymvers(b.place.Tree, filepath.Join(b.out, symversName)); err != nil {
		return err
	}
	data, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.out, manifestName), append(data, '\n'), 0o644)
}

// nothing says what was tried if there is no module.
func (b *builder) nothing(steps []Step) error {
	var text strings.Builder
	text.WriteString("find modules: the build ended well and made none; it ran")
	for _, s := range steps {
		text.WriteString("\n\t" + b.shown(s.Args))
	}
	if len(b.sources.objects) == 0 {
		text.WriteString("\nno makefile sets obj-m")
	} else {
		text.WriteString("\nmakefiles set")
		for i, line := range b.sources.objects {
			if i == 5 {
				fmt.Fprintf(&text, "\n\t… and %d more", len(b.sources.objects)-i)
				break
			}
			text.WriteString("\n\t" + line)
		}
		text.WriteString("\nname what they ask for among the arguments of make (CONFIG_X=m), or the target")
	}
	return errors.New(text.String())
}
