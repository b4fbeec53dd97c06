package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"unsafe"
)

// Inputs are what fuzz tests run at this moment, in the memory of the frames: each
// input is put there before it runs, so that the host has it even if it takes the
// guest's kernel along. Go's fuzzing engine keeps it in the guest's memory only.
//
// There is a slot for each process that runs inputs. A slot has an owner, which says
// of its input whether it still runs.
type Inputs struct{ mem []byte }

const (
	// InputsSize is the size in bytes of that part of a Ring's memory. It lies
	// before the Mailbox.
	InputsSize = 128 << 10

	inputSlots = 4
	slotSize   = InputsSize / inputSlots

	// The fields of a slot, each for one side to write. The turn of the first
	// slot's neighbour field counts all inputs.
	slotOwner = 0
	slotState = 4
	slotLen   = 8
	slotTurn  = 16
	slotTurns = 24
	slotData  = 64
)

// States of a slot.
const (
	slotEmpty uint32 = iota
	slotRuns
	slotRan
)

// MaxInput is the length in bytes of the longest input that is kept, its test's name
// and a few bytes for each value included.
const MaxInput = slotSize - slotData

// ErrInputTooLong is the error of an input that is longer than MaxInput.
var ErrInputTooLong = errors.New("the input is too long to be kept")

// NewInputs returns the inputs in the memory of a Ring.
func NewInputs(mem []byte) *Inputs {
	end := RingSize - MailboxSize
	return &Inputs{mem[end-InputsSize : end]}
}

// An InputSlot is the slot of one process in the guest.
type InputSlot struct {
	mem   []byte
	turns *atomic.Uint64
	buf   []byte
}

func word32(mem []byte, at int) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&mem[at])) }
func word64(mem []byte, at int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&mem[at])) }

func (in *Inputs) slot(i int) []byte { return in.mem[i*slotSize:][:slotSize:slotSize] }

// Claim takes a slot for the process with the given number. One whose owner has
// ended is taken again only if its last input had ended, too. It is for the guest.
func (in *Inputs) Claim(pid int, lives func(pid int) bool) (*InputSlot, error) {
	for i := range inputSlots {
		mem := in.slot(i)
		owner := word32(mem, slotOwner)
		was := owner.Load()
		if was != 0 && (lives(int(was)) || word32(mem, slotState).Load() == slotRuns) {
			continue
		}
		if owner.CompareAndSwap(was, uint32(pid)) {
			return &InputSlot{mem: mem, turns: word64(in.mem, slotTurns)}, nil
		}
	}
	return nil, fmt.Errorf("announce inputs: %d processes do so already: give the guest fewer processors, or fuzz with -parallel %d", inputSlots, inputSlots)
}

// Begin puts an input into the slot, which runs from now on. One that is too long is
// announced without its values, and the error is ErrInputTooLong: it may run all the
// same.
func (s *InputSlot) Begin(test string, values []any) error {
	b, err := appendInput(s.buf[:0], test, values)
	if err != nil {
		return err
	}
	s.buf = b
	if len(b) > MaxInput {
		b, err = appendInput(nil, test, nil)
		if err != nil || len(b) > MaxInput {
			return ErrInputTooLong
		}
		err = ErrInputTooLong
	}
	// It must not pass for the input before while it is being written.
	word32(s.mem, slotState).Store(slotEmpty)
	copy(s.mem[slotData:], b)
	word32(s.mem, slotLen).Store(uint32(len(b)))
	word64(s.mem, slotTurn).Store(s.turns.Add(1))
	word32(s.mem, slotState).Store(slotRuns)
	return err
}

// End says that the input has run.
func (s *InputSlot) End() { word32(s.mem, slotState).Store(slotRan) }

// Input is an input of a fuzz test.
type Input struct {
	// Test is the fuzz test's name.
	Test string
	// Values are its values, of the types that package testing fuzzes; nil if it
	// was too long to be kept.
	Values []any
	// Runs tells that it has not ended.
	Runs bool
	// Turn counts the inputs of a guest, of all processes.
	Turn uint64
}

