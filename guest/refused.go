package guest

import (
	"debug/elf"
	"fmt"
	"strconv"
	"strings"
)

// A module whose init fails is gone before anybody could ask where its code
// was. The kernel puts .init.text and .text at the start of a page each, so
// that an address tells its place within the page; and a return address lies
// behind a call, of which the file knows all that go to the kernel.

// A koCall is a call of a function of the kernel.
type koCall struct {
	section *koSection
	ret     uint64 // offset of the return address
	callee  string
}

const modulePage = 4096

// readCalls finds the calls in the sections that start a page. It goes by their
// relocations: "e8" and four bytes to be filled in.
func readCalls(f *elf.File, syms []elf.Symbol, text []koSection) ([]koCall, error) {
	var calls []koCall
	for i := range text {
		sec := &text[i]
		rela := f.Section(".rela" + sec.name)
		if sec.name != ".init.text" && sec.name != ".text" || rela == nil || f.Machine != elf.EM_X86_64 {
			continue
		}
		code, err := f.Section(sec.name).Data()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", sec.name, err)
		}
		data, err := rela.Data()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", rela.Name, err)
		}
		for ; len(data) >= 24; data = data[24:] {
			off, info := f.ByteOrder.Uint64(data), f.ByteOrder.Uint64(data[8:])
			n := int(elf.R_SYM64(info))
			if off == 0 || off > uint64(len(code)) || code[off-1] != 0xe8 || n == 0 || n > len(syms) {
				continue
			}
			if name := syms[n-1].Name; name != "" && name != "__fentry__" {
				calls = append(calls, koCall{sec, off + 4, name})
			}
		}
	}
	return calls, nil
}

// guess names a bare address. callee is what the kernel was called for there,
// "" if that is not known. A place that is not the only possible one has no
// name.
func (k *koFile) guess(symbol, callee string) (string, bool) {
	if !isBare(symbol) {
		return symbol, false
	}
	addr, err := strconv.ParseUint(symbol[2:], 16, 64)
	if err != nil {
		return symbol, false
	}
	var at, sure []koCall
	for _, c := range k.calls {
		if (addr-c.ret)%modulePage != 0 {
			continue
		}
		at = append(at, c)
		if c.callee == callee {
			sure = append(sure, c)
		}
	}
	if len(sure) > 0 {
		at = sure // a name may be missing: the kernel's function was inlined
	}
	if len(at) != 1 {
		return symbol, false
	}
	return at[0].section.symbol(at[0].ret), true
}

// nameRefused gives the addresses of a module that never finished loading their
// names.
func (m *Module) nameRefused(objects []Object) {
	for i := range objects {
		o := &objects[i]
		callee := ""
		for n, frame := range o.Stack {
			name, ok := m.ko.guess(frame, callee)
			callee, _, _ = strings.Cut(frame, "+")
			if !ok {
				continue
			}
			name = fmt.Sprintf("%s [%s]", name, m.Name)
			if o.Site == frame {
				o.Site = name
			}
			o.Stack[n] = name
		}
		if name, ok := m.ko.guess(o.Site, ""); ok {
			o.Site = fmt.Sprintf("%s [%s]", name, m.Name)
		}
	}
}
