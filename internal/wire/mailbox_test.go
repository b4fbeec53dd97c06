package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A question and its answer, and what is too long for either.
func TestMailbox(t *testing.T) {
	mem := make([]byte, RingSize)
	guest, host := NewMailbox(mem), NewMailbox(mem)
	var q Sweep
	if waits, err := host.Question(&q); waits || err != nil {
		t.Fatalf("Question = %v, %v before one was put", waits, err)
	}
	rung := make(chan struct{}, 1)
	answered := make(chan error, 1)
	want := Swept{Held: []Held{{Kind: "a chain", Holder: "a+0x8", Target: "b+0x0 [m]", Where: "m.c:1", Also: []string{"c+0x0"}}}}
	go func() {
		<-rung
		_, err := host.Question(&q)
		if err == nil {
			err = host.Answer(want)
		}
		answered <- err
	}()
	var got Swept
	err := guest.Ask(Sweep{Module: "m"}, &got, func() error { rung <- struct{}{}; return nil }, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || q.Module != "m" {
		t.Errorf("module %q; answer (-want +got):\n%s", q.Module, diff)
	}
	if got, want := got.Held[0].String(), "a chain: a+0x8 points to b+0x0 [m] (m.c:1), and so does c+0x0"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	long := Sweep{Symbols: strings.Repeat("x", MaxMail)}
	if err := guest.Ask(long, &got, func() error { t.Error("rung"); return nil }, 1); err == nil {
		t.Error("a question that does not fit was put")
	}
	if err := guest.Ask(Sweep{}, &got, func() error { return nil }, 2); err == nil {
		t.Error("an answer came from nobody")
	}
}

// A mailbox that holds anything but a question is an error, not a question.
func TestMailboxDamaged(t *testing.T) {
	mem := make([]byte, RingSize)
	m := NewMailbox(mem)
	m.asked.Store(1)
	for _, length := range []uint32{0, 3, MaxMail + 1, 1 << 31} {
		m.length.Store(length)
		var q Sweep
		if waits, err := m.Question(&q); !waits || err == nil {
			t.Errorf("length %d: Question = %v, %v, want an error", length, waits, err)
		}
	}
}
