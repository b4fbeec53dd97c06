package vmimage

import (
	"context"
	"errors"
	"io"

	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// Options is what a session is opened with. Only Dir is required.
type Options struct {
	// Settings are the user's.
	Settings Settings
	// Dir is the working directory, an absolute path: where the project is
	// looked for, and what relative paths in Settings mean.
	Dir string
	// Environ is the caller's environment, NAME=VALUE: what the go command and
	// make see, and the source of the guest's. A package reads none by itself.
	Environ []string
	// CacheDir is the cache's directory if Settings name none.
	CacheDir string
	// HandOver is the file of [Session.HandOver] if another process has prepared
	// the kernel already.
	HandOver string
	// Fuzz tells that a fuzz test is fuzzed. The modules then count their lines, as
	// for the setting ccover, unless the setting fuzz-blind forbids it.
	Fuzz bool
	// Log receives what compilers have to say; nil drops it.
	Log io.Writer
	// Tell, if not nil, is told in one line of what is going on; Warn of what is
	// odd but no error.
	Tell, Warn func(string)
	// Fetching, if not nil, is told twice a second how many bytes of the packages
	// that are being fetched have arrived, from a goroutine of its own.
	Fetching func(done, total int64)
}

func (o Options) internal() session.Options {
	return session.Options{
		Settings: o.Settings.v, Dir: o.Dir, Environ: o.Environ, CacheDir: o.CacheDir,
		HandOver: o.HandOver, Fuzz: o.Fuzz, Log: o.Log, Tell: o.Tell, Warn: o.Warn, Fetching: o.Fetching,
	}
}

// Session is a project with its settings: the modules, the list of kernels, the
// findings that are allowed. Its methods are safe for concurrent use.
type Session struct{ s *session.Session }

// Open reads kmodtest.toml, the nearest one from the directory on upwards, and
// checks the settings. It fetches and builds nothing. A project without a file
// has the kernels of kmodtest itself, and no modules.
func Open(o Options) (*Session, error) {
	s, err := session.Open(o.internal())
	if err != nil {
		return nil, outside(err)
	}
	return &Session{s}, nil
}

// OpenCache opens a session for what concerns the cache alone: it reads no
// kmodtest.toml.
func OpenCache(o Options) (*Session, error) {
	s, err := session.OpenStore(o.internal())
	if err != nil {
		return nil, outside(err)
	}
	return &Session{s}, nil
}

// outside makes an internal error of the command line a public one.
func outside(err error) error {
	if u := new(session.UsageError); errors.As(err, &u) {
		return &UsageError{u.Text}
	}
	return err
}

// ConfigPath is the kmodtest.toml that was read, empty if the project has none.
func (s *Session) ConfigPath() string { return s.s.Config.Path }

// Dir is the project's directory: that of its kmodtest.toml, or the session's.
func (s *Session) Dir() string {
	if s.s.Config.Dir != "" {
		return s.s.Config.Dir
	}
	return s.s.Dir
}

// Packages are the package patterns of the tests that kmodtest.toml names.
func (s *Session) Packages() []string { return s.s.Config.Tests.Packages }

// CheckKernel returns an error unless the kernel of the settings is one of the
// list or of the suites that it names, or a path.
func (s *Session) CheckKernel(ctx context.Context) error {
	_, err := s.s.FindSpec(ctx, "")
	return ended(ctx, err)
}

// GoCommand is the path of the go command.
func (s *Session) GoCommand() (string, error) { return s.s.Go() }

// CheckBinary returns an error unless the file at path can run in a guest.
func CheckBinary(path string) error { return run.CheckBinary(path) }

// Prepare gets the kernel of the settings, builds the modules for it and the
// guest's image, and finds the accelerator: all that is not cached yet. What
// another process handed over is taken as it is.
func (s *Session) Prepare(ctx context.Context) (*Prepared, error) {
	p, err := s.s.Prepare(ctx, "", false)
	if err != nil {
		return nil, outside(err)
	}
	return &Prepared{s.s, p}, nil
}

// HandOver prepares the kernel of the settings, boots it once if no snapshot is
// kept of such a guest, and writes to file what [Options.HandOver] of another
// process takes: so preparing costs none of that one's time.
func (s *Session) HandOver(ctx context.Context, file string) (*Prepared, error) {
	p, err := s.s.HandOver(ctx, file)
	if err != nil {
		return nil, outside(err)
	}
	return &Prepared{s.s, p}, nil
}
