package guest

import "time"

// receive waits for ch until limit has passed. The limit is counted in tenths,
// of which a guest that a busy host keeps waiting sees one, however long it had
// to wait: what is measured is time in which the guest could run.
func receive[T any](ch <-chan T, limit time.Duration) (v T, ok bool) {
	const parts = 10
	tick := time.NewTicker(limit / parts)
	defer tick.Stop()
	for range parts {
		select {
		case v = <-ch:
			return v, true
		case <-tick.C:
		}
	}
	return v, false
}
