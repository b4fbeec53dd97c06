package contract

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The heap is looked through where the kernel marks what lives there: a cache with
// red zones has one in front of each object, and the byte before the object tells
// whether it is allocated (SLUB_RED_ACTIVE in include/linux/poison.h). Freed
// objects hold anything.

const redActive = 0xcc

// cacheInfo is what matters of a struct kmem_cache.
type cacheInfo struct {
	name                   string
	size, objectSize, left uint64
	track                  uint64 // of the allocation, from the object
	ranges                 bool   // bounds of ranges mean nothing
	nodes                  bool   // of files of sysfs
	debugfs                bool   // of inodes of debugfs
}

// errNoRedZones says that the heap cannot be looked through.
var errNoRedZones = errors.New("the slab allocator does not mark what is allocated: boot with slub_debug=FZPU")

// heap is a look through the objects of the slab allocator.
type heap struct {
	*look
	layout
	caches map[uint64]*cacheInfo
	made   map[uint64][2]string // what maker has found
	direct uint64               // where all of the memory is mapped
}

// uint32At reads half a word.
func (l *look) uint32At(addr uint64) uint64 {
	return l.space.word(addr&^7) >> (8 * (addr & 4)) & 0xffffffff
}

// text reads a short string.
func (l *look) text(addr uint64) string {
	const most = 64
	var b []byte
	for at := addr &^ 7; len(b) < most+8; at += 8 {
		b = binary.LittleEndian.AppendUint64(b, l.space.word(at))
		if i := strings.IndexByte(string(b[addr&7:]), 0); i >= 0 {
			return string(b[addr&7:][:i])
		}
	}
	return ""
}

// cache returns what is known of the cache at addr; nil if it does not mark what is
// allocated.
func (h *heap) cache(addr uint64) *cacheInfo {
	if c, ok := h.caches[addr]; ok {
		return c
	}
	c := &cacheInfo{
		size: h.uint32At(addr + h.Size), objectSize: h.uint32At(addr + h.ObjectSize),
		left: h.uint32At(addr + h.RedLeft), name: h.text(h.space.word(addr + h.Name)),
	}
	// get_info_end in mm/slub.c: behind the object and, if that is not in it, the
	// pointer to the next free one.
	c.track = h.uint32At(addr + h.Inuse)
	if h.uint32At(addr+h.FreePointer) >= c.track {
		c.track += 8
	}
	// A file of sysfs that was removed stays for as long as somebody remembers its
	// name, and is not asked any more (KN_DEACTIVATED_BIAS in fs/kernfs/dir.c).
	c.nodes = c.name == "kernfs_node_cache"
	c.debugfs = c.name == "debugfs_inode_cache"
	c.ranges = rangeCaches[c.name] != ""
	switch {
	case innocentCaches[c.name] != "":
		c.objectSize = 0
	case c.name == "task_struct":
		// The registers of a process that looks at addresses hold them. They are
		// behind all else, because their size differs from processor to processor
		// (include/linux/sched.h).
		c.objectSize = min(c.objectSize, h.Thread)
	case c.name == "radix_tree_node":
		c.objectSize = min(c.objectSize, h.Tags) // bitmaps are behind the pointers
	}
	if c.left == 0 || c.size == 0 || c.size < c.left+c.objectSize {
		c = nil
	}
	h.caches[addr] = c
	return c
}

// slabs calls each for the slabs, with the address of the first object's room.
func (h *heap) slabs(each func(c *cacheInfo, start, objects uint64)) error {
	a, err := h.syms.need("vmemmap_base", "page_offset_base", "max_pfn")
	if err != nil {
		return err
	}
	first := h.space.word(a[0])
	h.direct = h.space.word(a[1])
	pages, err := h.space.read(first, first+h.space.word(a[2])*h.Page, nil)
	if err != nil {
		return fmt.Errorf("read the list of pages: %w", err)
	}
	marked := false
	for _, p := range pages {
		for off := uint64(0); off+h.Page <= uint64(len(p.data)); off += h.Page {
			page := p.data[off : off+h.Page]
			if h.Bit != 0 && binary.LittleEndian.Uint64(page[h.Flags:])&h.Bit == 0 ||
				h.Bit == 0 && binary.LittleEndian.Uint32(page[h.Type:])>>24 != uint32(h.TypeByte) {
				continue
			}
			cache := binary.LittleEndian.Uint64(page[h.SlabCache:])
			if cache&7 != 0 || cache < h.direct {
				continue // the rest of a slab of several pages
			}
			n := binary.LittleEndian.Uint64(page[h.Objects:]) >> h.ObjectsShift & (1<<h.ObjectsLen - 1)
			if c := h.cache(cache); c != nil {
				marked = true
				each(c, h.direct+(p.start+off-first)/h.Page*pageSize, n)
			}
		}
	}
	if !marked {
		return &unableError{errNoRedZones}
	}
	return nil
}

