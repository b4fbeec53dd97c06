package graft

import "testing"

func TestReserved(t *testing.T) {
	tests := map[string]struct {
		log string
		ok  bool
	}{
		"6.1":       {"4,10,0,-;Reserving 8MB of memory at 96MB for crashkernel (System RAM: 511MB)\n", true},
		"6.12":      {"6,10,0,-;crashkernel reserved: 0x0000000006000000 - 0x0000000006800000 (8 MB)\n", true},
		"elsewhere": {"6,10,0,-;crashkernel reserved: 0x0000000016000000 - 0x0000000016800000 (8 MB)\n", false},
		"in use":    {"4,10,0,-;crashkernel reservation failed - memory is in use.\n", false},
		"no word":   {"", false},
	}
	for name, tt := range tests {
		if err := Reserved([]byte(tt.log)); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
