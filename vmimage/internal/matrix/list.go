package matrix

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// listed is a kernel as a workflow's matrix names it.
type listed struct {
	Kernel string `json:"kernel"`
	Suite  string `json:"suite"`
	// Flavour is the profile of a kernel that has one.
	Flavour string `json:"flavour"`
	// Cache is a key that changes when other packages have to be fetched.
	Cache string `json:"cache"`
}

// ListJSON prints kernels as GitHub's strategy.matrix takes them.
func ListJSON(w io.Writer, kernels []Kernel, lock *kernel.Lock) error {
	list := struct {
		Include []listed `json:"include"`
	}{[]listed{}}
	for _, k := range kernels {
		if k.Spec.Path != "" {
			return &session.UsageError{Text: fmt.Sprintf("kernel %s: another machine does not have it", k.Name)}
		}
		l := listed{Kernel: k.Name, Suite: k.Suite, Flavour: k.Spec.Flavour}
		if l.Flavour == "" {
			l.Flavour = cmp.Or(k.Spec.Profile, "cloud")
		}
		key, err := cacheKey(l, k.Spec.Options, lock)
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
func cacheKey(l listed, options string, lock *kernel.Lock) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, l.Kernel, l.Suite, l.Flavour)
	if options != "" {
		fmt.Fprintln(h, options)
	}
	if lock != nil {
		for _, r := range lock.Kernels {
			if r.Suite != l.Suite || cmp.Or(r.Profile, r.Flavour) != l.Flavour {
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
