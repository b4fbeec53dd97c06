package contract

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// fake is the memory of a guest that never ran: page tables and what they map.
type fake struct {
	t    *testing.T
	mem  []byte
	next uint64 // free physical memory
	virt map[uint64]uint64
}

// The fake kernel's layout: where its symbols say it lies, and how far it was
// moved since.
const (
	fakeShift = 0x1000000
	fakeBase  = 0xffffffff81000000
	fakeCPU   = 0xffff888000100000 // per-CPU areas of two processors
	fakeHeap  = 0xffff888000200000
	fakeMods  = 0xffffffffc0200000

	fakeDelayed = 16 // offset of delayedWork from fakeBase
)

// fakeSymbols are offsets from fakeBase, and per-CPU symbols below 0x10000.
var fakeSymbols = []struct {
	name string
	off  uint64
}{
	{"_stext", 0}, {"kernel_function", 0x100}, {"mod_sysfs_setup", 0x200}, {"alloc_worker", 0x300}, {"__get_vm_area_node", 0x400}, {"create_worker", 0x500},
	{"_sdata", 0x1000}, {"__per_cpu_offset", 0x1000}, {"nr_cpu_ids", 0x1100}, {"mod_tree", 0x1200}, {"cur_orc_table", 0x1300},
	{"netdev_chain", 0x1400}, {"dcbnl_nb", 0x1500}, {"tcp_cong_list", 0x1600}, {"cubictcp", 0x1700}, {"some_hook", 0x1800},
	{"vmemmap_base", 0x1900}, {"page_offset_base", 0x1908}, {"max_pfn", 0x1910},
	{"net_cleanup_work", 0x1920}, {"pernet_ops_rwsem", 0x1940},
	{"swapper_pg_dir", 0x1f00}, {"_edata", 0x2000}, {"__bss_start", 0x3000}, {"net_families", 0x3100}, {initNet, 0x3400}, {"__bss_stop", 0x4000}, {"_end", 0x5000},
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, mem: make([]byte, 1<<20), next: 2 * pageSize, virt: make(map[uint64]uint64)}
	for off := uint64(0); off < 0x5000; off += pageSize {
		flags := uint64(pageWrite | pageNoExec)
		if off == 0 {
			flags = 0
		}
		f.page(fakeBase+fakeShift+off, flags)
	}
	for cpu := range uint64(2) {
		f.page(fakeCPU+cpu*pageSize, pageWrite|pageNoExec)
		f.poke("__per_cpu_offset", 8*cpu, fakeCPU+cpu*pageSize)
	}
	f.page(fakeHeap, pageWrite|pageNoExec)
	f.page(fakeMods+0x10000, pageWrite|pageNoExec) // a module that stays
	f.poke("nr_cpu_ids", 0, 2)
	// Bounds of the modules' memory, between other words.
	for i, w := range []uint64{fakeHeap, fakeMods, fakeMods + 0x20000, 1} {
		f.poke("mod_tree", uint64(8*i), w)
	}
	return f
}

// page maps a page of memory.
func (f *fake) page(addr, flags uint64) {
	at := uint64(pageSize) // the top table
	for level := 4; level > 1; level-- {
		e := f.mem[at+8*(addr>>(12+9*(level-1))&511):]
		if binary.LittleEndian.Uint64(e) == 0 {
			binary.LittleEndian.PutUint64(e, f.alloc()|pagePresent|pageWrite)
		}
		at = binary.LittleEndian.Uint64(e) & pageFrame
	}
	frame := f.alloc()
	binary.LittleEndian.PutUint64(f.mem[at+8*(addr>>12&511):], frame|pagePresent|flags)
	f.virt[addr] = frame
}

func (f *fake) alloc() uint64 {
	f.next += pageSize
	return f.next - pageSize
}

// ReadAt implements io.ReaderAt.
func (f *fake) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > int64(len(f.mem)) {
		return 0, fmt.Errorf("no memory at %#x", at)
	}
	return copy(p, f.mem[at:]), nil
}

