package guest

import "time"

// patience is the one clock of this package's waits. A limit is counted in
// tenths, of which a guest that a busy host keeps waiting sees one, however long
// it had to wait: what is measured is time in which the guest could run.
type patience struct {
	tick *time.Ticker // drops what nobody was there to receive
	left int
}

const parts = 10

func newPatience(limit time.Duration) *patience {
	return &patience{tick: time.NewTicker(limit / parts), left: parts}
}

func (p *patience) stop() { p.tick.Stop() }

// receive waits for ch until limit has passed.
func receive[T any](ch <-chan T, limit time.Duration) (v T, ok bool) {
	p := newPatience(limit)
	defer p.stop()
	for ; p.left > 0; p.left-- {
		select {
		case v = <-ch:
			return v, true
		case <-p.tick.C:
		}
	}
	return v, false
}

// poll calls done until it is true or limit has passed, and reports which.
func poll(limit time.Duration, done func() bool) bool {
	p := newPatience(limit)
	defer p.stop()
	// 1 ms at first: most of what is waited for is an RCU grace period away.
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if done() {
			return true
		}
		if p.left <= 0 {
			return false
		}
		select {
		case <-p.tick.C:
			p.left--
		case <-time.After(pause):
		}
	}
}
