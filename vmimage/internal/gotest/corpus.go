package gotest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"unicode/utf8"
)

// CorpusFile is an input of a fuzz test as testdata/fuzz has it, and the name that
// package testing would give to the file.
//
// The format is that of Go's internal/fuzz, "go test fuzz v1": a value of Go a line.
func CorpusFile(values []any) (name string, data []byte) {
	var b bytes.Buffer
	b.WriteString("go test fuzz v1\n")
	for _, v := range values {
		switch v := v.(type) {
		case []byte:
			fmt.Fprintf(&b, "[]byte(%q)\n", v)
		case string:
			fmt.Fprintf(&b, "string(%q)\n", v)
		case byte:
			fmt.Fprintf(&b, "byte(%q)\n", v)
		case rune:
			// Half of a surrogate pair, and what is beyond Unicode, is no rune of
			// the source.
			if utf8.ValidRune(v) {
				fmt.Fprintf(&b, "rune(%q)\n", v)
			} else {
				fmt.Fprintf(&b, "int32(%d)\n", v)
			}
		case float32:
			if bits := math.Float32bits(v); v != v && bits != math.Float32bits(float32(math.NaN())) {
				fmt.Fprintf(&b, "math.Float32frombits(%#x)\n", bits)
			} else {
				fmt.Fprintf(&b, "float32(%v)\n", v)
			}
		case float64:
			if bits := math.Float64bits(v); v != v && bits != math.Float64bits(math.NaN()) {
				fmt.Fprintf(&b, "math.Float64frombits(%#x)\n", bits)
			} else {
				fmt.Fprintf(&b, "float64(%v)\n", v)
			}
		default: // bool and the other integers
			fmt.Fprintf(&b, "%T(%v)\n", v, v)
		}
	}
	return fmt.Sprintf("%x", sha256.Sum256(b.Bytes()))[:16], b.Bytes()
}
