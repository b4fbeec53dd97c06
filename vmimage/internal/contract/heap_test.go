package contract

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"
)

// The heap of the fake: one slab of a cache, whose pages are the first of physical
// memory as the direct map shows it.
const (
	fakeDirect  = 0xffff880000000000
	fakeVmemmap = 0xffffea0000000000
	fakeCache   = fakeHeap + 0x800
	fakeObject  = 0x100 // size of the room of one
)

// fakeLayout is a layout as no kernel has it.
var fakeLayout = layout{
	Page: 64, Flags: 0, Type: 48, TypeByte: 0xf5, SlabCache: 8, Objects: 32, ObjectsShift: 16, ObjectsLen: 15,
	Size: 0x10, ObjectSize: 0x14, Inuse: 0x18, FreePointer: 0x1c, RedLeft: 0x20, Name: 0x28, ProcName: 0x30, NodeActive: 4, LastFunc: 0x38,
	Thread: 0x10, Tags: 0x20, Inode: 0x38,
}

// heap makes a slab of four objects of 64 bytes, of which the second is allocated.
// It returns where that is.
func (f *fake) heap() (object uint64) {
	f.page(fakeVmemmap, pageWrite|pageNoExec)
	slab := f.alloc()
	f.poke("vmemmap_base", 0, fakeVmemmap)
	f.poke("page_offset_base", 0, fakeDirect)
	f.poke("max_pfn", 0, slab/pageSize+1)
	page := fakeVmemmap + slab/pageSize*fakeLayout.Page
	f.set(page+8, fakeCache)
	f.set(page+32, 4<<16)
	f.set(page+48, 0xf5<<24)
	f.set(fakeCache+0x10, 64<<32|fakeObject)
	f.set(fakeCache+0x18, 72<<32|72) // room behind the object, then the free pointer
	f.set(fakeCache+0x20, 16)
	f.set(fakeCache+0x28, fakeCache+0x40)
	f.set(fakeCache+0x40, binary.LittleEndian.Uint64([]byte("kmall-64")))
	f.virt[fakeDirect+slab] = slab
	object = fakeDirect + slab + fakeObject + 16
	f.set(object-8, 0xcccccccccccccccc)
	return object
}

// rename gives the cache another name.
func (f *fake) rename(name string) {
	for i := 0; i <= len(name); i += 8 {
		var word [8]byte
		copy(word[:], name[i:])
		f.set(fakeCache+0x40+uint64(i), binary.LittleEndian.Uint64(word[:]))
	}
}

func TestHeap(t *testing.T) {
	const data, text = fakeMods + 0x1000, fakeMods
	for _, tc := range []struct {
		name  string
		leave func(f *fake, object uint64)
		want  []string
	}{
		{"nothing", func(*fake, uint64) {}, nil},
		{"an object that lives", func(f *fake, o uint64) {
			f.set(o+8, data+0x20)
			f.set(o+80, f.addr("kernel_function")+4) // who allocated it
		}, []string{"kmall-64 object allocated by kernel_function+0x4, at +0x8, points to gone_nb+0x0 [gone]"}},
		{"an object that was freed", func(f *fake, o uint64) {
			f.set(o-8, 0xbbbbbbbbbbbbbbbb)
			f.set(o+8, data+0x20)
		}, nil},
		{"behind the object", func(f *fake, o uint64) { f.set(o+64, data+0x20) }, nil},
		{"an init section of a module that stayed", func(f *fake, o uint64) { f.set(o+8, fakeMods+0x18000) }, nil},
		{"the bounds of a range", func(f *fake, o uint64) {
			f.rename("maple_node")
			f.set(o+8, data-1)
			f.set(o+16, data)
		}, nil},
		{"a file of sysfs that was removed", func(f *fake, o uint64) {
			f.rename("kernfs_node_cache")
			f.set(o, 0x80000001<<32)
			f.set(o+8, data+0x20)
		}, nil},
		{"a folder of debugfs, and what lay there before", func(f *fake, o uint64) {
			f.rename("debugfs_inode_cache")
			f.set(o, 0o40755)
			f.set(o+0x38, data+0x20)
			f.set(o+80, f.addr("kernel_function")+4)
		}, nil},
		{"a file of debugfs", func(f *fake, o uint64) {
			f.rename("debugfs_inode_cache")
			f.set(o, 0o100644)
			f.set(o+0x38, data+0x20)
			f.set(o+80, f.addr("kernel_function")+4)
		}, []string{"debugfs_inode_cache object allocated by kernel_function+0x4, at +0x38, points to gone_nb+0x0 [gone]"}},
		{"what a worker ran last", func(f *fake, o uint64) {
			f.set(o+0x38, text+0x40)
			f.set(o+80, f.addr("alloc_worker")+4)
		}, nil},
		{"a process, and its registers", func(f *fake, o uint64) {
			f.rename("task_struct")
			f.set(o+8, data+0x20)
			f.set(o+0x10, data+0x20)
			f.set(o+80, f.addr("kernel_function")+4)
		}, []string{"task_struct object allocated by kernel_function+0x4, at +0x8, points to gone_nb+0x0 [gone]"}},
		{"bitmaps", func(f *fake, o uint64) {
			f.rename("radix_tree_node")
			f.set(o+0x20, data+0x20)
		}, nil},
		{"who asked for memory", func(f *fake, o uint64) {
			f.set(o+8, data)
			f.set(o+0x38, data+0x20)
			f.set(o+80, f.addr("__get_vm_area_node"))
		}, nil},
		{"what a worker ran last, made by a function within another", func(f *fake, o uint64) {
			f.set(o+0x38, text+0x40)
			f.set(o+80, f.addr("create_worker")+4)
		}, nil},
		{"sections of a module that stayed", func(f *fake, o uint64) {
			f.set(o+8, data)
			f.set(o+80, f.addr("mod_sysfs_setup"))
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			tc.leave(f, f.heap())
			s := f.server()
			s.Heap, s.layout = true, &fakeLayout
			q := f.question()
			q.Heap = true
			q.Stayed[0].Sections[".init.text"] = fakeMods + 0x18000
			a := s.Answer(context.Background(), q)
			if a.Error+a.Unable+s.Record.HeapUnable != "" {
				t.Fatal(a.Error, a.Unable, s.Record.HeapUnable)
			}
			var got []string
			for _, h := range a.Held {
				got = append(got, h.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
			if s.Record.Heaps != 1 {
				t.Errorf("%d looks through the heap are counted, want 1", s.Record.Heaps)
			}
		})
	}
}

// A heap that cannot be looked through is told, and is no clean one.
func TestHeapUnable(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(s *Server, f *fake)
		want string
	}{
		{"no marks", func(_ *Server, f *fake) { f.set(fakeCache+0x20, 0) }, "boot with slub_debug"},
		{"no types", func(s *Server, _ *fake) { s.layout = nil }, "CONFIG_DEBUG_INFO_BTF is off"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			f.heap()
			s := f.server()
			s.Heap, s.layout = true, &fakeLayout
			tc.edit(s, f)
			q := f.question()
			q.Heap = true
			if a := s.Answer(context.Background(), q); a.Heap || a.Error != "" || !strings.Contains(s.Record.HeapUnable, tc.want) {
				t.Errorf("heap = %v, error = %q, unable = %q, want %q", a.Heap, a.Error, s.Record.HeapUnable, tc.want)
			}
		})
	}
}

