package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// debName is the file that apt-get download writes.
func debName(p Package) string {
	return fmt.Sprintf("%s_%s_%s.deb", p.Name, strings.ReplaceAll(p.Version, ":", "%3a"), p.Arch)
}

// download brings packages into debs. Apt verifies them against its index;
// the digest is checked here once more, against the answer that is recorded
// and locked, which may be older than apt's index.
func download(ctx context.Context, o Options, a apt, pkgs []Package, debs string) error {
	missing, err := missingDebs(pkgs, debs)
	if err != nil || len(missing) == 0 {
		return err
	}
	args := []string{"apt-get", "download"}
	for _, p := range missing {
		args = append(args, p.Name+":"+aptArch(p.Arch)+"="+p.Version)
		o.progress(Progress{Stage: "fetch", Object: p.String(), Total: p.Size})
	}
	stop := watch(o.Fetching, missing, debs)
	_, err = a.run(ctx, debs, args...)
	stop()
	if err != nil {
		return explainDownload(missing, o.Locked != nil, err)
	}
	for _, p := range missing {
		if err := verifyDeb(p, debs); err != nil {
			os.Remove(filepath.Join(debs, debName(p)))
			return err
		}
		o.progress(Progress{Stage: "fetch", Object: p.String(), Bytes: p.Size, Total: p.Size})
	}
	return nil
}

// missingDebs returns what debs lacks. A file that does not verify is removed:
// it was torn off, which apt-get download does not resume, or belongs to
// another build of the same name.
func missingDebs(pkgs []Package, debs string) ([]Package, error) {
	var missing []Package
	for _, p := range pkgs {
		if verifyDeb(p, debs) == nil {
			continue
		}
		if err := os.Remove(filepath.Join(debs, debName(p))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("remove bad package: %w", err)
		}
		missing = append(missing, p)
	}
	return missing, nil
}

// watch tells how much of pkgs has arrived, until stop is called. Apt tells
// only when a package is complete, which can take minutes.
func watch(tell func(done, total int64), pkgs []Package, debs string) (stop func()) {
	if tell == nil {
		return func() {}
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			var done, total int64
			for _, p := range pkgs {
				total += p.Size
				if st, err := os.Stat(filepath.Join(debs, debName(p))); err == nil {
					done += min(st.Size(), p.Size)
				}
			}
			tell(done, total)
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-gone
	}
}

// aptArch is how apt names the architecture on its command line: packages for
// all architectures belong to the native one.
func aptArch(arch string) string {
	if arch == "all" {
		return "amd64"
	}
	return arch
}

// DigestError tells that a package is not the one that the index describes.
type DigestError struct {
	Package   Package
	Have      string
	HaveBytes int64
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("verify package %s: wrong digest: its sha256 is %.16s… (%d bytes), the index says %.16s… (%d bytes)",
		e.Package, e.Have, e.HaveBytes, e.Package.SHA256, e.Package.Size)
}

func verifyDeb(p Package, debs string) error {
	f, err := os.Open(filepath.Join(debs, debName(p)))
	if err != nil {
		return fmt.Errorf("open package %s: %w", p, err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return fmt.Errorf("read package %s: %w", p, err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != p.SHA256 || n != p.Size {
		return &DigestError{p, sum, n}
	}
	return nil
}

// explainDownload names the package that apt complains of.
func explainDownload(pkgs []Package, locked bool, err error) error {
	ce, ok := asCommandError(err)
	if !ok {
		return fmt.Errorf("fetch packages: %w", err)
	}
	name := pkgs[0].String()
	for _, p := range slices.Backward(pkgs) {
		for line := range strings.Lines(ce.Output) {
			if (strings.HasPrefix(line, "E:") || strings.HasPrefix(line, "Err:")) && strings.Contains(line, p.Name) {
				name = p.String()
			}
		}
	}
	switch out := ce.Output; {
	case strings.Contains(out, "Hash Sum mismatch"), strings.Contains(out, "unexpected size"):
		return fmt.Errorf("verify package %s: wrong digest: %w", name, err)
	case strings.Contains(out, "404 "), strings.Contains(out, "was not found"),
		strings.Contains(out, "Unable to locate package"), strings.Contains(out, "File not found"):
		return &GoneError{Package: name, Locked: locked, Err: err}
	}
	return fmt.Errorf("fetch package %s: %w", name, err)
}