// heapPointers returns what in the live objects of the heap leads into what is
// gone.
func (l *look) heapPointers(lay layout) ([]found, error) {
	h := &heap{look: l, layout: lay, caches: make(map[uint64]*cacheInfo), made: make(map[uint64][2]string)}
	if l.low >= l.high {
		return nil, nil
	}
	var all []found
	var room []byte
	span := l.high - l.low
	err := h.slabs(func(c *cacheInfo, start, objects uint64) {
		size := objects * c.size
		if uint64(cap(room)) < size {
			room = make([]byte, size)
		}
		data := room[:size]
		if _, err := l.space.mem.ReadAt(data, int64(start-h.direct)); err != nil {
			return // it was given back since
		}
		for o := c.left; o+c.objectSize <= size; o += c.size {
			if data[o-1] != redActive || c.nodes && int32(binary.LittleEndian.Uint32(data[o+h.NodeActive:])) < 0 {
				continue
			}
			for off := uint64(0); off+8 <= c.objectSize; off += 8 {
				v := binary.LittleEndian.Uint64(data[o+off:])
				if v-l.low >= span || !l.isGoneAddr(v) || l.anyInit(v) || c.ranges && bounds(v) || c.debugfs && h.stale(data[o:], off) {
					continue
				}
				by := binary.LittleEndian.Uint64(data[min(o+c.track, size-8):])
				if f, ok := h.found(c, start+o, off, v, by); ok {
					all = append(all, f)
				}
			}
		}
	})
	return all, err
}

// stale tells whether a word of a debugfs inode is that of the file whose inode lay
// there before: since 6.15 the operations of a file are behind its struct inode, and
// who is no file has none, in room that is not cleared (debugfs_alloc_inode in
// fs/debugfs/inode.c).
func (h *heap) stale(inode []byte, off uint64) bool {
	const kind, file = 0o170000, 0o100000 // S_IFMT, S_IFREG
	return off == h.Inode && binary.LittleEndian.Uint16(inode[h.Mode:])&kind != file
}

// bounds tells whether an address is the first or the last one of a page.
func bounds(addr uint64) bool { return (addr+1)&(pageSize-1) <= 1 }

// isWorkerMaker tells whether a function allocates a struct worker: the compiler
// may have put the one into the other.
func isWorkerMaker(name string) bool { return name == "create_worker" || name == "alloc_worker" }

// found names an object that holds a pointer; by is who allocated it.
func (h *heap) found(c *cacheInfo, object, off, to, by uint64) (found, bool) {
	made, ok := h.made[by]
	if !ok {
		made[0], made[1] = h.maker(by)
		h.made[by] = made
	}
	maker, at := made[0], made[1]
	// A worker goes on naming what it ran last, and only compares it
	// (wq_worker_last_func in kernel/workqueue.c).
	if innocentMakers[maker] != "" || isWorkerMaker(maker) && off == h.LastFunc {
		return found{}, false
	}
	kind := makers[maker]
	if c.name == "proc_dir_entry" {
		kind = "proc entry " + h.text(h.space.word(object+h.ProcName))
	}
	return found{
		pointer: pointer{at: object + off, to: to, area: area{cpu: onHeap}}, kind: kind,
		holder: fmt.Sprintf("%s object allocated by %s, at +%#x,", c.name, at, off),
	}, true
}

// maker names who allocated an object: the function, and the place in it.
func (h *heap) maker(by uint64) (function, place string) {
	for _, s := range slices.Concat(h.gone, h.stayed) {
		if off := by - s.addr; off < s.size {
			if o, ok := s.find(off); ok {
				return o.name, fmt.Sprintf("%s+%#x [%s]", o.name, off-o.off, s.module)
			}
			return "", fmt.Sprintf("%s+%#x [%s]", s.name, off, s.module)
		}
	}
	if e, ok := h.syms.code(by); ok {
		return e.name, e.at(by)
	}
	return "", fmt.Sprintf("%#x", by)
}

// anyInit tells whether an address is in an init section of a module that stayed,
// and in nothing that is gone: its own memory goes on naming it.
func (l *look) anyInit(addr uint64) bool {
	if l.inGone(addr) {
		return false
	}
	for _, s := range l.stayed {
		if strings.HasPrefix(s.name, ".init") && addr-s.addr < s.size {
			return true
		}
	}
	return false
}
