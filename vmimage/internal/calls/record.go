package calls

import (
	"fmt"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
)

// A record of a call is in the region's last part, a ring; how many calls there were is
// the second of the words for all. A record is begun when the call is made and
// completed when it returns; the number in it, from 1, is what it is known by.
const (
	recordNumber = 0
	recordSite   = 8  // 32 bits
	recordCPU    = 12 // 32 bits
	recordStart  = 16 // of the processor's clock
	recordEnd    = 24 // 0 until it returns
	recordResult = 32
	recordArgs   = 40 // six of them
	recordTask   = 88
	recordPID    = 96  // 32 bits
	recordInIRQ  = 100 // 32 bits: not 0 in an interrupt
	recordFailed = 104 // whether it was made to fail
	recordComm   = 112 // 16 bytes
	recordTexts  = 128 // two of textSize
	textSize     = 64
	recordSize   = 256

	// records is how many the ring has room for, a power of two.
	records = graft.RecordsSize / recordSize
	headAt  = graft.CallsAt + 8
)

// The frame of a stub that records: a copy of the caller's arguments on the stack, of
// which nobody knows how many there are, the record, and what the recorder keeps.
const (
	frameCopy   = 10 // words
	frameRecord = 8 * frameCopy
	frameRAX    = frameRecord + 8
	frameRCX    = frameRAX + 8
	frameRDX    = frameRCX + 8
	frameNumber = frameRDX + 8
	frameSize   = frameNumber + 8 // 8 more than a multiple of 16, as at a function's start
)

// The symbols of the recorder, and the registers of arguments.
const (
	enter = stubs + "_enter"
	leave = stubs + "_leave"
)

var registers = []string{"rdi", "rsi", "rdx", "rcx", "r8", "r9"}

// record is what follows count in a stub that records.
func (g grafter) record(b *code, site int, s Site) {
	fmt.Fprintf(b, "\tsubq $%d, %%rsp\n", frameSize)
	b.depth(frameSize)
	for i := range frameCopy {
		fmt.Fprintf(b, "\tmovq %d(%%rsp), %%r11\n\tmovq %%r11, %d(%%rsp)\n", frameSize+8+8*i, 8*i)
	}
	fmt.Fprintf(b, "\tmovl $%d, %%r10d\n\tcall %s\n", site, enter)
	for i, arg := range s.texts() {
		fmt.Fprintf(b, "\tmovq %%%s, %%r10\n\tcall %s_text%d\n", registers[arg], stubs, i)
	}
	fmt.Fprintf(b, "\tcall %s\n\tcall %s\n\taddq $%d, %%rsp\n", s.Call, leave, frameSize)
	b.depth(0)
	// The same without a call.
	fmt.Fprintf(b, "\tret\n3:\tsubq $%d, %%rsp\n", frameSize)
	b.depth(frameSize)
	fmt.Fprintf(b, "\tmovl $%d, %%r10d\n\tcall %s\n\tmovb $1, %d(%%r11)\n\t%s\n", site, enter, recordFailed, g.base.Load("%r11"))
	g.fail(b, wordsAt(site))
	fmt.Fprintf(b, "\tcall %s\n\taddq $%d, %%rsp\n", leave, frameSize)
	b.depth(0)
	b.WriteString("\tret\n")
}

// texts are the arguments whose text is recorded, the first two that have one.
func (s Site) texts() []int {
	var all []int
	if s.Signature == nil {
		return nil
	}
	for i, a := range s.Signature.Args {
		if a.Kind == KindText && i < len(registers) && len(all) < 2 {
			all = append(all, i)
		}
	}
	return all
}

