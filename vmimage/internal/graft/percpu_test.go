package graft

import "testing"

func TestInterruptBits(t *testing.T) {
	const tail = `
#define PREEMPT_SHIFT	0
#define SOFTIRQ_SHIFT	(PREEMPT_SHIFT + PREEMPT_BITS)
`
	tests := map[string]struct {
		header string
		want   uint32
	}{
		"to 7.2": {"#define PREEMPT_BITS\t8\n#define SOFTIRQ_BITS\t8\n#define HARDIRQ_BITS\t4\n" + tail + "#define HARDIRQ_SHIFT\t(SOFTIRQ_SHIFT + SOFTIRQ_BITS)\n", 0x000f0100},
		"7.3": {"#define PREEMPT_BITS\t8\n#define SOFTIRQ_BITS\t8\n#define HARDIRQ_DISABLE_BITS\t8\n#define HARDIRQ_BITS\t4\n" + tail +
			"#define HARDIRQ_DISABLE_SHIFT\t(SOFTIRQ_SHIFT + SOFTIRQ_BITS)\n#define HARDIRQ_SHIFT\t(HARDIRQ_DISABLE_SHIFT + HARDIRQ_DISABLE_BITS)\n", 0x0f000100},
		"unknown": {tail, 0},
	}
	for name, tt := range tests {
		got, err := interruptBits(tt.header)
		if got != tt.want || (err != nil) != (tt.want == 0) {
			t.Errorf("%s: %#x, %v; want %#x", name, got, err, tt.want)
		}
	}
}
