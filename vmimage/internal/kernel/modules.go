package kernel

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// moduleSuffixes are how distributions store modules.
var moduleSuffixes = []string{".ko", ".ko.xz", ".ko.zst", ".ko.gz"}

// ResolveModules returns the files of in-tree modules with everything that
// they depend on, in the order in which they have to be loaded. Names are
// those of lsmod or modinfo; what is built into the kernel is left out. The
// files may be compressed, see [ReadModule].
//
// It reads the modules themselves: modules.dep is made when a package is
// installed, and these packages never are.
func (k Kernel) ResolveModules(names ...string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	files, err := k.moduleFiles()
	if err != nil {
		return nil, fmt.Errorf("resolve modules of %s: %w", k.Release, err)
	}
	builtin, err := k.builtinModules()
	if err != nil {
		return nil, fmt.Errorf("resolve modules of %s: %w", k.Release, err)
	}
	var order []string
	seen := map[string]bool{}
	var visit func(name, by string) error
	visit = func(name, by string) error {
		name = moduleName(name)
		if seen[name] || builtin[name] {
			return nil
		}
		seen[name] = true
		path, ok := files[name]
		if !ok {
			return &NoModuleError{Module: name, By: by, Release: k.Release, Flavour: k.Flavour, Profile: k.Profile}
		}
		data, err := ReadModule(path)
		if err != nil {
			return err
		}
		info, err := Modinfo(data)
		if err != nil {
			return fmt.Errorf("read module %s: %w", path, err)
		}
		for _, list := range info["depends"] {
			for dep := range strings.SplitSeq(list, ",") {
				if dep == "" {
					continue
				}
				if err := visit(dep, name); err != nil {
					return err
				}
			}
		}
		order = append(order, path)
		return nil
	}
	for _, name := range names {
		if err := visit(name, ""); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// ModuleNames returns the names of all in-tree modules, sorted.
func (k Kernel) ModuleNames() ([]string, error) {
	files, err := k.moduleFiles()
	if err != nil {
		return nil, fmt.Errorf("list modules of %s: %w", k.Release, err)
	}
	return slices.Sorted(maps.Keys(files)), nil
}

// NoModuleError tells that a kernel has no such in-tree module.
type NoModuleError struct {
	Module string
	// By is the module that depends on it, if it was not asked for itself.
	By                        string
	Release, Flavour, Profile string
	// Others are the releases of kernels that are known to have it; see WhoHas.
	Others []string
}

func (e *NoModuleError) Error() string {
	msg := fmt.Sprintf("resolve module %s: kernel %s has no such module", e.Module, e.Release)
	if e.By != "" {
		msg += ", which " + e.By + " depends on"
	}
	switch {
	case e.Profile != "":
		msg += "; name its option among config of the [[kernel]] in kmodtest.toml"
	case len(e.Others) > 0:
		msg += "; in " + strings.Join(e.Others, ", ") + " there is one"
	case e.Flavour == "cloud":
		msg += "; the flavour generic has more"
	}
	return msg
}

// moduleName makes a module's name of a file or of the name as people write
// it: the kernel turns dashes into underscores.
func moduleName(path string) string {
	name := filepath.Base(path)
	for _, suffix := range moduleSuffixes {
		name = strings.TrimSuffix(name, suffix)
	}
	return strings.ReplaceAll(name, "-", "_")
}

// moduleFiles maps names to files. A built tree holds many other files, so
// its list of modules is preferred to a walk.
func (k Kernel) moduleFiles() (map[string]string, error) {
	files := map[string]string{}
	if k.Modules == "" {
		return files, nil
	}
	list, err := moduleList(filepath.Join(k.Modules, "modules.order"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, rel := range list {
		base := strings.TrimSuffix(filepath.Join(k.Modules, rel), filepath.Ext(rel))
		for _, suffix := range moduleSuffixes {
			if exists(base + suffix) {
				files[moduleName(rel[:len(rel)-len(filepath.Ext(rel))])] = base + suffix
				break
			}
		}
	}
	if len(files) > 0 {
		return files, nil
	}
	err = filepath.WalkDir(k.Modules, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		for _, suffix := range moduleSuffixes {
			if strings.HasSuffix(path, suffix) {
				files[moduleName(path)] = path
			}
		}
		return nil
	})
	return files, err
}

func (k Kernel) builtinModules() (map[string]bool, error) {
	builtin := map[string]bool{}
	if k.Modules == "" {
		return builtin, nil
	}
	list, err := moduleList(filepath.Join(k.Modules, "modules.builtin"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, path := range list {
		builtin[moduleName(path)] = true
	}
	return builtin, nil
}

// moduleList reads modules.order or modules.builtin.
func moduleList(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []string
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		if line := strings.TrimSpace(sc.Text()); line != "" {
			list = append(list, line)
		}
	}
	return list, sc.Err()
}

// ReadModule returns the content of a module file, decompressed. It needs no
// tool of the host.
func ReadModule(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	var r io.Reader
	switch filepath.Ext(path) {
	case ".xz":
		r, err = xz.NewReader(bytes.NewReader(data))
	case ".zst":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(bytes.NewReader(data)); err == nil {
			defer z.Close()
			r = z
		}
	case ".gz":
		r, err = gzip.NewReader(bytes.NewReader(data))
	default:
		return data, nil
	}
	if err == nil {
		data, err = io.ReadAll(r)
	}
	if err != nil {
		return nil, fmt.Errorf("decompress module %s: %w", path, err)
	}
	return data, nil
}

// Modinfo returns the fields of a module's .modinfo section, as modinfo(8)
// prints them. A field may occur many times.
func Modinfo(module []byte) (map[string][]string, error) {
	f, err := elf.NewFile(bytes.NewReader(module))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if f.Type != elf.ET_REL || section == nil {
		return nil, errors.New("not a kernel module")
	}
	text, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("read .modinfo: %w", err)
	}
	info := map[string][]string{}
	for kv := range strings.SplitSeq(string(text), "\x00") {
		if key, value, ok := strings.Cut(kv, "="); ok {
			info[key] = append(info[key], value)
		}
	}
	return info, nil
}
