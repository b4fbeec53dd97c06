package wire

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mailbox carries questions of a process in the guest to the host, and the
// answers, through the last part of the memory of the frames. The process waits
// for the answer: what the host finds out is told by the test that ran, before
// anything else happens in the guest.
//
// Who has put a question into it rings: one byte on the serial port that the
// host's frames come through. Without one the host would have to look all the
// time. Processes take turns, by a lock that is theirs to find.
type Mailbox struct {
	asked, answered *atomic.Uint32
	length          *atomic.Uint32
	text            []byte
}

const (
	// MailboxSize is the size in bytes of the part of a Ring's memory, its last,
	// that is the mailbox.
	MailboxSize = 256 << 10

	mailboxText = 192 // after three counters in cache lines of their own
)

// NewMailbox returns the mailbox in the memory of a Ring.
func NewMailbox(mem []byte) *Mailbox {
	m := mem[RingSize-MailboxSize : RingSize]
	return &Mailbox{
		asked:    (*atomic.Uint32)(unsafe.Pointer(&m[0])),
		answered: (*atomic.Uint32)(unsafe.Pointer(&m[64])),
		length:   (*atomic.Uint32)(unsafe.Pointer(&m[128])),
		text:     m[mailboxText:],
	}
}

// MaxMail is the length in bytes of the longest question or answer.
const MaxMail = MailboxSize - mailboxText

// put puts v into the mailbox.
func (m *Mailbox) put(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > len(m.text) {
		return fmt.Errorf("%d bytes exceed %d", len(b), len(m.text))
	}
	copy(m.text, b)
	m.length.Store(uint32(len(b)))
	return nil
}

// take takes v out of it. The other side may be out of its mind.
func (m *Mailbox) take(v any) error {
	n := m.length.Load()
	if int(n) > len(m.text) {
		return fmt.Errorf("%w: length %d", ErrDamaged, n)
	}
	// A copy: the decoder reads more than once.
	b := append([]byte(nil), m.text[:n]...)
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	return nil
}

// answerPoll is how long the guest sleeps between two looks for the answer.
const answerPoll = 200 * time.Microsecond

// nap sleeps for answerPoll. time.Sleep would sleep for a millisecond and more where
// nothing else runs: the runtime then waits in epoll_wait, which counts them.
func nap() {
	t := unix.NsecToTimespec(int64(answerPoll))
	_ = unix.Nanosleep(&t, nil) // a nap that a signal ends was long enough
}

// Ask puts a question to the host, rings, and waits for the answer, looks times
// a fifth of a millisecond at the most. It is for the guest.
func (m *Mailbox) Ask(question, answer any, ring func() error, looks int) error {
	if err := m.put(question); err != nil {
		return fmt.Errorf("ask the host: %w", err)
	}
	turn := m.answered.Load() + 1
	m.asked.Store(turn)
	if err := ring(); err != nil {
		return fmt.Errorf("ask the host: ring: %w", err)
	}
	// Looks are counted, not the time: a busy host keeps the guest waiting, too.
	for range looks {
		if m.answered.Load() == turn {
			if err := m.take(answer); err != nil {
				return fmt.Errorf("read the host's answer: %w", err)
			}
			return nil
		}
		nap()
	}
	return fmt.Errorf("ask the host: no answer within %d looks", looks)
}

// Question takes the question that waits, if there is one. It is for the host.
func (m *Mailbox) Question(v any) (waits bool, err error) {
	if m.asked.Load() == m.answered.Load() {
		return false, nil
	}
	return true, m.take(v)
}

// Answer answers the question that waits.
func (m *Mailbox) Answer(v any) error {
	if err := m.put(v); err != nil {
		return fmt.Errorf("answer the guest: %w", err)
	}
	m.answered.Store(m.asked.Load())
	return nil
}
