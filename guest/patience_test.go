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
