package guest

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

// A koFile is what a .ko file says about the module that it becomes.
type koFile struct {
	// aliases are the MODULE_ALIAS names, such as rtnl-link-vnet.
	aliases []string
	// text are the sections with code, functions sorted by offset.
	text []koSection
	// calls are those of functions of the kernel.
	calls []koCall
}

// A koSection is one executable section.
type koSection struct {
	name  string
	size  uint64
	funcs []koFunc
}

// A koFunc is one function in a section.
type koFunc struct {
	name      string
	off, size uint64
}

// koFiles remembers what was read: a test package loads the same module again
// and again, and its debug information makes it large.
var koFiles sync.Map // from koKey to *koFile

type koKey struct {
	path    string
	size    int64
	changed time.Time
}

func readKo(path string) (*koFile, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read module file: %w", err)
	}
	key := koKey{path, fi.Size(), fi.ModTime()}
	if ko, ok := koFiles.Load(key); ok {
		return ko.(*koFile), nil
	}
	ko, err := parseKo(path)
	if err == nil {
		koFiles.Store(key, ko)
	}
	return ko, err
}

func parseKo(path string) (*koFile, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read module file: %w", err)
	}
	defer f.Close()
	ko := &koFile{}
	if s := f.Section(".modinfo"); s != nil {
		data, err := s.Data()
		if err != nil {
			return nil, fmt.Errorf("read .modinfo of %s: %w", path, err)
		}
		ko.aliases = parseModinfo(data, "alias")
	}
	syms, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read symbols of %s: %w", path, err)
	}
	for i, s := range f.Sections {
		if s.Flags&elf.SHF_EXECINSTR == 0 || s.Size == 0 {
			continue
		}
		sec := koSection{name: s.Name, size: s.Size}
		for _, sym := range syms {
			if int(sym.Section) == i && elf.ST_TYPE(sym.Info) == elf.STT_FUNC {
				sec.funcs = append(sec.funcs, koFunc{sym.Name, sym.Value, sym.Size})
			}
		}
		// init_module is another name of the function that the source calls
		// otherwise: symbol takes the last of several.
		sort.Slice(sec.funcs, func(a, b int) bool {
			fa, fb := sec.funcs[a], sec.funcs[b]
			return fa.off < fb.off || fa.off == fb.off && isAlias(fa.name) && !isAlias(fb.name)
		})
		ko.text = append(ko.text, sec)
	}
	if ko.calls, err = readCalls(f, syms, ko.text); err != nil {
		return nil, fmt.Errorf("read calls of %s: %w", path, err)
	}
	return ko, nil
}

// isAlias tells whether a symbol is what module_init or module_exit made
// (include/linux/module.h).
func isAlias(name string) bool { return name == "init_module" || name == "cleanup_module" }

// parseModinfo returns the values of key in a .modinfo section, which is a
// sequence of NUL-terminated "key=value" (the kernel's
// include/linux/moduleparam.h, __MODULE_INFO).
func parseModinfo(data []byte, key string) []string {
	var values []string
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		if v, ok := strings.CutPrefix(string(entry), key+"="); ok {
			values = append(values, v)
		}
	}
	return values
}

// linkKinds returns the rtnl link kinds that the module offers for automatic
// loading. The kernel has no list of registered kinds, so it has to be asked
// about each by name.
func (k *koFile) linkKinds() []string {
	var kinds []string
	for _, alias := range k.aliases {
		if kind, ok := strings.CutPrefix(alias, "rtnl-link-"); ok {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// symbol names the place in the section as the kernel does: func+0x1c/0x90.
func (s *koSection) symbol(off uint64) string {
	i := sort.Search(len(s.funcs), func(i int) bool { return s.funcs[i].off > off }) - 1
	if i < 0 {
		return fmt.Sprintf("%s+%#x/%#x", s.name, off, s.size)
	}
	f := s.funcs[i]
	return fmt.Sprintf("%s+%#x/%#x", f.name, off-f.off, f.size)
}
