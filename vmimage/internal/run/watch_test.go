package run

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
)

// newSession is one with a guest that is silent.
func newSession(hung bool) (*session, *bytes.Buffer) {
	var sent bytes.Buffer
	return &session{
		Guest: &boot.Guest{Out: wire.NewWriter(&sent)}, limits: Limits{Grace: 10 * time.Second},
		quiet: func() {}, hung: func() bool { return hung },
	}, &sent
}

func TestWatch(t *testing.T) {
	tests := map[string]struct {
		limit time.Duration
		hung  bool
		alive bool
		ticks int // after which the guest is asked
		want  error
	}{
		"deadline": {limit: 5 * time.Second, alive: true, ticks: 5, want: errDeadline},
		"hung":     {limit: time.Hour, hung: true, alive: true, ticks: 10, want: errDeadline},
		"silence":  {limit: time.Hour, ticks: 11, want: errSilent},
		"none":     {alive: true, ticks: -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := newSession(tt.hung)
			w := s.newWatch(tt.limit)
			defer w.stop()
			w.handled(wire.Kmsg)
			for i := 1; i <= 100; i++ {
				if tt.alive {
					w.heard(wire.Alive)
				}
				// The stages of silence ask QEMU, which there is none of here.
				if w.words == nil && !tt.alive && w.silent == 10 {
					if tt.ticks != i {
						t.Errorf("silence after %d ticks, want %d", i, tt.ticks)
					}
					return
				}
				if err := w.tick(context.Background()); err != nil {
					t.Fatal(err)
				}
				if w.words != nil {
					if i != tt.ticks || !errors.Is(w.words.cause(), tt.want) {
						t.Errorf("after %d ticks %v, want %v after %d", i, w.words.cause(), tt.want, tt.ticks)
					}
					return
				}
			}
			if tt.ticks > 0 {
				t.Errorf("nothing happens, want %v", tt.want)
			}
		})
	}
}

// The kernel is asked first, then the process; when the process ends, no more
// is asked, and the guest gets the time to end.
func TestLastWords(t *testing.T) {
	s, sent := newSession(false)
	w := s.newWatch(time.Second)
	defer w.stop()
	for range 5 {
		w.heard(wire.Alive)
		if err := w.tick(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	r := wire.NewReader(sent)
	for _, want := range []wire.Type{wire.Dump, wire.Signal} {
		f, err := r.Read()
		if err != nil || f.Type != want {
			t.Fatalf("frame of type %d, %v; want type %d", f.Type, err, want)
		}
	}
	w.handled(wire.Exited)
	for i := range 11 {
		err := w.tick(context.Background())
		if last := i == 10; last != errors.Is(err, errDeadline) {
			t.Errorf("tick %d after the end of the process: %v", i, err)
		}
	}
}
