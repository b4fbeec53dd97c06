package calls

import (
	"cmp"
	"debug/elf"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/errno"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// Site is a call into the kernel.
type Site struct {
	// Module is the module, Call the function of the kernel that is called.
	Module, Call string
	// Func is the function of the module that calls, File and Line the line of C,
	// relative to the tree; empty without debug information.
	Func, File string
	Line       int
	// Offset is that of the call in Func.
	Offset uint64
	// Fails is how the call fails, empty if it cannot; Required that a module cannot
	// do without it.
	Fails    Convention
	Required bool
	// Errno is the name of what it fails with; empty is ENOMEM.
	Errno string `json:",omitempty"`
	// Takes is what the call takes from the kernel, Gives what it gives back, by kind;
	// see [Accounts].
	Takes string `json:",omitempty"`
	Gives string `json:",omitempty"`
	// Signature is how its arguments are printed; nil if they are not recorded.
	Signature *Signature `json:",omitempty"`
}

// Where is the line of C, or else the place in the function.
func (s Site) Where() string {
	if s.File != "" {
		return fmt.Sprintf("%s:%d", s.File, s.Line)
	}
	return fmt.Sprintf("%s+%#x", s.Func, s.Offset)
}

// Name is what is called, as people write it: clones of the profiled allocators
// (include/linux/alloc_tag.h) have names of their own.
func (s Site) Name() string { return strings.TrimSuffix(s.Call, "_noprof") }

// Error is the name of the error that it fails with, of one that carries an error.
func (s Site) Error() string { return cmp.Or(s.Errno, "ENOMEM") }

// value is what it returns when it fails.
func (s Site) value() uint64 {
	switch s.Fails {
	case Errno, ErrPtr:
		return -uint64(errno.Number(s.Error()))
	default:
		return 0
	}
}

// at is a relocation that calls a function of the kernel.
type at struct {
	section int
	rela    graft.Rela
	site    Site
}

// finder says which calls are wanted.
type finder struct {
	table *Table
	// all wants those that cannot fail, too.
	all bool
	// balance wants those that take from the kernel and give back.
	balance bool
	// known are the kernel's own functions.
	known map[string]Signature
}

// calls finds the calls of a module, in the order of the file.
func (f finder) calls(o *graft.Object) ([]at, error) {
	protos := prototypes(o)
	var all []at
	keep := func(s *elf.Section) bool {
		// What the kernel puts in the place of other code has rules of its own.
		return s.Flags&elf.SHF_EXECINSTR != 0 && s.Name != ".altinstr_replacement"
	}
	err := o.Relas(keep, func(section int, r graft.Rela) error {
		sym, ok := o.Symbol(r.Sym)
		if !ok || sym.Section != elf.SHN_UNDEF || r.Type != elf.R_X86_64_PLT32 && r.Type != elf.R_X86_64_PC32 || r.Addend != -4 || r.Offset == 0 {
			return nil
		}
		// A call, or a jump in its place at the end of a function.
		if op := o.Data[o.Sections[section].Offset+r.Offset-1]; op != 0xe8 && op != 0xe9 {
			return nil
		}
		s, wanted, err := f.site(sym.Name, cmp.Or(f.known[sym.Name].orNil(), protos[sym.Name].orNil()))
		if err != nil || !wanted {
			return err
		}
		s.Func, s.Offset = function(o, section, r.Offset)
		all = append(all, at{section, r, s})
		return nil
	})
	return all, err
}

// site says of a function how a call of it is had.
func (f finder) site(name string, p *Signature) (s Site, wanted bool, err error) {
	s.Call = name
	if p == nil {
		p = new(Signature)
	}
	e, own, canFail := f.table.find(name)
	switch {
	case !canFail:
	case p.agrees(e.fails):
		s.Fails, s.Required, s.Errno = e.fails, e.required, alone[s.Name()]
		if own != nil {
			s.Errno = own.errno
		}
	case own != nil:
		return s, false, fmt.Errorf("%s: fault: %s returns %s, say the headers of the kernel, which is not how %q fails", own.pos, name, p.returns(), e.fails)
	}
	if f.all && !uncounted(name) {
		s.Signature = p
	}
	if f.balance {
		s.Takes, s.Gives = kindOf(name)
	}
	return s, s.Fails != noFault || s.Signature != nil || s.Takes != "" || s.Gives != "", nil
}

// special are functions that are called by rules of their own, or are patched where
// they are called, or do no more than to compute.
var special = strings.Fields(`
	__x86_* __SCT__* __get_user_* __put_user_* __fentry__ mcount __stack_chk_fail __warn_thunk __ubsan_* __asan_* __kasan_* __kcsan_* __tsan_* __sanitizer_* __gcov_*
	__sw_hweight* *preempt_schedule* copy_user_* rep_* clear_page* copy_page clear_user_* copy_mc_* this_cpu_cmpxchg* cmpxchg8b_emu
	memcpy memset memmove memcmp memchr memscan __memcpy __memset __memmove memcpy_and_pad
	_find_* find_next_bit find_first_bit hweight_long
	strlen strnlen strcmp strncmp strcasecmp strncasecmp strcpy strncpy strlcpy strscpy* sized_strscpy strcat strncat strlcat strchr strrchr strnchr strstr strsep strspn strcspn
	` + klog.Planted + `*`)

func uncounted(function string) bool {
	return slices.ContainsFunc(special, func(pattern string) bool { ok, _ := path.Match(pattern, function); return ok })
}

// function is the function at a place.
func function(o *graft.Object, section int, offset uint64) (name string, off uint64) {
	for _, s := range o.Syms {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && int(s.Section) == section && offset-s.Value < s.Size {
			// Aliases such as init_module are of no use to people.
			if name == "" || s.Name != "init_module" && s.Name != "cleanup_module" {
				name, off = s.Name, offset-s.Value
			}
		}
	}
	return name, off
}

// sites finds the calls of a built module, with their lines.
func (f finder) sites(m kbuild.Module) ([]Site, error) {
	data, err := os.ReadFile(m.Debug)
	if err != nil {
		return nil, err
	}
	o, err := graft.Open(data)
	if err != nil {
		return nil, err
	}
	all, err := f.calls(o)
	if err != nil {
		return nil, err
	}
	syms, err := klog.OpenSymbolizer(m.Debug, m.SourceDir)
	if err != nil {
		return nil, err
	}
	var sites []Site
	for _, a := range all {
		s := a.site
		s.Module = m.Name
		// The return address lies behind the call.
		frames, err := syms.Frame(klog.Frame{Func: s.Func, Offset: s.Offset + 4, Size: size(o, s.Func), Module: m.Name})
		if err == nil {
			s.line(frames, m.SourceDir != "")
		}
		sites = append(sites, s)
	}
	return sites, nil
}

// line takes the innermost line that is the module's own. Of one that was built
// elsewhere nobody knows where its files were: its C files are no headers.
func (s *Site) line(frames []klog.Frame, isOwn bool) {
	for _, f := range frames {
		switch {
		case f.File == "" || isOwn && filepath.IsAbs(f.File) || !isOwn && filepath.Ext(f.File) != ".c":
			continue
		case !isOwn:
			f.File = filepath.Base(f.File)
		}
		s.File, s.Line, s.Func = f.File, f.Line, f.Func
		return
	}
}

func size(o *graft.Object, function string) uint64 {
	for _, s := range o.Syms {
		if s.Name == function && elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			return s.Size
		}
	}
	return 0
}
