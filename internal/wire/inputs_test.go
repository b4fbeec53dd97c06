package wire

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func nobody(int) bool    { return false }
func everybody(int) bool { return true }

// What the guest announces, the host reads, of every type that can be fuzzed.
func TestInputs(t *testing.T) {
	mem := make([]byte, RingSize)
	guest, host := NewInputs(mem), NewInputs(mem)
	values := []any{
		[]byte{0, 1, 255}, "a\x00b", true, byte(200), rune(-1), float32(1.5), math.Inf(-1),
		-1, int8(-8), int16(-16), int64(math.MinInt64), uint(1), uint16(16), uint32(32), uint64(math.MaxUint64),
	}
	a, err := guest.Claim(10, everybody)
	if err != nil {
		t.Fatal(err)
	}
	b, err := guest.Claim(11, everybody)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := host.All(); len(all) != 0 || err != nil {
		t.Errorf("before the first: %v, %v", all, err)
	}
	if err := errors.Join(a.Begin("FuzzA", []any{"old and longer than the next"}), a.Begin("FuzzA", values), b.Begin("FuzzA", []any{[]byte{}})); err != nil {
		t.Fatal(err)
	}
	b.End()
	got, err := host.All()
	if err != nil {
		t.Fatal(err)
	}
	want := []Input{{Test: "FuzzA", Values: values, Runs: true, Turn: 2}, {Test: "FuzzA", Values: []any{[]byte{}}, Turn: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
}

func TestInputTooLong(t *testing.T) {
	mem := make([]byte, RingSize)
	s, err := NewInputs(mem).Claim(1, everybody)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Begin("FuzzA", []any{make([]byte, MaxInput)}); !errors.Is(err, ErrInputTooLong) {
		t.Errorf("error %v", err)
	}
	got, err := NewInputs(mem).All()
	if diff := cmp.Diff([]Input{{Test: "FuzzA", Runs: true, Turn: 1}}, got); diff != "" || err != nil {
		t.Errorf("inputs (-want +got):\n%s%v", diff, err)
	}
}

// A slot whose owner is gone is free again, but not if its input may be what ended
// the owner.
func TestClaim(t *testing.T) {
	in := NewInputs(make([]byte, RingSize))
	var slots []*InputSlot
	for pid := range inputSlots {
		s, err := in.Claim(pid+1, everybody)
		if err != nil {
			t.Fatal(err)
		}
		slots = append(slots, s)
	}
	if _, err := in.Claim(100, everybody); err == nil {
		t.Error("more slots than there are")
	}
	for _, s := range slots {
		if err := s.Begin("FuzzA", []any{1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.Claim(100, nobody); err == nil {
		t.Error("the slot of an input that runs was given away")
	}
	slots[2].End()
	if _, err := in.Claim(100, nobody); err != nil {
		t.Error(err)
	}
}

func TestInputsDamaged(t *testing.T) {
	for name, b := range map[string][]byte{
		"no name":         {inputBool, 0, 0, 0, 0, 0, 0, 0, 0},
		"half a value":    {inputString, 0, 0, 0},
		"beyond its end":  {inputString, 5, 0, 0, 0, 0, 0, 0, 0, 'a'},
		"of unknown kind": {inputString, 0, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		mem := make([]byte, RingSize)
		in := NewInputs(mem)
		slot := in.slot(1)
		copy(slot[slotData:], b)
		word32(slot, slotLen).Store(uint32(len(b)))
		word32(slot, slotState).Store(slotRuns)
		if all, err := in.All(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, %v", name, all, err)
		}
		word32(slot, slotLen).Store(MaxInput + 1)
		if _, err := in.All(); !errors.Is(err, ErrDamaged) {
			t.Errorf("too long: %v", err)
		}
	}
}
