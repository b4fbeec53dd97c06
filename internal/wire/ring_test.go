package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// ringReader reads a ring as the host does.
type ringReader struct {
	*Ring
	done <-chan struct{}
}

func (r ringReader) Read(p []byte) (int, error) {
	for {
		// Asked for first: what was written before done is read after it.
		over := false
		select {
		case <-r.done:
			over = true
		default:
		}
		if n, err := r.TryRead(p); n > 0 || err != nil {
			return n, err
		}
		if over {
			return 0, io.EOF
		}
	}
}

// Many frames, some longer than the ring, arrive as they were sent.
func TestRing(t *testing.T) {
	mem := make([]byte, RingSize)
	rnd := rand.New(rand.NewPCG(1, 2))
	var sent [][]byte
	for _, n := range []int{0, 1, 17, 4095, 4096, RingSize - MailboxSize - ringData, MaxPayload, 3, 700_000, 700_000, 5} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		sent = append(sent, b)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w := NewWriter(NewRing(mem))
		for _, b := range sent {
			if err := w.Write(Stdout, b); err != nil {
				t.Error(err)
			}
		}
	}()
	r := NewReader(ringReader{NewRing(mem), done})
	for i, want := range sent {
		f, err := r.Read()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if f.Type != Stdout || !bytes.Equal(f.Payload, want) {
			t.Fatalf("frame %d: type %d, %d bytes; want %d bytes as they were sent", i, f.Type, len(f.Payload), len(want))
		}
	}
	if f, err := r.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last frame: %v, %v", f, err)
	}
}

// A guest that scribbles over the counters is not believed.
func TestRingDamaged(t *testing.T) {
	mem := make([]byte, RingSize)
	r := NewRing(mem)
	if _, err := r.Write([]byte("frame")); err != nil {
		t.Fatal(err)
	}
	r.written.Add(16 << 20)
	if n, err := r.TryRead(make([]byte, 16)); n != 0 || !errors.Is(err, ErrDamaged) {
		t.Errorf("read = %d, %v; want %v", n, err, ErrDamaged)
	}
	if n, err := r.Write([]byte("frame")); n != 0 || !errors.Is(err, ErrDamaged) {
		t.Errorf("write = %d, %v; want %v", n, err, ErrDamaged)
	}
}
