package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/kmodtest/kmodtest/internal/cachedir"
	"github.com/kmodtest/kmodtest/vmimage"
)

// app is what the commands share: the streams, the environment, and the settings
// that flags and the environment make. It is the only place that reads the
// environment.
type app struct {
	stdout, stderr io.Writer
	env            func(string) string
	environ        []string

	settings vmimage.Settings
	fuzz     bool      // a test is fuzzed
	commands []command // all of them
	progress progress

	exit struct {
		sync.Mutex
		undo func() // what has to be undone before the process exits
	}
}

func newApp() (*app, error) {
	a := &app{stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv, environ: os.Environ(), commands: commands()}
	a.progress = progress{w: os.Stderr, live: a.live()}
	return a, a.settings.ReadEnv(a.env)
}

// atExit registers the one thing that has to be undone even if a second signal
// ends the process at once. The function that it returns undoes it now.
func (a *app) atExit(undo func()) (now func()) {
	a.exit.Lock()
	defer a.exit.Unlock()
	a.exit.undo = undo
	return a.cleanUp
}

func (a *app) cleanUp() {
	a.exit.Lock()
	defer a.exit.Unlock()
	if a.exit.undo != nil {
		a.exit.undo()
	}
	a.exit.undo = nil
}

// noArguments parses a command line that has flags only.
func noArguments(fs *flag.FlagSet, args []string) error {
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return usageError("unexpected argument %q", fs.Arg(0))
	}
	return nil
}

// options are those of a session in the working directory.
func (a *app) options() (vmimage.Options, error) {
	dir, err := os.Getwd()
	if err != nil {
		return vmimage.Options{}, fmt.Errorf("find working directory: %w", err)
	}
	var cacheDir string
	if a.settings.Get("cache") == "" {
		// Without a home the settings have to name the cache, which Open says.
		if d, err := os.UserCacheDir(); err == nil {
			if cacheDir, err = cachedir.Default(d, "/var/tmp"); err != nil {
				return vmimage.Options{}, err
			}
		}
	}
	o := vmimage.Options{
		Settings: a.settings, Dir: dir, Environ: a.environ, CacheDir: cacheDir,
		HandOver: a.env(handOverVariable), Fuzz: a.fuzz, Log: vmimage.CompilerLog(a.stderr), Tell: a.told, Warn: a.warn,
	}
	if a.progress.live && !a.settings.On("quiet") {
		o.Fetching = a.progress.bytes
	}
	return o, nil
}

// open opens the project that governs the working directory.
func (a *app) open() (*vmimage.Session, error) { return a.session(vmimage.Open) }

// openCache opens the cache without a project.
func (a *app) openCache() (*vmimage.Session, error) { return a.session(vmimage.OpenCache) }

func (a *app) session(open func(vmimage.Options) (*vmimage.Session, error)) (*vmimage.Session, error) {
	o, err := a.options()
	if err != nil {
		return nil, err
	}
	s, err := open(o)
	return s, words(err)
}

// words makes an error of a session one of the command line, where it is.
func words(err error) error {
	if u := new(vmimage.UsageError); errors.As(err, &u) {
		return usageError("%s", u.Text)
	}
	return err
}

// notice tells the user in one line what is going on.
func (a *app) notice(format string, args ...any) { a.told(fmt.Sprintf(format, args...)) }

func (a *app) told(text string) {
	a.progress.begin(text)
	if !a.settings.On("quiet") {
		a.progress.line("kmodtest: " + text)
	}
}

// warn tells the user what is odd, even if asked to be quiet.
func (a *app) warn(message string) { a.progress.line("kmodtest: warning: " + message) }

// console is how long work tells what it does.
func (a *app) console() vmimage.Console {
	c := vmimage.Console{
		Stdout: a.stdout, Stderr: a.stderr, Quiet: a.settings.On("quiet"),
		Live: a.live(), Color: isTerminal(a.stdout) && a.env("NO_COLOR") == "",
	}
	if a.env("GITHUB_ACTIONS") == "true" {
		c.Annotate, c.Summary, c.Workspace = true, a.env("GITHUB_STEP_SUMMARY"), a.env("GITHUB_WORKSPACE")
	}
	return c
}

// live tells whether lines on standard error can be drawn again.
func (a *app) live() bool {
	return isTerminal(a.stderr) && a.env("TERM") != "dumb" && a.env("CI") == ""
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// printLine writes a line of a command's result. What matters to a closed pipe
// is told by its reader.
func printLine(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format+"\n", args...)
}