func TestParseLayout(t *testing.T) {
	word := &btf.Int{Name: "unsigned long", Size: 8}
	half := &btf.Int{Name: "unsigned int", Size: 4}
	at := func(name string, bytes uint32, of btf.Type) btf.Member {
		return btf.Member{Name: name, Type: of, Offset: btf.Bits(8 * bytes)}
	}
	counts := &btf.Struct{Size: 8, Members: []btf.Member{
		{Name: "inuse", Type: half, Offset: 0, BitfieldSize: 16}, {Name: "objects", Type: half, Offset: 16, BitfieldSize: 15},
	}}
	either := func(m ...btf.Member) btf.Type { return &btf.Union{Size: 8, Members: m} }
	cache := &btf.Struct{Name: "kmem_cache", Size: 64, Members: []btf.Member{
		at("size", 16, half), at("object_size", 20, half), at("inuse", 24, half), at("offset", 28, half), at("red_left_pad", 32, half), at("name", 40, word),
	}}
	proc := &btf.Struct{Name: "proc_dir_entry", Size: 64, Members: []btf.Member{at("name", 48, word)}}
	node := &btf.Struct{Name: "kernfs_node", Size: 64, Members: []btf.Member{at("active", 4, half)}}
	worker := &btf.Struct{Name: "worker", Size: 64, Members: []btf.Member{at("last_func", 56, word)}}
	page := func(more ...btf.Member) *btf.Struct {
		return &btf.Struct{Name: "page", Size: 64, Members: append([]btf.Member{at("flags", 0, word)}, more...)}
	}
	task := &btf.Struct{Name: "task_struct", Size: 64, Members: []btf.Member{at("thread", 32, word)}}
	inode := &btf.Struct{Name: "inode", Size: 64, Members: []btf.Member{at("i_mode", 8, half)}}
	radix := &btf.Struct{Name: "xa_node", Size: 64, Members: []btf.Member{at("", 48, either(at("tags", 0, word)))}}
	common := layout{
		Page: 64, Objects: 32, ObjectsShift: 16, ObjectsLen: 15,
		Size: 16, ObjectSize: 20, Inuse: 24, FreePointer: 28, RedLeft: 32, Name: 40, ProcName: 48, NodeActive: 4, LastFunc: 56,
		Thread: 32, Tags: 48, Inode: 64, Mode: 8,
	}
	older, newer := common, common
	older.Bit, older.SlabCache = 1<<9, 24
	newer.TypeByte, newer.Type, newer.SlabCache = 0xf5, 48, 8
	for _, tc := range []struct {
		name  string
		types []btf.Type
		want  layout
	}{
		{"a bit of the flags, all in struct page", []btf.Type{
			page(at("", 24, either(at("slab_cache", 0, word))), at("", 32, either(at("", 0, counts)))),
			&btf.Enum{Name: "pageflags", Size: 4, Values: []btf.EnumValue{{Name: "PG_slab", Value: 9}}}, node, worker, task, radix, inode, cache, proc,
		}, older},
		{"a type of page, and struct slab", []btf.Type{
			page(at("", 48, either(at("page_type", 0, half)))),
			&btf.Struct{Name: "slab", Size: 64, Members: []btf.Member{at("slab_cache", 8, word), at("", 32, either(at("", 0, counts)))}},
			&btf.Enum{Name: "pagetype", Size: 4, Values: []btf.EnumValue{{Name: "PGTY_slab", Value: 0xf5}}}, node, worker, task, radix, inode, cache, proc,
		}, newer},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := btf.NewBuilder(tc.types, nil)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := b.Marshal(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parseLayout(raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("layout (-want +got):\n%s", diff)
			}
			b, _ = btf.NewBuilder(tc.types[:len(tc.types)-2], nil)
			raw, _ = b.Marshal(nil, nil)
			if _, err := parseLayout(raw); err == nil || !strings.Contains(err.Error(), "kmem_cache") {
				t.Errorf("without struct kmem_cache: %v", err)
			}
		})
	}
}