// recorder is the code that stubs share. It is called with the stub's frame above its
// own return address, and uses no register but r10 and r11 that it does not restore.
func (g grafter) recorder(b *code, task taskLayout) {
	b.depth(frameSize + 8)
	fmt.Fprintf(b, `%[1]s:
	movq %%rax, 8+%[2]d(%%rsp)
	movq %%rcx, 8+%[3]d(%%rsp)
	movq %%rdx, 8+%[4]d(%%rsp)
	%[5]s
	movl $1, %%eax
	lock xaddq %%rax, %#[6]x(%%r11)
	movl %%eax, %%ecx
	incq %%rax
	movq %%rax, 8+%[7]d(%%rsp)
	andl $%#[8]x, %%ecx
	shll $8, %%ecx
	leaq %#[9]x(%%r11,%%rcx), %%r11
	movq %%r11, 8+%[10]d(%%rsp)
	movq $0, (%%r11)
	movl %%r10d, %[11]d(%%r11)
	xorl %%ecx, %%ecx
	movq %%rcx, %[12]d(%%r11)
	movq %%rcx, %[13]d(%%r11)
	movq %%rcx, %[14]d(%%r11)
	movb %%cl, %[15]d(%%r11)
	movb %%cl, %[16]d(%%r11)
`, enter, frameRAX, frameRCX, frameRDX, g.base.Load("%r11"), int64(headAt), frameNumber, records-1, int64(graft.RecordsAt), frameRecord,
		recordSite, recordEnd, recordResult, recordFailed, recordTexts, recordTexts+textSize)
	// The third and fourth argument were saved.
	for i, r := range registers {
		from := "%" + r
		switch r {
		case "rdx":
			from = fmt.Sprintf("8+%d(%%rsp)", frameRDX)
		case "rcx":
			from = fmt.Sprintf("8+%d(%%rsp)", frameRCX)
		}
		if from[0] != '%' {
			fmt.Fprintf(b, "\tmovq %s, %%rax\n", from)
			from = "%rax"
		}
		fmt.Fprintf(b, "\tmovq %s, %d(%%r11)\n", from, recordArgs+8*i)
	}
	fmt.Fprintf(b, "\tmovl %s, %%eax\n\tmovl %%eax, %d(%%r11)\n", g.task.CPU, recordCPU)
	fmt.Fprintf(b, "\tmovl %s, %%eax\n\tandl $%#x, %%eax\n\tmovl %%eax, %d(%%r11)\n", g.task.Preempt, g.task.Interrupt, recordInIRQ)
	fmt.Fprintf(b, "\tmovq %s, %%rcx\n\tmovq %%rcx, %d(%%r11)\n", g.task.Current, recordTask)
	task.copy(b)
	fmt.Fprintf(b, `	rdtsc
	shlq $32, %%rdx
	orq %%rdx, %%rax
	movq %%rax, %[1]d(%%r11)
	movq 8+%[2]d(%%rsp), %%rax
	movq %%rax, (%%r11)
	movq 8+%[3]d(%%rsp), %%rax
	movq 8+%[4]d(%%rsp), %%rcx
	movq 8+%[5]d(%%rsp), %%rdx
	ret
`, recordStart, frameNumber, frameRAX, frameRCX, frameRDX)
	for i := range 2 {
		g.text(b, i)
	}
	// Whoever slept in the call may find its record taken by another.
	fmt.Fprintf(b, `%[1]s:
	movq %%rax, 8+%[2]d(%%rsp)
	movq %%rdx, 8+%[3]d(%%rsp)
	movq 8+%[4]d(%%rsp), %%r11
	movq 8+%[5]d(%%rsp), %%r10
	cmpq %%r10, (%%r11)
	jne 1f
	movq %%rax, %[6]d(%%r11)
	rdtsc
	shlq $32, %%rdx
	orq %%rdx, %%rax
	movq %%rax, %[7]d(%%r11)
1:	movq 8+%[2]d(%%rsp), %%rax
	movq 8+%[3]d(%%rsp), %%rdx
	ret
`, leave, frameRAX, frameRDX, frameRecord, frameNumber, recordResult, recordEnd)
}

// text copies a text at r10 to the record at r11, which stay. A pointer of a program,
// NULL and errors are none of the kernel's memory.
func (g grafter) text(b *code, n int) {
	fmt.Fprintf(b, `%[1]s_text%[2]d:
	movq %%rax, 8+%[3]d(%%rsp)
	movq %%rcx, 8+%[4]d(%%rsp)
	testq %%r10, %%r10
	jns 2f
	cmpq $-4096, %%r10
	jae 2f
	xorl %%ecx, %%ecx
1:	movb (%%r10,%%rcx), %%al
	movb %%al, %[5]d(%%r11,%%rcx)
	testb %%al, %%al
	jz 2f
	incl %%ecx
	cmpl $%[6]d, %%ecx
	jb 1b
	movb $0, %[5]d(%%r11,%%rcx)
2:	movq 8+%[3]d(%%rsp), %%rax
	movq 8+%[4]d(%%rsp), %%rcx
	ret
`, stubs, n, frameRAX, frameRCX, recordTexts+n*textSize, textSize-1)
}
