package kernel

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestCommandOutlivesThreads runs commands while threads end: the kernel takes
// the end of the thread that started a process for the death of its parent
// (PR_SET_PDEATHSIG in prctl(2)), and that thread is no other goroutine's.
func TestCommandOutlivesThreads(t *testing.T) {
	stop := make(chan struct{})
	var ends sync.WaitGroup
	for range 2 {
		ends.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var one sync.WaitGroup
				one.Go(func() { runtime.LockOSThread() }) // its thread ends with it
				one.Wait()
				time.Sleep(100 * time.Microsecond) // commands need the processor, too
			}
		})
	}
	var commands sync.WaitGroup
	for range 8 {
		commands.Go(func() {
			for range 5 {
				if _, err := (Command{Args: []string{"sleep", "0.05"}}).Run(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	commands.Wait()
	close(stop)
	ends.Wait()
}
