// Package wire is the protocol between the host and the guest's init:
// checksummed frames, and the messages in them.
//
// Frames to the host go through a Ring in memory that both share, frames to the
// guest through its second serial port. Neither carries anything else. The
// kernel log has a port of its own, so that no printk can forge or garble a
// frame.
package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"time"
)

// Type says what a frame carries.
type Type uint8

// The types of frames. Types below 64 go from the guest to the host.
const (
	// Hello is the guest's first frame: a JSON Greeting.
	Hello Type = iota + 1
	// Stdout and Stderr carry bytes of the payload's output.
	Stdout
	Stderr
	// Kmsg carries one record as read from /dev/kmsg.
	Kmsg
	// File announces a file for the host, as JSON FileHeader; FileData frames
	// with its content follow.
	File
	FileData
	// Exited tells that a step's process ended: a JSON ExitStatus.
	Exited
	// Error carries the text of an error of the guest's init.
	Error
	// Done is the guest's last frame: a JSON Summary.
	Done
	// Alive, without a payload, comes each AliveEvery while the guest has a
	// job, whatever else is sent.
	Alive

	// Start is the host's first frame: a JSON Job.
	Start Type = 64
	// Signal carries a signal number, as JSON, for the running process.
	Signal Type = 65
	// Dump asks for the state of all tasks in the kernel log.
	Dump Type = 66
)

// AliveEvery is the time between two Alive frames.
const AliveEvery = time.Second

const (
	magic = 0x4b4d // "KM"
	// headerLen is magic (2), type (1), zero (1), sequence (4), length (4).
	headerLen = 12
	// MaxPayload bounds a frame, so that a damaged length is noticed at once.
	MaxPayload = 1 << 20
)

// ErrDamaged is wrapped by every error about bytes that are no frame.
var ErrDamaged = errors.New("damaged frame")

// castagnoli is the polynomial of the checksums. Its tables take a guest without
// KVM 20 ms to make, which its init under the name of modprobe does without.
var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

// Frame is one message.
type Frame struct {
	Type    Type
	Payload []byte
}

// Writer writes frames. It is safe for concurrent use.
type Writer struct {
	mu  sync.Mutex
	w   io.Writer
	seq uint32
	buf []byte
}

// NewWriter returns a Writer that writes to w, one Write for each frame.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes a frame. The payload may not be longer than MaxPayload.
func (w *Writer) Write(t Type, payload []byte) error {
	if len(payload) > MaxPayload {
		return fmt.Errorf("write frame: %d bytes exceed %d", len(payload), MaxPayload)
	}
	w.mu.Lock()
	defer w.mu.Unlock()

	b := w.buf[:0]
	b = binary.BigEndian.AppendUint16(b, magic)
	b = append(b, byte(t), 0)
	b = binary.BigEndian.AppendUint32(b, w.seq)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, payload...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli()))
	w.buf = b
	w.seq++
	if _, err := w.w.Write(b); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

// WriteJSON writes a frame with v as JSON.
func (w *Writer) WriteJSON(t Type, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	return w.Write(t, b)
}

// Reader reads frames. It is not safe for concurrent use.
type Reader struct {
	r   *bufio.Reader
	seq uint32
}

// NewReader returns a Reader that reads from r.
func NewReader(r io.Reader) *Reader { return NewReaderAt(r, 0) }

// NewReaderAt returns a Reader for a stream of which seq frames have been read
// already: a guest that is restored goes on counting where it was frozen.
func NewReaderAt(r io.Reader, seq uint32) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 64<<10), seq: seq}
}

// Read returns the next frame. It returns io.EOF at the end between two
// frames and an error that wraps ErrDamaged for anything that is not the next
// frame of the sequence: a lost frame is as bad as a wrong one.
func (r *Reader) Read() (Frame, error) {
	var h [headerLen]byte
	if _, err := io.ReadFull(r.r, h[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return Frame{}, fmt.Errorf("read frame: %w: cut off in its header", ErrDamaged)
		}
		return Frame{}, err
	}
	if m := binary.BigEndian.Uint16(h[:]); m != magic {
		return Frame{}, fmt.Errorf("read frame: %w: it starts with %#04x", ErrDamaged, m)
	}
	seq, n := binary.BigEndian.Uint32(h[4:]), binary.BigEndian.Uint32(h[8:])
	if seq != r.seq {
		return Frame{}, fmt.Errorf("read frame: %w: number %d where %d was due", ErrDamaged, seq, r.seq)
	}
	if n > MaxPayload {
		return Frame{}, fmt.Errorf("read frame: %w: length %d", ErrDamaged, n)
	}
	b := make([]byte, int(n)+4)
	if _, err := io.ReadFull(r.r, b); err != nil {
		return Frame{}, fmt.Errorf("read frame: %w: cut off after its header", ErrDamaged)
	}
	sum := crc32.Update(crc32.Checksum(h[:], castagnoli()), castagnoli(), b[:n])
	if sum != binary.BigEndian.Uint32(b[n:]) {
		return Frame{}, fmt.Errorf("read frame: %w: wrong checksum", ErrDamaged)
	}
	r.seq++
	return Frame{Type: Type(h[2]), Payload: b[:n:n]}, nil
}
