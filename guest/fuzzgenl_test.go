package guest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/misuse"
)

func length(n uint32) *uint32 { return &n }

// sample is a family with two operations, of which one has a policy with one
// attribute of each sort.
func sample() *genlFuzz {
	return &genlFuzz{misuse.Family{
		Name: "sample", Version: 1,
		Ops: []misuse.Op{{ID: 1, Flags: misuse.CanDo, Do: 0, Dump: -1}, {ID: 4, Flags: misuse.CanDump, Do: -1, Dump: -1}},
		Policies: map[int][]misuse.Attr{
			0: {
				{Type: 1, Kind: misuse.U8, MaxU: 1, Policy: -1},
				{Type: 2, Kind: misuse.U32, MaxU: 1<<32 - 1, Policy: -1},
				{Type: 3, Kind: misuse.NulString, MaxLen: length(4), Policy: -1},
				{Type: 4, Kind: misuse.Nested, Policy: 1},
				{Type: 5, Kind: misuse.Invalid, Policy: -1},
			},
			1: {{Type: 1, Kind: misuse.Flag, Policy: -1}},
		},
	}}
}

func TestGenlRequest(t *testing.T) {
	tests := map[string]struct {
		input, want string
		flags       uint16
	}{
		"nothing":                  {"", "do operation 1 {}", 0},
		"operation":                {"\x04\x01", "dump operation 4 {}", unix.NLM_F_DUMP},
		"no such operation":        {"\x05\x00", "do operation 4 {}", 0},
		"attributes":               {"\x01\x00\x01\x09\x02\x01\x02\x03\x04\x03\x02hi", "do operation 1 {1: 09, 2: 01020304, 3: 686900}", 0},
		"no such attribute":        {"\x01\x00\x0d\xff", "do operation 1 {2: ff000000}", 0},
		"one that is forbidden":    {"\x01\x00\x05\x01", "do operation 1 {2: 01000000}", 0},
		"cut off":                  {"\x01\x00\x02\xff\xff", "do operation 1 {2: ffff0000}", 0},
		"a string cut off":         {"\x01\x00\x03\xffhi", "do operation 1 {3: 686900}", 0},
		"nest":                     {"\x01\x00\x04\x02\x01\x01\x01\x07", "do operation 1 {4: {1: , 1: }, 1: 07}", 0},
		"short":                    {"\x01\x02\x02\x01\x02\x03\x04", "do operation 1 {2: 010203}", 0},
		"long":                     {"\x01\x04\x02\x01\x02\x03\x04", "do operation 1 {2: 0102030400000000}", 0},
		"unknown":                  {"\x01\x10", "do operation 1 {1023: 01000000}", 0},
		"operation without policy": {"\x04\x01\x07\x02ab", "dump operation 4 {7: 6162}", unix.NLM_F_DUMP},
	}
	g := sample()
	for name, tt := range tests {
		flags, request := g.request([]byte(tt.input))
		if got := genlText(flags, request, 0); got != tt.want || flags != tt.flags {
			t.Errorf("%s: flags %#x, %s, want %s", name, flags, got, tt.want)
		}
	}
	if _, request := g.request([]byte("\x01\x08")); request[1] != 255 {
		t.Errorf("version %d, want 255", request[1])
	}
	g.Header = 5
	if _, request := g.request([]byte("\x01\x00")); len(request) != 12 {
		t.Errorf("a header of five bytes makes a request of %d", len(request))
	}
}

// Before 5.11 a family has one policy.
func TestGenlRequestOnePolicy(t *testing.T) {
	g := sample()
	g.Ops[0].Do = -1
	flags, request := g.request([]byte("\x01\x00\x01\x09"))
	if got := genlText(flags, request, 0); got != "do operation 1 {1: 09}" {
		t.Error(got)
	}
}

func TestGenlSeeds(t *testing.T) {
	g := sample()
	var got []string
	for _, seed := range g.seeds() {
		flags, request := g.request(seed)
		got = append(got, genlText(flags, request, 0))
	}
	want := []string{
		"do operation 1 {}",
		"do operation 1 {1: 00}", "do operation 1 {1: 01}",
		"do operation 1 {2: 00000000}", "do operation 1 {2: ffffffff}",
		"do operation 1 {3: 00}", "do operation 1 {3: 61616100}",
		"do operation 1 {4: {1: }}",
		"do operation 1 {1: 00, 2: 00000000, 3: 00, 4: {1: }}",
		"do operation 1 {2: 00000000, 3: 00, 4: {1: }}",
		"do operation 1 {1: 00, 3: 00, 4: {1: }}",
		"do operation 1 {1: 00, 2: 00000000, 4: {1: }}",
		"do operation 1 {1: 00, 2: 00000000, 3: 00}",
		"dump operation 4 {}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("seeds (-want +got):\n%s", diff)
	}
}

// Any bytes make a request of attributes that fit into it, and it can be told.
func FuzzGenlInput(f *testing.F) {
	g := sample()
	for _, seed := range g.seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		flags, request := g.request(input)
		_ = genlText(flags, request, 0)
		if len(request)%4 != 0 || len(request) > 1<<17 {
			t.Errorf("a request of %d bytes", len(request))
		}
	})
}
