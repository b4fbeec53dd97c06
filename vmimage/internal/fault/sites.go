package fault

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// Site is a call that can fail.
type Site struct {
	// Module is the module, Call the function of the kernel that is called.
	Module, Call string
	// Func is the function of the module that calls, File and Line the line of C,
	// relative to the tree; empty without debug information.
	Func, File string
	Line       int
	// Offset is that of the call in Func.
	Offset uint64
	// Fails is how the call fails, Required that a module cannot do without it.
	Fails    Convention
	Required bool
}

// Where is the line of C, or else the place in the function.
func (s Site) Where() string {
	if s.File != "" {
		return fmt.Sprintf("%s:%d", s.File, s.Line)
	}
	return fmt.Sprintf("%s+%#x", s.Func, s.Offset)
}

// at is a relocation that calls a function of the kernel.
type at struct {
	section int
	rela    graft.Rela
	site    Site
}

// calls finds the calls of a module that can fail, in the order of the file.
func calls(o *graft.Object, protos map[string]proto) ([]at, error) {
	var all []at
	err := o.Relas(func(s *elf.Section) bool { return s.Flags&elf.SHF_EXECINSTR != 0 }, func(section int, r graft.Rela) error {
		sym, ok := o.Symbol(r.Sym)
		if !ok || sym.Section != elf.SHN_UNDEF || r.Type != elf.R_X86_64_PLT32 && r.Type != elf.R_X86_64_PC32 || r.Addend != -4 || r.Offset == 0 {
			return nil
		}
		// A call, or a jump in its place at the end of a function.
		if op := o.Data[o.Sections[section].Offset+r.Offset-1]; op != 0xe8 && op != 0xe9 {
			return nil
		}
		e, ok := find(sym.Name)
		if !ok || !protos[sym.Name].agrees(e.fails) {
			return nil
		}
		s := Site{Call: sym.Name, Fails: e.fails, Required: e.required}
		s.Func, s.Offset = function(o, section, r.Offset)
		all = append(all, at{section, r, s})
		return nil
	})
	return all, err
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

// Sites finds the calls of a built module that can fail.
func Sites(m kbuild.Module) ([]Site, error) {
	data, err := os.ReadFile(m.Debug)
	if err != nil {
		return nil, err
	}
	o, err := graft.Open(data)
	if err != nil {
		return nil, err
	}
	all, err := calls(o, prototypes(o))
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
			s.line(frames)
		}
		sites = append(sites, s)
	}
	return sites, nil
}

// line takes the innermost line that is the module's own.
func (s *Site) line(frames []klog.Frame) {
	for _, f := range frames {
		if f.File != "" && !filepath.IsAbs(f.File) {
			s.File, s.Line, s.Func = f.File, f.Line, f.Func
			return
		}
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