// addr is where a symbol is, at run time.
func (f *fake) addr(symbol string) uint64 {
	for _, s := range fakeSymbols {
		if s.name == symbol {
			return fakeBase + fakeShift + s.off
		}
	}
	f.t.Fatalf("no symbol %s", symbol)
	return 0
}

// set writes a word at an address, poke one behind a symbol.
func (f *fake) set(addr, word uint64) {
	frame, ok := f.virt[addr&^(pageSize-1)]
	if !ok {
		f.t.Fatalf("nothing is mapped at %#x", addr)
	}
	binary.LittleEndian.PutUint64(f.mem[frame+addr&(pageSize-1):], word)
}

func (f *fake) poke(symbol string, off, word uint64) { f.set(f.addr(symbol)+off, word) }

// kallsyms is the kernel's list of symbols, of a boot where it lay elsewhere.
func (f *fake) kallsyms() string { return f.kallsymsAs("d") }

// kallsymsAs has a letter for data.
func (f *fake) kallsymsAs(letter string) string {
	var b strings.Builder
	b.WriteString("0000000000000000 A __per_cpu_start\n0000000000000100 d timer_bases\n" +
		"0000000000000400 d cpu_worker_pools\n0000000000000600 d irq_stack_backing_store\n0000000000001000 A __per_cpu_end\n")
	for _, s := range fakeSymbols {
		fmt.Fprintf(&b, "%016x %s %s\n", fakeBase+s.off, letter, s.name)
		if s.name == base {
			fmt.Fprintf(&b, "%016x t some_code_list\n%016x t %s\n%016x T _etext\n", fakeBase+s.off+8, fakeBase+s.off+fakeDelayed, delayedWork, fakeBase+s.off+32)
		}
	}
	b.WriteString("ffffffffc0000000 t a_function\t[a_module]\n")
	return b.String()
}

// note is its VMCOREINFO.
func (f *fake) note() string {
	// The top table is at the second page of physical memory.
	base := int64(pageSize) - int64(f.addr("swapper_pg_dir")-imageStart)
	return strings.Join([]string{
		"OSRELEASE=0", fmt.Sprintf("SYMBOL(_stext)=%x", f.addr("_stext")), fmt.Sprintf("SYMBOL(swapper_pg_dir)=%x", f.addr("swapper_pg_dir")),
		fmt.Sprintf("NUMBER(phys_base)=%d", base), "NUMBER(pgtable_l5_enabled)=0", "",
	}, "\n")
}

// The module that is gone had .text at fakeMods and .data in the page behind it;
// the one that stayed is mapped.
var (
	goneText  = section{module: "gone", name: ".text", size: 0x100, objects: []object{{"gone_fn", 0x40, 0x20, true}}}
	goneData  = section{module: "gone", name: ".data", size: 0x100, objects: []object{{"gone_nb", 0x20, 0x18, false}}}
	staysData = section{module: "stays", name: ".data", size: 0x100, objects: []object{{"stays_list", 0x10, 0x10, false}, {"stays_hook", 0x30, 8, false}}, inits: map[uint64]bool{0x20: true}}
	staysInit = section{module: "stays", name: ".init.text", size: 0x100}
)

// server answers for the fake.
func (f *fake) server() *Server {
	s := &Server{mem: f, opened: map[string]*module{
		"gone":  {sections: map[string]section{".text": goneText, ".data": goneData}},
		"stays": {sections: map[string]section{".data": staysData, ".init.text": staysInit}},
	}}
	if err := s.use(f.kallsyms()); err != nil {
		f.t.Fatal(err)
	}
	return s
}

// question is what a guest asks after the unload.
func (f *fake) question() wire.Sweep {
	return wire.Sweep{
		Module: "gone", Note: f.note(), Final: true,
		Lay: map[string]uint64{".text": fakeMods, ".data": fakeMods + 0x1000},
		// The init section of the other module was where this one came to lie.
		Stayed: []wire.Loaded{{Module: "stays", Sections: map[string]uint64{".data": fakeMods + 0x10000, ".init.text": fakeMods}}},
	}
}