// All are the last inputs of the guest's processes, for the host. The guest may be
// out of its mind.
func (in *Inputs) All() ([]Input, error) {
	var all []Input
	for i := range inputSlots {
		mem := in.slot(i)
		state := word32(mem, slotState).Load()
		if state == slotEmpty {
			continue
		}
		n := word32(mem, slotLen).Load()
		if n > MaxInput || state > slotRan {
			return nil, fmt.Errorf("read inputs: %w: slot %d has state %d and length %d", ErrDamaged, i, state, n)
		}
		// A copy: it is read more than once.
		input, err := parseInput(append([]byte(nil), mem[slotData:][:n]...))
		if err != nil {
			return nil, fmt.Errorf("read inputs: %w", err)
		}
		input.Runs, input.Turn = state == slotRuns, word64(mem, slotTurn).Load()
		all = append(all, input)
	}
	return all, nil
}

// Each value is a byte that says its type, and eight bytes: the number, or the length
// of the bytes that follow.
const (
	inputBytes = iota + 1
	inputString
	inputBool
	inputUint8
	inputInt32
	inputFloat32
	inputFloat64
	inputInt
	inputInt8
	inputInt16
	inputInt64
	inputUint
	inputUint16
	inputUint32
	inputUint64
)

func appendInput(b []byte, test string, values []any) ([]byte, error) {
	put := func(kind byte, n uint64) { b = binary.LittleEndian.AppendUint64(append(b, kind), n) }
	put(inputString, uint64(len(test)))
	b = append(b, test...)
	for _, v := range values {
		switch v := v.(type) {
		case []byte:
			put(inputBytes, uint64(len(v)))
			b = append(b, v...)
		case string:
			put(inputString, uint64(len(v)))
			b = append(b, v...)
		case bool:
			n := uint64(0)
			if v {
				n = 1
			}
			put(inputBool, n)
		case uint8:
			put(inputUint8, uint64(v))
		case int32:
			put(inputInt32, uint64(v))
		case float32:
			put(inputFloat32, uint64(math.Float32bits(v)))
		case float64:
			put(inputFloat64, math.Float64bits(v))
		case int:
			put(inputInt, uint64(v))
		case int8:
			put(inputInt8, uint64(v))
		case int16:
			put(inputInt16, uint64(v))
		case int64:
			put(inputInt64, uint64(v))
		case uint:
			put(inputUint, uint64(v))
		case uint16:
			put(inputUint16, uint64(v))
		case uint32:
			put(inputUint32, uint64(v))
		case uint64:
			put(inputUint64, v)
		default:
			return b, fmt.Errorf("announce input: a value of type %T is none that package testing fuzzes", v)
		}
	}
	return b, nil
}

func parseInput(b []byte) (in Input, err error) {
	for first := true; len(b) > 0; first = false {
		if len(b) < 9 {
			return in, fmt.Errorf("%w: half a value", ErrDamaged)
		}
		kind, n := b[0], binary.LittleEndian.Uint64(b[1:])
		b = b[9:]
		var data []byte
		if kind == inputBytes || kind == inputString {
			if n > uint64(len(b)) {
				return in, fmt.Errorf("%w: a value of %d bytes", ErrDamaged, n)
			}
			data, b = b[:n:n], b[n:]
		}
		if first {
			if in.Test = string(data); kind != inputString {
				return in, fmt.Errorf("%w: no name of a test", ErrDamaged)
			}
			continue
		}
		v, ok := inputValue(kind, n, data)
		if !ok {
			return in, fmt.Errorf("%w: a value of kind %d", ErrDamaged, kind)
		}
		in.Values = append(in.Values, v)
	}
	return in, nil
}

func inputValue(kind byte, n uint64, data []byte) (v any, ok bool) {
	switch kind {
	case inputBytes:
		return data, true
	case inputString:
		return string(data), true
	case inputBool:
		return n != 0, true
	case inputUint8:
		return uint8(n), true
	case inputInt32:
		return int32(n), true
	case inputFloat32:
		return math.Float32frombits(uint32(n)), true
	case inputFloat64:
		return math.Float64frombits(n), true
	case inputInt:
		return int(n), true
	case inputInt8:
		return int8(n), true
	case inputInt16:
		return int16(n), true
	case inputInt64:
		return int64(n), true
	case inputUint:
		return uint(n), true
	case inputUint16:
		return uint16(n), true
	case inputUint32:
		return uint32(n), true
	case inputUint64:
		return n, true
	}
	return nil, false
}
