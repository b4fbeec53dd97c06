package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
)

// lockFile is the name of the file that pins packages.
const lockFile = "kmodtest.lock"

// listed is a kernel as a workflow's matrix names it.
type listed struct {
	Kernel  string `json:"kernel"`
	Suite   string `json:"suite"`
	Flavour string `json:"flavour"`
	// Cache is a key that changes when other packages have to be fetched.
	Cache string `json:"cache"`
}

// listKernels prints kernels as GitHub's strategy.matrix takes them.
func listKernels(w io.Writer, c *config.Config, kernels []matrix.Kernel, lock *kernel.Lock) error {
	list := struct {
		Include []listed `json:"include"`
	}{[]listed{}}
	for _, k := range kernels {
		if k.Spec.Path != "" {
			return usageError("kernel %s: another machine does not have it", k.Name)
		}
		l := listed{Kernel: k.Name, Suite: k.Suite, Flavour: k.Spec.Flavour}
		if l.Flavour == "" {
			l.Flavour = "cloud"
		}
		key, err := cacheKey(l, lock)
		if err != nil {
			return err
		}
		l.Cache = key
		list.Include = append(list.Include, l)
	}
	b, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encode list of kernels: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// cacheKey is the digest of a kernel's locked packages; without a lock, of what
// is asked of the archive.
func cacheKey(l listed, lock *kernel.Lock) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, l.Kernel, l.Suite, l.Flavour)
	if lock != nil {
		for _, r := range lock.Kernels {
			if r.Suite != l.Suite || r.Flavour != l.Flavour {
				continue
			}
			b, err := json.Marshal(r)
			if err != nil {
				return "", fmt.Errorf("encode locked kernel: %w", err)
			}
			h.Write(b)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

var lockCommand = command{
	name:    "lock",
	summary: "pin the kernels of the list to exact packages",
	usage:   "[flags]",
	help: `lock resolves every kernel of kmodtest.toml in the archive as it is now, with the
compilers that build modules for it, and writes the packages' versions and digests
to ` + lockFile + ` beside kmodtest.toml. kmodtest matrix -locked takes these and no
others. The archive drops a build some time after the next one arrives: then lock
again.

Example:

	kmodtest lock && git diff kmodtest.lock
`,
	run: runLock,
}

func runLock(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.flags(fs)
	name := fs.String("lock", "", "`file` to write instead of "+lockFile+" beside the configuration")
	_, c, err := a.projectHere(fs, args)
	if err != nil {
		return err
	}
	if *name == "" {
		*name = filepath.Join(c.Dir, lockFile)
	}
	kernels, err := matrix.Choose(c, []string{"all"})
	if err != nil {
		return err
	}
	ko, err := a.kernelOptions()
	if err != nil {
		return err
	}
	var specs []kernel.Spec
	for _, k := range kernels {
		specs = append(specs, k.Spec)
	}
	lock, err := kernel.MakeLock(ctx, ko, specs)
	if err != nil {
		return err
	}
	b, err := lock.Encode()
	if err != nil {
		return err
	}
	if err := writeFile(*name, b); err != nil {
		return err
	}
	a.notice("%d kernels are locked in %s", len(lock.Kernels), c.Show(*name))
	return nil
}
