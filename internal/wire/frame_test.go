package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// stream is what a Writer makes of frames.
func stream(t testing.TB, frames ...Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, f := range frames {
		if err := w.Write(f.Type, f.Payload); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// readAll reads to the first error.
func readAll(r io.Reader) (frames []Frame, err error) {
	fr := NewReader(r)
	for {
		f, err := fr.Read()
		if err != nil {
			return frames, err
		}
		frames = append(frames, f)
	}
}

var sample = []Frame{
	{Hello, []byte(`{"version":1}`)},
	{Stdout, []byte{}},
	{Kmsg, []byte("6,1,0,-;text\n")},
	{FileData, bytes.Repeat([]byte{0, 0xff, 'K', 'M'}, 5000)},
}

func TestBytesOnTheWire(t *testing.T) {
	got := stream(t, Frame{Stdout, []byte("hi")})
	want := []byte{
		0x4b, 0x4d, // magic
		2, 0, // type, zero
		0, 0, 0, 0, // number
		0, 0, 0, 2, // length
		'h', 'i',
		0x39, 0x04, 0x51, 0x15, // CRC-32C of all before it
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frame (-want +got):\n%s", diff)
	}
}

func TestRoundTrip(t *testing.T) {
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r },
		// Neither a ring nor a serial port keeps frames whole.
		"bytes":  iotest.OneByteReader,
		"halves": iotest.HalfReader,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(wrap(bytes.NewReader(stream(t, sample...))))
			if err != io.EOF {
				t.Fatalf("error at the end = %v, want io.EOF", err)
			}
			if diff := cmp.Diff(sample, got); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDamage(t *testing.T) {
	whole := stream(t, sample...)
	second := len(stream(t, sample[0]))
	tests := []struct {
		name   string
		damage func(b []byte) []byte
		frames int // whole ones before the error
		want   string
	}{
		{"text in front", func(b []byte) []byte { return append([]byte("login: "), b...) }, 0, "it starts with 0x6c6f"},
		{"bit in a payload", func(b []byte) []byte { b[headerLen] ^= 1; return b }, 0, "wrong checksum"},
		{"bit in the checksum", func(b []byte) []byte { b[second-1] ^= 1; return b }, 0, "wrong checksum"},
		{"bit in a type", func(b []byte) []byte { b[second+2] ^= 1; return b }, 1, "wrong checksum"},
		{"length", func(b []byte) []byte { b[second+8] = 0x7f; return b }, 1, "length 2130706432"},
		{"frame lost", func(b []byte) []byte { return b[second:] }, 0, "number 1 where 0 was due"},
		{"frame twice", func(b []byte) []byte { return append(bytes.Clone(b[:second]), b...) }, 1, "number 0 where 1 was due"},
		{"cut in a header", func(b []byte) []byte { return b[:second+3] }, 1, "cut off in its header"},
		{"cut in a payload", func(b []byte) []byte { return b[:len(b)-10] }, 3, "cut off after its header"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readAll(bytes.NewReader(tt.damage(bytes.Clone(whole))))
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want a damaged frame with %q", err, tt.want)
			}
			if len(got) != tt.frames {
				t.Errorf("%d frames were read before it, want %d", len(got), tt.frames)
			}
		})
	}
}

func TestReaderAt(t *testing.T) {
	whole := stream(t, sample...)
	rest := whole[len(stream(t, sample[:2]...)):]
	r := NewReaderAt(bytes.NewReader(rest), 2)
	f, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample[2], f); diff != "" {
		t.Errorf("frame (-want +got):\n%s", diff)
	}
}

func TestWriterBounds(t *testing.T) {
	w := NewWriter(io.Discard)
	if err := w.Write(Stdout, make([]byte, MaxPayload)); err != nil {
		t.Errorf("the longest payload: %v", err)
	}
	if err := w.Write(Stdout, make([]byte, MaxPayload+1)); err == nil {
		t.Error("a longer payload was written")
	}
	if err := w.WriteJSON(Done, func() {}); err == nil {
		t.Error("a function was encoded")
	}
}

// TestConcurrentWriters shows that frames of several writers do not mix.
func TestConcurrentWriters(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				if err := w.Write(Stdout, bytes.Repeat([]byte{byte(i)}, 100+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	frames, err := readAll(&b)
	if err != io.EOF || len(frames) != 400 {
		t.Fatalf("%d frames, then %v; want 400, then io.EOF", len(frames), err)
	}
	for _, f := range frames {
		if len(f.Payload) != 100+int(f.Payload[0]) || len(bytes.Trim(f.Payload, string(f.Payload[:1]))) != 0 {
			t.Fatalf("a frame is mixed: %x", f.Payload)
		}
	}
}

func TestDecode(t *testing.T) {
	var g Greeting
	if err := (Frame{Hello, []byte(`{"version":1,"release":"6.12"}`)}).Decode(&g); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Greeting{1, "6.12"}, g); diff != "" {
		t.Errorf("greeting (-want +got):\n%s", diff)
	}
	if err := (Frame{Hello, []byte(`{"version":`)}).Decode(&g); !errors.Is(err, ErrDamaged) {
		t.Errorf("half a greeting: %v, want %v", err, ErrDamaged)
	}
}

// FuzzReader: whatever the guest sends, the host reads it to an error, and
// keeps no more of it than a frame.
func FuzzReader(f *testing.F) {
	f.Add(stream(f, sample...))
	f.Add([]byte("KM"))
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, err := readAll(bytes.NewReader(b))
		if err != io.EOF && !errors.Is(err, ErrDamaged) {
			t.Errorf("error = %v", err)
		}
		n := 0
		for _, fr := range frames {
			n += len(fr.Payload) + headerLen + 4
		}
		if n > len(b) {
			t.Errorf("%d bytes of frames from %d bytes", n, len(b))
		}
	})
}
