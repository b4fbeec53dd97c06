package guest

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tc := range []struct {
			after time.Duration
			want  bool
		}{{0, true}, {9 * time.Second, true}, {11 * time.Second, false}} {
			ch := make(chan int, 1)
			start := time.Now()
			time.AfterFunc(tc.after, func() { ch <- 7 })
			v, ok := receive(ch, 10*time.Second)
			if ok != tc.want || ok && v != 7 {
				t.Errorf("after %v: receive = %d, %v, want %v", tc.after, v, ok, tc.want)
			}
			if d := time.Since(start); !ok && d != 10*time.Second {
				t.Errorf("receive gave up after %v, want 10s", d)
			}
			<-time.After(time.Minute)
		}
	})
}

// A guest that runs for a moment each fifth of a second has each time one tick, and
// has not had ten seconds until it has had as many as make ten seconds.
func TestReceiveTrickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int, 1)
		time.AfterFunc(3*time.Minute, func() { ch <- 7 })
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		if v, ok := receiveWithin(ch, tick.C, int(10*time.Second/beat)); !ok || v != 7 {
			t.Errorf("receive = %d, %v after 3 minutes with a twentieth of a processor", v, ok)
		}
	})
}

func TestPoll(t *testing.T) {
	const limit = 10 * time.Second
	for name, tc := range map[string]struct {
		after time.Duration // when it is done
		stuck time.Duration // how long the guest cannot run in between
		want  bool
	}{
		"at once":             {0, 0, true},
		"in time":             {9 * time.Second, 0, true},
		"too late":            {12 * time.Second, 0, false},
		"never":               {time.Hour, 0, false},
		"kept waiting":        {5 * time.Minute, 5 * time.Minute, true},
		"kept waiting, never": {time.Hour, 5 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, calls := time.Now(), 0
				got := poll(limit, func() bool {
					if calls++; calls == 10 {
						time.Sleep(tc.stuck)
					}
					return time.Since(start) >= tc.after
				})
				if got != tc.want {
					t.Errorf("poll = %v, want %v", got, tc.want)
				}
				ran := time.Since(start) - tc.stuck
				if !got && (ran < limit*9/10 || ran > limit*11/10) {
					t.Errorf("poll gave up after %v, want %v", ran, limit)
				}
				if late := time.Since(start) - tc.after; got && tc.stuck == 0 && late > 50*time.Millisecond {
					t.Errorf("poll was done %v late", late)
				}
			})
		})
	}
}
