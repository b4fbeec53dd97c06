package kernel

import (
	"cmp"
	"fmt"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// Options says where kernels come from and where they are kept. Only Store is
// needed.
type Options struct {
	// Store keeps everything that is fetched; see [OpenStore].
	Store *cache.Store
	// Mirror and SecurityMirror are the base addresses of the archive. Empty
	// takes them from the host's apt configuration.
	Mirror         string
	SecurityMirror string
	// Keyring holds the keys that may sign the archive. Empty is the keyring
	// of the package debian-archive-keyring.
	Keyring string
	// Offline forbids the network: what is not cached is an error.
	Offline bool
	// Update resolves in a fresh index even if an answer is cached. Without
	// it any answer is kept, so that warm runs need no network at all.
	Update bool
	// Locked, if not nil, pins every package. A kernel that it lacks is an
	// error.
	Locked *Lock
	// Progress, if not nil, is told what is being done.
	Progress func(Progress)
	// Fetching, if not nil, is told twice a second how much of the packages
	// that are being fetched has arrived, in bytes. It is called from another
	// goroutine than Progress.
	Fetching func(done, total int64)
	// Warn, if not nil, is told what is odd but no error.
	Warn func(message string)

	// aptOptions are added to apt's command line; tests reach their own
	// server past the host's proxies with them.
	aptOptions []string
}

// Progress is one step of fetching a kernel.
type Progress struct {
	// Stage is "index", "fetch", "unpack", "configure", "compile" or "install".
	Stage string
	// Object is what the step works on: a suite, a package, a kernel.
	Object string
	// Bytes is the size of a package that has just been fetched, else 0;
	// Total is its size already when it is begun.
	Bytes, Total int64
}

// OpenStore returns the store in dir, an absolute path.
func OpenStore(dir string, wait func(what string), warn func(message string)) *cache.Store {
	return &cache.Store{Dir: dir, OnWait: wait, OnWarn: warn}
}

const defaultKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// KeyringPath is the keyring in use.
func (o *Options) KeyringPath() string { return o.keyring() }

func (o *Options) keyring() string { return cmp.Or(o.Keyring, defaultKeyring) }

func (o *Options) progress(p Progress) {
	if o.Progress != nil {
		o.Progress(p)
	}
}

func (o *Options) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}
