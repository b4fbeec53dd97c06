package fault

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
)

// Each site has four words of 64 bits in the region: how often it was reached, the
// occurrence that is to fail (0 is none), how often it did, and what it returns then.
const (
	wordReached = 0
	wordFailAt  = 8
	wordFailed  = 16
	wordReturn  = 24
	wordsSize   = 32
)

// most is how many sites there is room for.
const most = graft.FaultsSize / wordsSize

// Shot says which occurrence of a site fails, counted from 1.
type Shot struct {
	Site int
	At   uint64
}

// errno is what fails with.
const enomem = 12

// value is what a function returns that fails with ENOMEM.
func (c Convention) value() uint64 {
	switch c {
	case Errno, ErrPtr:
		return ^uint64(enomem) + 1
	default:
		return 0
	}
}

// arm writes to a guest's memory what is to fail.
func arm(memory io.WriterAt, sites []Site, shots []Shot) error {
	for _, s := range shots {
		at := int64(graft.FaultsAt + s.Site*wordsSize)
		b := binary.LittleEndian.AppendUint64(nil, sites[s.Site].Fails.value())
		if _, err := memory.WriteAt(b, at+wordReturn); err != nil {
			return fmt.Errorf("have a call fail: %w", err)
		}
		b = binary.LittleEndian.AppendUint64(nil, s.At)
		if _, err := memory.WriteAt(b, at+wordFailAt); err != nil {
			return fmt.Errorf("have a call fail: %w", err)
		}
	}
	return nil
}

// Reached is what a guest says of a site.
type Reached struct{ Times, Failed uint64 }

// read reads how often each of n sites was reached.
func read(memory io.ReaderAt, n int) ([]Reached, error) {
	b := make([]byte, n*wordsSize)
	if _, err := memory.ReadAt(b, graft.FaultsAt); err != nil {
		return nil, fmt.Errorf("read which calls were made: %w", err)
	}
	out := make([]Reached, n)
	for i := range out {
		w := b[i*wordsSize:]
		out[i] = Reached{binary.LittleEndian.Uint64(w[wordReached:]), binary.LittleEndian.Uint64(w[wordFailed:])}
	}
	return out, nil
}
