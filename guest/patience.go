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

// beat is what who only waits counts in. The host of a guest that gets a hundredth
// of a processor runs it for a moment now and then, and each time a tick is due: the
// shorter the ticks, the less is counted that the guest did not have.
const beat = 10 * time.Millisecond

func newPatience(limit time.Duration) *patience {
	return &patience{tick: time.NewTicker(limit / parts), left: parts}
}

func (p *patience) stop() { p.tick.Stop() }

// receive waits for ch until limit has passed.
func receive[T any](ch <-chan T, limit time.Duration) (v T, ok bool) {
	every := min(beat, limit/parts)
	tick := time.NewTicker(every)
	defer tick.Stop()
	return receiveWithin(ch, tick.C, int(limit/every))
}

// receiveWithin waits for ch until so many ticks have come.
func receiveWithin[T any](ch <-chan T, tick <-chan time.Time, ticks int) (v T, ok bool) {
	for ; ticks > 0; ticks-- {
		select {
		case v = <-ch:
			return v, true
		case <-tick:
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
