package contract

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf/btf"
)

// layout is where a kernel keeps what is asked of its slab allocator, as its own
// type information says (Documentation/bpf/btf.rst): the fields move from release
// to release.
type layout struct {
	// Page is the size of struct page. Flags and Type tell whether it is a slab's:
	// until 6.10 by the bit PG_slab of the flags, since then by the highest byte of
	// the type (include/linux/page-flags.h).
	Page, Flags, Type uint64
	Bit               uint64
	TypeByte          uint64
	// SlabCache is where a slab names its cache, Objects where their number is.
	SlabCache, Objects       uint64
	ObjectsShift, ObjectsLen uint64
	// Size and the others are of struct kmem_cache.
	Size, ObjectSize, Inuse, FreePointer, RedLeft, Name uint64
	// ProcName is where a struct proc_dir_entry has its name.
	ProcName uint64
	// LastFunc is where a struct worker has the function that it ran last.
	LastFunc uint64
	// NodeActive is where a struct kernfs_node counts its users.
	NodeActive uint64
	// Thread is where a struct task_struct has its registers, Tags where a struct
	// xa_node has its bitmaps.
	Thread, Tags uint64
	// Inode is the size of a struct inode, Mode where it says what it is.
	Inode, Mode uint64
}

// kernelTypes are the types of a kernel.
type kernelTypes struct {
	spec *btf.Spec
	err  error
}

// structure returns a struct by its name, the first of several.
func (k *kernelTypes) structure(name string) *btf.Struct {
	all, err := k.spec.AnyTypesByName(name)
	if err != nil {
		k.err = errors.Join(k.err, fmt.Errorf("struct %s: %w", name, err))
		return nil
	}
	for _, t := range all {
		if s, ok := t.(*btf.Struct); ok {
			return s
		}
	}
	k.err = errors.Join(k.err, fmt.Errorf("no struct is called %s", name))
	return nil
}

// bits returns the place of a member in bits, also of one in a struct or union
// without a name.
func bits(members []btf.Member, name string, base btf.Bits) (at, size btf.Bits, ok bool) {
	for _, m := range members {
		if m.Name == name {
			return base + m.Offset, m.BitfieldSize, true
		}
		if m.Name != "" {
			continue
		}
		var inner []btf.Member
		switch t := btf.UnderlyingType(m.Type).(type) {
		case *btf.Struct:
			inner = t.Members
		case *btf.Union:
			inner = t.Members
		}
		if at, size, ok = bits(inner, name, base+m.Offset); ok {
			return at, size, true
		}
	}
	return 0, 0, false
}

// offset returns the place of a member in bytes.
func (k *kernelTypes) offset(s *btf.Struct, names ...string) uint64 {
	if s == nil {
		return 0
	}
	for _, name := range names {
		if at, _, ok := bits(s.Members, name, 0); ok {
			return uint64(at / 8)
		}
	}
	k.err = errors.Join(k.err, fmt.Errorf("struct %s has no member %s", s.Name, names[0]))
	return 0
}

// constant returns the value of an enumerator.
func (k *kernelTypes) constant(enum, name string) (uint64, bool) {
	all, err := k.spec.AnyTypesByName(enum)
	if err != nil {
		return 0, false
	}
	for _, t := range all {
		e, ok := t.(*btf.Enum)
		if !ok {
			continue
		}
		for _, v := range e.Values {
			if v.Name == name {
				return v.Value, true
			}
		}
	}
	return 0, false
}

// layoutOf remembers the layouts of kernels, by digest.
var layoutOf sync.Map

// learn finds out where the kernel keeps what.
func (s *Server) learn(l *look) error {
	if known, ok := layoutOf.Load(s.Kernel); ok && s.Kernel != "" {
		lay := known.(layout)
		s.layout = &lay
		return nil
	}
	from, ok1 := l.syms.find("__start_BTF")
	to, ok2 := l.syms.find("__stop_BTF")
	if !ok1 || !ok2 {
		return errors.New("the kernel has no information on its types: CONFIG_DEBUG_INFO_BTF is off")
	}
	const word = 8
	pieces, err := l.space.read(from&^(word-1), (to+word-1)&^(word-1), nil)
	if err != nil {
		return err
	}
	var raw []byte
	for _, p := range pieces {
		raw = append(raw, p.data...)
	}
	if uint64(len(raw)) < to-from {
		return errors.New("read the kernel's types: not all of them are in memory")
	}
	lay, err := parseLayout(raw[from&(word-1):][:to-from])
	if err != nil {
		return err
	}
	layoutOf.Store(s.Kernel, lay)
	s.layout = &lay
	return nil
}

// parseLayout reads the type information of a kernel.
func parseLayout(raw []byte) (layout, error) {
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		return layout{}, fmt.Errorf("read the kernel's types: %w", err)
	}
	k := &kernelTypes{spec: spec}
	var l layout
	page := k.structure("page")
	if page == nil {
		return l, fmt.Errorf("read the kernel's types: %w", k.err)
	}
	l.Page, l.Flags = uint64(page.Size), k.offset(page, "flags")
	if b, ok := k.constant("pagetype", "PGTY_slab"); ok {
		l.TypeByte, l.Type = b, k.offset(page, "page_type", "_mapcount")
	} else if b, ok := k.constant("pageflags", "PG_slab"); ok {
		l.Bit = 1 << b
	} else {
		return l, errors.New("read the kernel's types: nothing tells which pages are the slab allocator's")
	}
	slab := page // a struct of its own since 5.17
	if all, err := spec.AnyTypesByName("slab"); err == nil && len(all) > 0 {
		slab = k.structure("slab")
	}
	l.SlabCache = k.offset(slab, "slab_cache")
	if at, size, ok := bits(slab.Members, "objects", 0); ok && size > 0 {
		l.Objects, l.ObjectsShift, l.ObjectsLen = uint64(at/64*8), uint64(at%64), uint64(size)
	} else {
		k.err = errors.Join(k.err, fmt.Errorf("struct %s has no bits for its number of objects", slab.Name))
	}
	cache := k.structure("kmem_cache")
	l.Size, l.ObjectSize = k.offset(cache, "size"), k.offset(cache, "object_size")
	l.Inuse, l.FreePointer = k.offset(cache, "inuse"), k.offset(cache, "offset")
	l.RedLeft, l.Name = k.offset(cache, "red_left_pad"), k.offset(cache, "name")
	l.ProcName = k.offset(k.structure("proc_dir_entry"), "name")
	l.LastFunc = k.offset(k.structure("worker"), "last_func")
	l.NodeActive = k.offset(k.structure("kernfs_node"), "active")
	l.Thread = k.offset(k.structure("task_struct"), "thread")
	l.Tags = k.offset(k.structure("xa_node"), "tags")
	if inode := k.structure("inode"); inode != nil {
		l.Inode, l.Mode = uint64(inode.Size), k.offset(inode, "i_mode")
	}
	if k.err != nil {
		return l, fmt.Errorf("read the kernel's types: %w", k.err)
	}
	return l, nil
}
