package run

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
)

// asked is a QEMU that notes what it is asked.
type asked []string

func (a *asked) Processors(context.Context) (string, error) {
	*a = append(*a, "processors")
	return "CPU 0, interrupts off", nil
}

func (a *asked) SysRq(_ context.Context, key byte) error {
	*a = append(*a, "sysrq "+string(key))
	return nil
}

func (a *asked) Interrupt(context.Context) { *a = append(*a, "nmi") }

// silentSession is one with a guest that is silent. Each second of the host, it
// can run for what ran says of it.
func silentSession(hung bool, ran func(second int) time.Duration) (*session, *bytes.Buffer, *asked) {
	var sent bytes.Buffer
	var qemu asked
	return &session{
		Guest: &boot.Guest{Out: wire.NewWriter(&sent)}, limits: Limits{Grace: 10 * time.Second}, qemu: &qemu,
		lap: func() func() time.Duration {
			second := 0
			return func() time.Duration {
				second++
				return ran(second)
			}
		},
		quiet: func() {}, hung: func() bool { return hung },
	}, &sent, &qemu
}

func always(int) time.Duration { return time.Second }

func TestWatch(t *testing.T) {
	stopped := func(second int) time.Duration {
		if second > 3 && second <= 48 {
			return 0
		}
		return time.Second
	}
	tests := map[string]struct {
		limit time.Duration
		hung  bool
		// alive is the last second in which the guest says something.
		alive int
		ran   func(int) time.Duration
		ticks int // after which the guest is asked
		want  error
	}{
		"deadline":          {limit: 5 * time.Second, alive: 100, ticks: 5, want: errDeadline},
		"hung":              {limit: time.Hour, hung: true, alive: 100, ticks: 10, want: errDeadline},
		"silence":           {limit: time.Hour, ticks: 11, want: errSilent},
		"silence later":     {limit: time.Hour, alive: 20, ticks: 30, want: errSilent},
		"none":              {alive: 100, ticks: -1},
		"stopped, goes on":  {limit: 40 * time.Second, alive: 3, ran: stopped, ticks: 58, want: errSilent},
		"stopped, deadline": {limit: 5 * time.Second, alive: 100, ran: stopped, ticks: 50, want: errDeadline},
		"stopped, hung":     {hung: true, alive: 100, ran: stopped, ticks: 55, want: errDeadline},
		"for ever":          {limit: time.Second, ran: func(int) time.Duration { return 0 }, ticks: -1},
		"busy host":         {ran: func(int) time.Duration { return time.Second / 4 }, ticks: 41, want: errSilent},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.ran == nil {
				tt.ran = always
			}
			s, sent, qemu := silentSession(tt.hung, tt.ran)
			w := s.newWatch(tt.limit)
			defer w.stop()
			w.handled(wire.Kmsg)
			for i := 1; i <= 100; i++ {
				if i <= tt.alive {
					w.heard(wire.Alive)
				}
				if err := w.tick(t.Context()); err != nil {
					t.Fatal(err)
				}
				if w.words == nil {
					continue
				}
				if i != tt.ticks || !errors.Is(w.words.cause(), tt.want) {
					t.Errorf("after %d ticks %v, want %v after %d", i, w.words.cause(), tt.want, tt.ticks)
				}
				// Who says nothing is not asked from the inside.
				if inside := sent.Len() > 0; inside == errors.Is(tt.want, errSilent) || inside == (len(*qemu) > 0) {
					t.Errorf("asked from the inside: %v; of QEMU: %q", inside, *qemu)
				}
				return
			}
			if tt.ticks > 0 {
				t.Errorf("nothing happens, want %v", tt.want)
			}
		})
	}
}

// A guest that says nothing is asked through the console, then through an
// interrupt, and then ended.
func TestLastWordsOutside(t *testing.T) {
	s, _, qemu := silentSession(false, always)
	w := s.newWatch(0)
	defer w.stop()
	var err error
	i := 0
	for ; err == nil && i < 100; i++ {
		err = w.tick(t.Context())
	}
	if diff := cmp.Diff(asked{"processors", "sysrq 9", "sysrq w", "sysrq l", "sysrq t", "nmi"}, *qemu); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if !errors.Is(err, errSilent) || !strings.Contains(err.Error(), "(CPU 0, interrupts off)") || i != 17 {
		t.Errorf("after %d ticks %v, want %v after 17", i, err, errSilent)
	}
}

// The kernel is asked first, then the process; when the process ends, no more
// is asked, and the guest gets the time to end.
func TestLastWords(t *testing.T) {
	s, sent, _ := silentSession(false, always)
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
