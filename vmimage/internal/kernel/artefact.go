package kernel

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// artefact is what a file with a compiled kernel begins with.
type artefact struct {
	Version int `json:"version"`
	// Key is that of the store's entry: source, options and compiler.
	Key string `json:"key"`
	// Resolved is what the kernel was compiled of.
	Resolved Resolved `json:"resolved"`
}

const (
	artefactVersion = 1
	artefactName    = "kernel.json"
	artefactFiles   = "files/"
)

// Save writes the kernel of a profile that spec names to w, for [Load] on another
// machine: compressed, with what it was compiled of. What the store lacks is
// compiled first.
func Save(ctx context.Context, o Options, spec Spec, w io.Writer) error {
	if spec.Profile == "" {
		return fmt.Errorf("save kernel %s: only one that is compiled here is worth it, %s-debug: others are fetched", spec, spec.Series)
	}
	o.Update = false
	if _, err := Get(ctx, o, spec); err != nil {
		return err
	}
	if err := save(ctx, o, spec, w); err != nil {
		return fmt.Errorf("save kernel %s: %w", spec, err)
	}
	return nil
}

func save(ctx context.Context, o Options, spec Spec, w io.Writer) error {
	r, err := resolve(ctx, o, spec, false)
	if err != nil {
		return err
	}
	key, _, _, err := keyOf(ctx, o, spec, r)
	if err != nil {
		return err
	}
	e, err := o.Store.Lookup(ctx, kindKernel, key)
	if err != nil {
		return err
	}
	z, err := zstd.NewWriter(w)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	head, err := json.Marshal(artefact{artefactVersion, key, r})
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: artefactName, Mode: 0o644, Size: int64(len(head))}); err != nil {
		return err
	}
	if _, err := t.Write(head); err != nil {
		return err
	}
	if err := saveTree(ctx, t, e.Dir); err != nil {
		return err
	}
	return errors.Join(t.Close(), z.Close())
}

func saveTree(ctx context.Context, t *tar.Writer, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		target := ""
		if st.Mode()&fs.ModeSymlink != 0 {
			if target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(st, target)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		h.Name = artefactFiles + filepath.ToSlash(rel)
		h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
		if err := t.WriteHeader(h); err != nil || !st.Mode().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(t, f)
		return err
	})
}

// entryName is how keys look: nothing that leads anywhere.
var entryName = regexp.MustCompile(`^[0-9][A-Za-z0-9.+~-]*$`)

// Load puts a kernel that [Save] wrote into the store, unless it is there, and returns
// its name. It is used where it would be compiled from the same source, with the same
// options, by the same compiler. Who made it has to be trusted: nobody signed it.
func Load(ctx context.Context, o Options, r io.Reader) (name string, err error) {
	a, err := load(ctx, o, r)
	if err != nil {
		return "", fmt.Errorf("load kernel: %w", err)
	}
	spec := Spec{Series: a.Resolved.Series, Suite: a.Resolved.Suite, Profile: a.Resolved.Profile}
	// Without an answer of its own the store takes the one that came along.
	state := resolvedName(spec)
	if _, ok := readResolved(o, state); !ok {
		data, err := a.Resolved.encode()
		if err != nil {
			return "", err
		}
		if err := o.Store.WriteState(state, data); err != nil {
			return "", err
		}
	}
	return spec.String(), nil
}

func load(ctx context.Context, o Options, r io.Reader) (artefact, error) {
	var a artefact
	z, err := zstd.NewReader(r)
	if err != nil {
		return a, err
	}
	defer z.Close()
	t := tar.NewReader(z)
	h, err := t.Next()
	if err != nil {
		return a, fmt.Errorf("it is no file of kmodtest kernels -save: %w", err)
	}
	if err := json.NewDecoder(t).Decode(&a); h.Name != artefactName || err != nil {
		return a, fmt.Errorf("it is no file of kmodtest kernels -save: it begins with %s: %w", h.Name, err)
	}
	switch {
	case a.Version != artefactVersion:
		return a, fmt.Errorf("its version is %d, this kmodtest reads %d", a.Version, artefactVersion)
	case !a.Resolved.isCompiled() || !entryName.MatchString(a.Key) || !strings.HasPrefix(a.Key, a.Resolved.Release+"-"):
		return a, fmt.Errorf("it does not say what it was compiled of")
	}
	_, err = o.Store.Get(ctx, kindKernel, a.Key, func(ctx context.Context, dir string) error {
		return loadTree(ctx, t, dir)
	})
	return a, err
}

// loadTree unpacks files below dir and nowhere else: they come from elsewhere.
func loadTree(ctx context.Context, t *tar.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(h.Name, artefactFiles)
		if !ok {
			return fmt.Errorf("it holds %s, which is no file of a kernel", h.Name)
		}
		name = filepath.Clean(filepath.FromSlash(name))
		if err := loadFile(root, t, h, name); err != nil {
			return err
		}
	}
}

func loadFile(root *os.Root, t *tar.Reader, h *tar.Header, name string) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
	default:
		return fmt.Errorf("it holds %s, which is neither file nor link", h.Name)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(h.Mode).Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, t); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return root.Chtimes(name, h.ModTime, h.ModTime) // kbuild compares times
}
