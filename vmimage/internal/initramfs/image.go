package initramfs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/u-root/mkuimage/cpio"

	"github.com/kmodtest/kmodtest/internal/goenv"
	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// Options says what to build an image from.
type Options struct {
	// Store keeps images and their parts.
	Store *cache.Store
	// SourceDir is the root of kmodtest's own module, or of the part that
	// the guest's programs are made of: the u-root commands resolve through its
	// go.mod, and the guest's init is built there.
	SourceDir string
	// Go is the go command.
	Go string
	// Shell adds the u-root commands, and a shell. Tests do without: unpacking
	// them costs a tenth of a boot.
	Shell bool
	// Init is the package of the guest's init, a folder of SourceDir; empty is
	// cmd/guestinit. Benchmarks compare with one that does nothing.
	Init string
	// Progress, if not nil, is told of every part that has to be built.
	Progress func(what string)
}

// Image is a built image.
type Image struct {
	// Path is the file.
	Path string
	// Digest identifies its content.
	Digest string
}

// Build returns the image, and builds what the store lacks of it.
func Build(ctx context.Context, o Options) (Image, error) {
	env, err := goenv.Own(ctx, o.Go, o.SourceDir, os.Environ())
	if err != nil {
		return Image{}, fmt.Errorf("build image: %w", err)
	}
	var base cache.Entry
	if o.Shell {
		if base, err = o.base(ctx, env); err != nil {
			return Image{}, fmt.Errorf("build u-root image: %w", err)
		}
	}
	init, err := o.init(ctx, env)
	if err != nil {
		return Image{}, fmt.Errorf("build guest init: %w", err)
	}
	key := digest("image", base.Key, init.Key)
	parts := []string{filepath.Join(init.Dir, cpioName)}
	if o.Shell {
		parts = append(parts, filepath.Join(base.Dir, cpioName))
	}
	e, err := o.Store.Get(ctx, "image", key, func(_ context.Context, dir string) error {
		return concat(filepath.Join(dir, "initramfs.cpio"), parts...)
	})
	if err != nil {
		return Image{}, fmt.Errorf("build image: %w", err)
	}
	return Image{Path: filepath.Join(e.Dir, "initramfs.cpio"), Digest: key}, nil
}

const cpioName = "part.cpio"

// initPackages are the packages of this module that the guest's init is made
// of.
func (o Options) initPackages() []string {
	return []string{cmp.Or(o.Init, "cmd/guestinit"), "cmd/guestrequest", "internal/guestenv", "internal/modarchive", "internal/sysmon", "internal/wire"}
}

// init returns the archive with /init.
func (o Options) init(ctx context.Context, env goenv.Env) (cache.Entry, error) {
	packages := o.initPackages()
	sum, err := sourceDigest(o.SourceDir, packages)
	if err != nil {
		return cache.Entry{}, err
	}
	return o.Store.Get(ctx, "init", digest("init 4", packages[0], env.ID(), sum), func(ctx context.Context, dir string) error {
		o.progress("guest init")
		bin := filepath.Join(dir, "init")
		if err := o.compile(ctx, env, packages[0], "-s -w", bin); err != nil {
			return err
		}
		request := filepath.Join(dir, "request")
		if err := o.compile(ctx, env, "cmd/guestrequest", wire.RequestFlags, request); err != nil {
			return err
		}
		b, err := takeFile(bin)
		if err != nil {
			return err
		}
		r, err := takeFile(request)
		if err != nil {
			return err
		}
		zones, err := o.zones(ctx, env)
		if err != nil {
			return err
		}
		return writeArchive(filepath.Join(dir, cpioName), []cpio.Record{
			cpio.Directory("dev", 0o755),
			// The kernel opens the console before anything is mounted.
			cpio.CharDev("dev/console", 0o600, 5, 1),
			cpio.StaticFile("init", string(b), 0o755),
			// Where every kernel looks for it (CONFIG_MODPROBE_PATH).
			cpio.Directory("sbin", 0o755),
			cpio.Symlink("sbin/modprobe", "/init"),
			cpio.Symlink("sbin/kmodtest-modprobe", "/init"), // what request-module becomes
			cpio.StaticFile("sbin/request-module", string(r), 0o755),
			cpio.Directory("usr", 0o755),
			cpio.Directory("usr/share", 0o755),
			cpio.StaticFile(zonesName, string(zones), 0o644),
		})
	})
}

// takeFile reads a file and removes it.
func takeFile(name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return b, os.Remove(name)
}

// compile builds the package of SourceDir, with the linker's flags, as the program bin.
func (o Options) compile(ctx context.Context, env goenv.Env, pkg, flags, bin string) error {
	cmd := exec.CommandContext(ctx, o.Go, "build", "-trimpath", "-ldflags="+flags, "-o", bin, "./"+pkg)
	cmd.Dir, cmd.Env = o.SourceDir, env.Environ
	return runGo(ctx, cmd)
}

// runGo runs the go command, or a program that runs it.
func runGo(ctx context.Context, cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// zonesName is the file with the time zones, which ZONEINFO of package time names.
const zonesName = "usr/share/zoneinfo.zip"

// zones are the time zones that come with Go.
func (o Options) zones(ctx context.Context, env goenv.Env) ([]byte, error) {
	cmd := exec.CommandContext(ctx, o.Go, "env", "GOROOT")
	cmd.Dir, cmd.Env = o.SourceDir, env.Environ
	root, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ask %s for its root: %w", o.Go, err)
	}
	return os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
}

// sourceDigest is the digest of the packages' sources and of the module's
// requirements.
func sourceDigest(root string, packages []string) (string, error) {
	sum, err := packagesDigest(root, packages...)
	if err != nil {
		return "", err
	}
	parts := []string{sum}
	for _, f := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(root, f))
		if err != nil {
			return "", err
		}
		parts = append(parts, string(b))
	}
	return digest(parts...), nil
}

// packagesDigest is the digest of the packages' sources.
func packagesDigest(root string, packages ...string) (string, error) {
	var files []string
	for _, p := range packages {
		names, err := filepath.Glob(filepath.Join(root, p, "*.go"))
		if err != nil {
			return "", err
		}
		assembly, err := filepath.Glob(filepath.Join(root, p, "*.s"))
		if err != nil {
			return "", err
		}
		if names = append(names, assembly...); len(names) == 0 {
			return "", fmt.Errorf("%s is not kmodtest's own source: no Go file in %s: %w", root, p, fs.ErrNotExist)
		}
		for _, n := range names {
			if !strings.HasSuffix(n, "_test.go") {
				files = append(files, filepath.Join(p, filepath.Base(n)))
			}
		}
	}
	slices.Sort(files)
	h := sha256.New()
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(root, f))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", f, len(b), b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func (o Options) progress(what string) {
	if o.Progress != nil {
		o.Progress(what)
	}
}

func writeArchive(name string, records []cpio.Record) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := cpio.Newc.Writer(f)
	if err = cpio.WriteRecords(w, records); err == nil {
		err = cpio.WriteTrailer(w)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// concat writes the files one after the other. The archives are padded: the
// kernel looks for the next one at a multiple of four bytes.
func concat(name string, parts ...string) error {
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, p := range parts {
		in, err := os.Open(p)
		if err != nil {
			return err
		}
		n, err := io.Copy(out, in)
		in.Close()
		if err != nil {
			return err
		}
		if _, err := out.Write(make([]byte, -n&3)); err != nil {
			return err
		}
	}
	return out.Close()
}
