package vm

import "testing"

func TestProcessors(t *testing.T) {
	const text = "\r\nCPU#0\r\nRAX=0000000000000000 RBX=ffff89fe9ad12750\r\n" +
		"RIP=ffffffffc02ce01b RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\r\n" +
		"\r\nCPU#1\r\nRIP=ffffffff81a2b3c4 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n"
	const want = "CPU 0 at 0xffffffffc02ce01b, interrupts off; CPU 1 at 0xffffffff81a2b3c4, halted"
	if got := processors(text); got != want {
		t.Errorf("processors() = %q, want %q", got, want)
	}
	if got := processors("unknown command"); got != "" {
		t.Errorf("processors() = %q of no answer", got)
	}
}
