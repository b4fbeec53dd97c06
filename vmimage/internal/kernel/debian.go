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
	"strings"
)

// The kinds of the store's entries.
const (
	kindKernel    = "kernel"    // image, in-tree modules, headers of the flavour
	kindHeaders   = "headers"   // what the flavours of one build share
	kindToolchain = "toolchain" // a compiler or other programs, and their libraries
	kindApt       = "apt"       // apt's private state, one for each suite
)

// getDebian resolves spec and puts the kernel together from two entries: the
// flavour's, and the headers that it shares with the other flavours.
func getDebian(ctx context.Context, o Options, spec Spec) (Kernel, error) {
	if spec.Series == "" || spec.Suite == "" {
		return Kernel{}, errors.New("series and suite are both needed")
	}
	r, err := resolve(ctx, o, spec, o.Update)
	if err != nil {
		return Kernel{}, err
	}
	k, err := assembleKernel(ctx, o, r)
	// The archive drops a build when the next one arrives: an answer that is
	// older than that names packages which are gone.
	var gone *GoneError
	if errors.As(err, &gone) && o.Locked == nil && !o.Offline {
		o.warn("package %s has left the archive; resolving %s anew", gone.Package, spec)
		if r, err = resolve(ctx, o, spec, true); err == nil {
			k, err = assembleKernel(ctx, o, r)
		}
	}
	return k, err
}

func assembleKernel(ctx context.Context, o Options, r Resolved) (Kernel, error) {
	shared, err := o.Store.Get(ctx, kindHeaders, r.headersKey(), func(ctx context.Context, dir string) error {
		if err := unpack(ctx, o, r.Suite, r.Headers, dir); err != nil {
			return err
		}
		return wrapKbuild(dir)
	})
	if err != nil {
		return Kernel{}, err
	}
	own, err := o.Store.Get(ctx, kindKernel, r.imageKey(), func(ctx context.Context, dir string) error {
		if err := unpack(ctx, o, r.Suite, r.Image, dir); err != nil {
			return err
		}
		return linkShared(dir, shared.Dir)
	})
	if err != nil {
		return Kernel{}, err
	}
	k, err := layout(own.Dir, r.Release)
	if err != nil {
		return Kernel{}, err
	}
	k.Series, k.Flavour = seriesOf(r.ABI), r.Flavour
	k.SourceDir = filepath.Join(shared.Dir, "usr/src/linux-headers-"+r.ABI+"-common")
	if _, err := os.Stat(filepath.Join(k.SourceDir, "Makefile")); err != nil {
		return Kernel{}, fmt.Errorf("find common headers: %w", err)
	}
	var tools []Package
	if k.Toolchain, tools, err = toolchain(ctx, o, r, k); err != nil {
		return Kernel{}, err
	}
	k.Digest = digestPackages(append(r.packages(), tools...))
	return k, nil
}

// linkShared links what the flavour's headers expect beside them. The links
// are relative, so that the store can be moved.
func linkShared(dir, shared string) error {
	libs, err := filepath.Glob(filepath.Join(shared, "usr/lib/linux-kbuild-*"))
	if err != nil || len(libs) != 1 {
		return fmt.Errorf("find kbuild of the headers: %d found", len(libs))
	}
	parent := filepath.Join(dir, "usr/lib")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	// While it is populated the entry lies at the same depth below the store
	// (.tmp/NAME/files) as later (kernel/KEY/files), so the link is stable.
	target, err := filepath.Rel(parent, libs[0])
	if err != nil {
		return err
	}
	return os.Symlink(target, filepath.Join(parent, filepath.Base(libs[0])))
}

// layout finds the parts of an unpacked kernel below root.
func layout(root, release string) (Kernel, error) {
	first := func(names ...string) string {
		for _, n := range names {
			// Links such as lib/modules/V/build are absolute: they lead to the
			// host's own files, if anywhere.
			path, err := filepath.EvalSymlinks(filepath.Join(root, n))
			if err == nil && strings.HasPrefix(path, strings.TrimSuffix(root, "/")+"/") {
				return path
			}
		}
		return ""
	}
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return Kernel{}, fmt.Errorf("find kernel: %w", err)
	}
	headers := "usr/src/linux-headers-" + release
	k := Kernel{
		Release: release,
		Image: first("boot/vmlinuz-"+release, "usr/lib/modules/"+release+"/vmlinuz",
			"lib/modules/"+release+"/vmlinuz", "boot/vmlinuz"),
		BuildDir: first(headers, "usr/src/kernels/"+release, "usr/lib/modules/"+release+"/build", "lib/modules/"+release+"/build"),
		Modules:  first("lib/modules/"+release, "usr/lib/modules/"+release),
		Symbols: first("boot/System.map-"+release, "usr/lib/modules/"+release+"/System.map",
			"lib/modules/"+release+"/System.map"),
	}
	k.Config = first("boot/config-"+release, headers+"/.config",
		"usr/lib/modules/"+release+"/config", "lib/modules/"+release+"/config")
	switch {
	case k.Image == "":
		return k, fmt.Errorf("find the image of %s: no boot/vmlinuz-%s in %s", release, release, root)
	case k.BuildDir == "":
		return k, fmt.Errorf("find the headers of %s: no %s in %s", release, headers, root)
	case k.Config == "":
		return k, fmt.Errorf("find the configuration of %s: no boot/config-%s in %s", release, release, root)
	}
	k.SourceDir = k.BuildDir
	return k, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// entryKey names an entry after its content; the name in front is for people.
func entryKey(name string, pkgs []Package) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("/:", r) {
			return '-'
		}
		return r
	}, name)
	return name + "-" + digestPackages(pkgs)[:16]
}

func digestPackages(pkgs []Package) string {
	sums := make([]string, len(pkgs))
	for i, p := range pkgs {
		sums[i] = p.SHA256
	}
	return digestStrings(sums...)
}

func digestStrings(parts ...string) string {
	h := sha256.New()
	// Entries of another layout must not be taken for these.
	io.WriteString(h, layoutVersion+"\n")
	for _, p := range parts {
		fmt.Fprintln(h, p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// layoutVersion changes when this package unpacks the same packages into
// other files.
const layoutVersion = "2"
