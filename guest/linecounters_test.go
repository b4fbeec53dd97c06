package guest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLineCounters(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "core"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const at, n = 100, 40
	set := func(i int, v uint64) {
		if _, err := f.WriteAt(binary.NativeEndian.AppendUint64(nil, v), at+int64(i*counterSize)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		set(i, uint64(i))
	}
	l := &lineCounters{fd: int(f.Fd()), at: at, was: make([]byte, n*counterSize), is: make([]byte, n*counterSize)}
	if err := l.read(l.was); err != nil {
		t.Fatal(err)
	}
	told := func() map[int]uint64 {
		t.Helper()
		got := make(map[int]uint64)
		if err := l.tell(func(i int, n uint64) { got[i] = n }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	set(0, 1)
	set(17, 1017)
	set(n-1, n)
	if diff := cmp.Diff(map[int]uint64{0: 1, 17: 1000, n - 1: 1}, told()); diff != "" {
		t.Errorf("the first time (-want +got):\n%s", diff)
	}
	set(17, 1018)
	if diff := cmp.Diff(map[int]uint64{17: 1}, told()); diff != "" {
		t.Errorf("the second time (-want +got):\n%s", diff)
	}
	if got := told(); len(got) > 0 {
		t.Errorf("nothing has grown, and %v was told", got)
	}
	if err := f.Truncate(at + 8); err != nil {
		t.Fatal(err)
	}
	if err := l.tell(func(int, uint64) {}); err == nil {
		t.Error("counters that cannot be read were told")
	}
}

func TestAsCounted(t *testing.T) {
	for n, want := range map[uint64]int{0: 0, 1: 1, 2: 2, 3: 2, 4: 4, 127: 64, 128: 128, 255: 128, 256: 128, 1 << 63: 128} {
		if got := asCounted(n); got != want {
			t.Errorf("%d counts as %d, want %d", n, got, want)
		}
	}
}
