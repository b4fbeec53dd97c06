package calls

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
)

// The words begin with one for all calls, how many have failed so far, and then each
// call has eight of 64 bits: how often it was reached in process context, the
// occurrence that is to fail (0 is none), the same two in interrupts, the same two
// counted from the first failure of any call on, how often it failed, and what it
// returns then.
const (
	wordReached   = 0
	wordFailAt    = 8
	wordInIRQ     = 16 // from those to those of interrupts
	wordAfter     = 32
	wordFailAfter = 40
	wordFailed    = 48
	wordReturn    = 56
	wordsSize     = 64
)

// most is how many calls there is room for.
const most = graft.CallsSize/wordsSize - 1

// wordsAt is where those of a call are.
func wordsAt(site int) int64 { return graft.CallsAt + int64(1+site)*wordsSize }

// Context is what a call is made in.
type Context string

// The contexts.
const (
	Process   Context = ""
	Interrupt Context = "interrupt" // hard, soft, or NMI
)

// Shot says which occurrence of a call fails, counted from 1.
type Shot struct {
	Site    int     `json:"site"`
	At      uint64  `json:"at"`
	Context Context `json:"context,omitempty"`
	// Second tells that occurrences count from the first failure of another call on,
	// in either context.
	Second bool `json:"second,omitempty"`
}

// Arm says what the host writes for shots.
func Arm(sites []Site, shots ...Shot) []graft.Word {
	var all []graft.Word
	for _, s := range shots {
		at, fail := wordsAt(s.Site), int64(wordFailAt)
		switch {
		case s.Second:
			fail = wordFailAfter
		case s.Context == Interrupt:
			fail += wordInIRQ
		}
		all = append(all, graft.Word{At: at + wordReturn, Value: sites[s.Site].value()}, graft.Word{At: at + fail, Value: s.At})
	}
	return all
}

// Reached is what a guest says of a call.
type Reached struct {
	// Times and InInterrupt are how often it was made, by context.
	Times, InInterrupt uint64
	// After is how often that was after the first failure, and Failed how often it
	// failed itself.
	After, Failed uint64
}

// In is how often it was made in a context.
func (r Reached) In(c Context) uint64 {
	if c == Interrupt {
		return r.InInterrupt
	}
	return r.Times
}

// Read reads how often each of n calls was made.
func Read(memory io.ReaderAt, n int) ([]Reached, error) {
	b := make([]byte, n*wordsSize)
	if _, err := memory.ReadAt(b, wordsAt(0)); err != nil {
		return nil, fmt.Errorf("read which calls were made: %w", err)
	}
	out := make([]Reached, n)
	for i := range out {
		word := func(at int) uint64 { return binary.LittleEndian.Uint64(b[i*wordsSize+at:]) }
		out[i] = Reached{Times: word(wordReached), InInterrupt: word(wordReached + wordInIRQ), After: word(wordAfter), Failed: word(wordFailed)}
	}
	return out, nil
}
