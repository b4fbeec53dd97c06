package gotest

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The files are those that go test -fuzz of Go 1.26 wrote of the same values.
func TestCorpusFile(t *testing.T) {
	tests := map[string]struct {
		values []any
		want   string
	}{
		"bytes":    {[]any{[]byte("a\x00\xff\"é")}, "[]byte(\"a\\x00\\xff\\\"é\")\n"},
		"several":  {[]any{"s\n", true, 'x', byte('\n')}, "string(\"s\\n\")\nbool(true)\nrune('x')\nbyte('\\n')\n"},
		"no runes": {[]any{int32(-1), int32(0xd800)}, "int32(-1)\nint32(55296)\n"},
		"integers": {[]any{-1, int8(-8), int16(-16), int64(-64), uint(1), uint16(16), uint32(32), uint64(64)},
			"int(-1)\nint8(-8)\nint16(-16)\nint64(-64)\nuint(1)\nuint16(16)\nuint32(32)\nuint64(64)\n"},
		"floats": {[]any{float32(1.5), math.Inf(1), math.NaN(), float32(math.NaN()), math.Float64frombits(math.Float64bits(math.NaN()) + 1), math.Float32frombits(0x7fc00001)},
			"float32(1.5)\nfloat64(+Inf)\nfloat64(NaN)\nfloat32(NaN)\nmath.Float64frombits(0x7ff8000000000002)\nmath.Float32frombits(0x7fc00001)\n"},
	}
	for name, tt := range tests {
		_, got := CorpusFile(tt.values)
		if diff := cmp.Diff("go test fuzz v1\n"+tt.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if name, _ := CorpusFile([]any{[]byte("0")}); name != "582528ddfad69eb5" {
		t.Errorf("name %q", name)
	}
}
