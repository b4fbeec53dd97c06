package guest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMeet(t *testing.T) {
	was := map[string]uint64{".text": 0xffffffffc0400000, ".data": 0xffffffffc0402040}
	for _, tc := range []struct {
		name    string
		was, is map[string]uint64
		want    bool
	}{
		{"the same place", was, map[string]uint64{".text": 0xffffffffc0400000}, true},
		{"the last page", was, map[string]uint64{".init.text": 0xffffffffc0402ff0}, true},
		{"behind it", was, map[string]uint64{".text": 0xffffffffc0403000}, false},
		{"before it", was, map[string]uint64{".text": 0xffffffffc03ff000, ".data": 0xffffffffc03ffff8}, false},
		{"nobody knows where", nil, map[string]uint64{".text": 0xffffffffc0600000}, true},
	} {
		if got := meet(tc.was, tc.is); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// Who unloads what Modprobe has loaded asks what Modprobe has loaded: a look that
// finds something unloads what came meanwhile, and spares those.
func TestHeldRelease(t *testing.T) {
	var h held
	h.hold()
	if !h.has("veth") {
		t.Error("while a module is being loaded, any may be it")
	}
	h.add([]string{"veth"})
	if !h.has("veth") || h.has("dummy") {
		t.Error("veth is not held, or dummy is")
	}
	done := make(chan []string, 1)
	go func() {
		err := h.release(func(names []string) ([]string, error) {
			h.has("dummy")
			done <- names
			return nil, nil
		})
		if err != nil {
			t.Error(err)
		}
	}()
	select {
	case names := <-done:
		if diff := cmp.Diff([]string{"veth"}, names); diff != "" {
			t.Errorf("unloaded (-want +got):\n%s", diff)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("release waits for itself")
	}
}
