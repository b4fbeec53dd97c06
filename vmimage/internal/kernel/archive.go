package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// withApt runs f with the private apt state of a suite, one user at a time.
func withApt(ctx context.Context, o Options, suite string, f func(a apt) error) error {
	dir, release, err := o.Store.Mutable(ctx, kindApt, suite)
	if err != nil {
		return fmt.Errorf("use apt state of %s: %w", suite, err)
	}
	defer release()
	a := apt{dir: dir, options: o.aptOptions}
	if err := a.open(); err != nil {
		return err
	}
	if err := f(a); err != nil {
		a.abandon()
		return err
	}
	return nil
}

// archiveBase returns the address that serves suite: the user's choice, or the
// host's.
func archiveBase(ctx context.Context, o Options, a apt, suite string) (string, error) {
	m := mirrors{main: o.Mirror, security: o.SecurityMirror}
	if m.base(suite) == "" {
		host, err := hostMirrors(ctx, a)
		if err != nil {
			return "", err
		}
		m = host
	}
	base := strings.TrimSuffix(m.base(suite), "/")
	if base == "" {
		option := "mirror"
		if strings.HasSuffix(suite, "-security") {
			option = "security mirror"
		}
		return "", fmt.Errorf("find the archive of %s: this machine's apt sources name none: install the package python-apt-common, "+
			"which knows Debian's, or set the option %s", suite, option)
	}
	return base, nil
}

// refresh fetches the index of a suite.
func refresh(ctx context.Context, o Options, a apt, suite string) error {
	base, err := archiveBase(ctx, o, a, suite)
	if err != nil {
		return err
	}
	o.progress(Progress{Stage: "index", Object: suite})
	if err := a.update(ctx, o.keyring(), []source{{base, suite}}); err != nil {
		return explainUpdate(ctx, suite, o.keyring(), err)
	}
	return nil
}

// readIndex returns the packages of a suite that keep accepts.
func readIndex(ctx context.Context, o Options, suite string, update bool, keep func(string) bool) (idx index, err error) {
	err = withApt(ctx, o, suite, func(a apt) error {
		if update {
			if err := refresh(ctx, o, a, suite); err != nil {
				return err
			}
		}
		texts, err := a.packages(ctx)
		if err != nil {
			return err
		}
		if len(texts) != 1 {
			return fmt.Errorf("read index of %s: %d package indexes, want one", suite, len(texts))
		}
		idx, err = parseIndex(texts[0], suite, keep)
		return err
	})
	return idx, err
}

// SignatureError tells that an index is not signed by the archive.
type SignatureError struct {
	Suite   string
	Keyring string
	Err     error
}

func (e *SignatureError) Error() string {
	why := "its signature is bad"
	if ce, ok := asCommandError(e.Err); ok {
		switch {
		// In the words of gpgv, and of sqv, which apt 3 has instead.
		case strings.Contains(ce.Output, "BADSIG"), strings.Contains(ce.Output, "Message has been manipulated"):
		case strings.Contains(ce.Output, "NO_PUBKEY"), strings.Contains(ce.Output, "public key is not available"),
			strings.Contains(ce.Output, "Missing key"):
			why = "it is signed by a key that is not in " + e.Keyring
		case strings.Contains(ce.Output, "EXPKEYSIG"), strings.Contains(ce.Output, "KEYEXPIRED"):
			why = "the key that signed it has expired in " + e.Keyring
		case strings.Contains(ce.Output, "is not signed"), strings.Contains(ce.Output, "NODATA"):
			why = "it is not signed"
		}
	}
	return fmt.Sprintf("verify index of %s: %s; nothing of it is used: %v", e.Suite, why, e.Err)
}

func (e *SignatureError) Unwrap() error { return e.Err }

// explainUpdate sorts apt's failures.
func explainUpdate(ctx context.Context, suite, keyring string, err error) error {
	ce, ok := asCommandError(err)
	if !ok || ctx.Err() != nil {
		return fmt.Errorf("fetch index of %s: %w", suite, err)
	}
	has := func(texts ...string) bool {
		for _, t := range texts {
			if strings.Contains(ce.Output, t) {
				return true
			}
		}
		return false
	}
	switch {
	case has("NO_PUBKEY", "BADSIG", "EXPKEYSIG", "KEYEXPIRED", "NODATA", "invalid signature", "is not signed",
		"public key is not available", "Missing key", "GPG error", "OpenPGP signature verification failed"):
		return &SignatureError{Suite: suite, Keyring: keyring, Err: err}
	// Apt may go on to say that there is no Release file.
	case has("Temporary failure resolving", "Could not resolve", "Could not connect", "Cannot initiate the connection",
		"Network is unreachable", "Connection timed out", "connection timed out", "Connection refused"):
		return fmt.Errorf("fetch index of %s: the archive cannot be reached; what was cached before works without it: %w", suite, err)
	case has("does not have a Release file", "404 "):
		return fmt.Errorf("fetch index of %s: the archive has no such suite, or no index for it: %w", suite, err)
	}
	return fmt.Errorf("fetch index of %s: %w", suite, err)
}

// GoneError tells that the archive has no longer a package that the cached
// answer or the lock names.
type GoneError struct {
	Package string
	Locked  bool
	Err     error
}

func (e *GoneError) Error() string {
	msg := fmt.Sprintf("fetch package %s: the archive has dropped it", e.Package)
	if e.Locked {
		msg += "; write the lock again with `kmodtest lock`, or set a mirror that keeps old packages"
	}
	return fmt.Sprintf("%s: %v", msg, e.Err)
}

func (e *GoneError) Unwrap() error { return e.Err }

// unpack fetches packages, verifies them and unpacks them into dir. A package
// that is already there from an interrupted run is not fetched again.
func unpack(ctx context.Context, o Options, suite string, pkgs []Package, dir string) error {
	if o.Offline {
		return fmt.Errorf("fetch %s: it is not cached, and the network is not to be used", pkgs[0])
	}
	return withApt(ctx, o, suite, func(a apt) error {
		debs := filepath.Join(a.dir, "debs")
		if err := os.MkdirAll(debs, 0o755); err != nil {
			return err
		}
		err := download(ctx, o, a, pkgs, debs)
		if gone := new(GoneError); errors.As(err, &gone) {
			// Apt's index may be missing (a lock file on a new machine) or
			// older than the answer that named the packages.
			if err = refresh(ctx, o, a, suite); err == nil {
				err = download(ctx, o, a, pkgs, debs)
			}
		}
		if err != nil {
			return err
		}
		for _, p := range pkgs {
			o.progress(Progress{Stage: "unpack", Object: p.Name})
			if _, err := (Command{Args: []string{"dpkg-deb", "-x", filepath.Join(debs, debName(p)), dir}}).Run(ctx); err != nil {
				return fmt.Errorf("unpack %s: %w", p, err)
			}
		}
		// They are no longer needed: the entry is verified by its manifest,
		// and a damaged one is fetched again.
		for _, p := range pkgs {
			if err := os.Remove(filepath.Join(debs, debName(p))); err != nil {
				return err
			}
		}
		return nil
	})
}
