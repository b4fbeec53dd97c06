package calls

import (
	"bytes"
	"fmt"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// stubs is the symbol of the stubs.
const stubs = klog.Planted + "calls"

// stubSize is the size of the code of a call.
func (g grafter) stubSize() int {
	if g.o.Record {
		return 448
	}
	return 192
}

// assembly is the code of the calls. It may use r10 and r11, which hold nothing when
// a function is entered, and leaves all arguments alone, those on the stack, too. It
// takes no lock and calls nothing of the kernel, so that it may run anywhere.
func (g grafter) assembly(o *graft.Object, all []at, first int) string {
	b := new(code)
	fmt.Fprintf(b, "\t.text\n\t.balign 64\n\t.globl %[1]s\n\t.hidden %[1]s\n\t.type %[1]s, @function\n%[1]s:\n", stubs)
	size := g.stubSize()
	b.depth(0)
	for i, a := range all {
		fmt.Fprintf(b, "\t.org %s + %d, 0xcc\n", stubs, i*size)
		if a.site.Gives != "" {
			b.WriteString("\ttestq %rdi, %rdi\n\tje 4f\n") // NULL is nothing
		}
		g.count(b, wordsAt(first+i))
		if g.o.Record {
			g.record(b, first+i, a.site)
		} else {
			fmt.Fprintf(b, "\tjmp %s\n3:", a.site.Call)
			g.fail(b, wordsAt(first+i))
			b.WriteString("\tret\n")
		}
	}
	fmt.Fprintf(b, "\t.org %s + %d, 0xcc\n", stubs, len(all)*size)
	if g.o.Record {
		g.recorder(b, newTaskLayout(o))
	}
	fmt.Fprintf(b, "\t.size %[1]s, . - %[1]s\n", stubs)
	b.WriteString(g.base.Versions(o, g.task.Symbols...))
	b.unwind(o)
	b.WriteString("\t.section .note.GNU-stack, \"\", @progbits\n")
	return b.String()
}

// count counts a call, and goes to 3 if it is to fail; else it falls through.
func (g grafter) count(b *code, words int64) {
	fmt.Fprintf(b, `	%[1]s
	movl $1, %%r10d
	testl $%#[2]x, %[3]s
	jnz 1f
	lock xaddq %%r10, %#[4]x(%%r11)
	incq %%r10
	cmpq %%r10, %#[5]x(%%r11)
	je 3f
	jmp 2f
1:	lock xaddq %%r10, %#[6]x(%%r11)
	incq %%r10
	cmpq %%r10, %#[7]x(%%r11)
	je 3f
2:	cmpq $0, %#[8]x(%%r11)
	je 4f
	movl $1, %%r10d
	lock xaddq %%r10, %#[9]x(%%r11)
	incq %%r10
	cmpq %%r10, %#[10]x(%%r11)
	je 3f
4:
`, g.base.Load("%r11"), g.task.Interrupt, g.task.Preempt, words+wordReached, words+wordFailAt, words+wordInIRQ, words+wordInIRQ+wordFailAt,
		int64(graft.CallsAt), words+wordAfter, words+wordFailAfter)
}

// fail is what a call that is to fail does in its place: r11 is the base.
func (g grafter) fail(b *code, words int64) {
	fmt.Fprintf(b, "\tlock incq %#x(%%r11)\n\tlock incq %#x(%%r11)\n\tmovq %#x(%%r11), %%rax\n", int64(graft.CallsAt), words+wordFailed, words+wordReturn)
}

// code is assembly that says how deep the stack is.
type code struct {
	bytes.Buffer
	depths []int
}

// depth says how many bytes are on the stack from here on, besides the return address.
func (b *code) depth(bytes int) {
	fmt.Fprintf(b, ".Ldepth%d:\n", len(b.depths))
	b.depths = append(b.depths, bytes)
}

// unwind tells the kernel how to get out of the code.
func (b *code) unwind(o *graft.Object) {
	if _, ok := o.Stack(8); !ok {
		return
	}
	b.WriteString("\t.section .orc_unwind_ip, \"a\"\n")
	for i := range b.depths {
		fmt.Fprintf(b, "\t.long .Ldepth%d - .\n", i)
	}
	b.WriteString("\t.section .orc_unwind, \"a\"\n")
	for _, d := range b.depths {
		entry, _ := o.Stack(byte(8 + d))
		b.WriteString(entry)
	}
}
