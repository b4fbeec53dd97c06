// Package boot provides guests that have greeted the host and wait for their
// job: restored from a snapshot where there is one, booted where there is none.
package boot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Guest is a guest that waits for its job.
type Guest struct {
	VM *vm.VM
	// Frames are the guest's frames after its greeting; closed at their end.
	Frames <-chan wire.Frame
	// Out writes frames to the guest.
	Out *wire.Writer
	// Console is the kernel console, the part before a snapshot included.
	Console *Console
	// Log are the records of the kernel log up to the greeting, as frames
	// carried them.
	Log [][]byte
	// Hello is the greeting.
	Hello wire.Greeting
	// Restored tells that the guest comes from a snapshot.
	Restored bool
	// Started is when QEMU was started, Greeted when the guest was ready.
	Started, Greeted time.Time

	frames  chan wire.Frame
	readErr error
	sent    uint32 // frames that the guest has sent up to its greeting
}

// ErrNoGreeting says that a guest did not get as far as its init.
var ErrNoGreeting = errors.New("the guest does not answer")

// Cold boots a guest and waits for its greeting, for limit at the most.
func Cold(ctx context.Context, c vm.Config, limit time.Duration) (*Guest, error) {
	g := newGuest()
	v, err := vm.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	g.attach(v, wire.NewReader(v.Frames))
	if err := g.greet(ctx, limit); err != nil {
		_ = g.Close(err) // it is err
		return nil, g.WithConsole(err)
	}
	g.Greeted = time.Now()
	return g, nil
}

func newGuest() *Guest {
	ch := make(chan wire.Frame, 16)
	return &Guest{Frames: ch, frames: ch, Console: new(Console), Started: time.Now()}
}

// attach connects the host's ends of a started guest.
func (g *Guest) attach(v *vm.VM, r *wire.Reader) {
	g.VM, g.Out = v, wire.NewWriter(v.Frames)
	g.Console.follow(v.Console)
	go g.read(r)
}

// read passes on frames until they end.
func (g *Guest) read(r *wire.Reader) {
	for {
		f, err := r.Read()
		if err != nil {
			g.readErr = err
			close(g.frames)
			return
		}
		g.frames <- f
	}
}

// ReadError is why Frames was closed: io.EOF after whole frames, else an error
// that wraps wire.ErrDamaged. It is valid once Frames is closed.
func (g *Guest) ReadError() error {
	if errors.Is(g.readErr, wire.ErrDamaged) {
		return g.readErr
	}
	return io.EOF
}

// greet waits for the greeting. The boot log comes before it.
func (g *Guest) greet(ctx context.Context, limit time.Duration) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline.C:
			return fmt.Errorf("%w: no greeting within %v", ErrNoGreeting, limit)
		case f, ok := <-g.frames:
			g.sent++
			switch {
			case !ok:
				// QEMU's own words, if it had any, tell more.
				if err := g.VM.Wait(); err != nil {
					return err
				}
				return fmt.Errorf("%w: it ended before its greeting", ErrNoGreeting)
			case f.Type == wire.Kmsg:
				g.Log = append(g.Log, f.Payload)
			case f.Type == wire.Error:
				return fmt.Errorf("guest init: %s", f.Payload)
			case f.Type == wire.Hello:
				if err := f.Decode(&g.Hello); err != nil {
					return err
				}
				if g.Hello.Version != wire.Version {
					return fmt.Errorf("the guest speaks version %d of the protocol, kmodtest %d: build kmodtest from the source that the image is built from", g.Hello.Version, wire.Version)
				}
				return nil
			}
		}
	}
}

// Gone tells whether QEMU has ended, or ends within d.
func (g *Guest) Gone(d time.Duration) bool {
	select {
	case <-g.VM.Exited():
		return true
	case <-time.After(d):
		return false
	}
}

// Close ends the guest if it has not ended by itself and releases what it
// holds. It returns how QEMU ended; that is cause if Close had to end it.
func (g *Guest) Close(cause error) error {
	g.VM.Kill(cause)
	g.Console.Wait()
	for range g.frames { // the reader must not block
	}
	return g.VM.Wait()
}

// WithConsole adds the end of the console to an error.
func (g *Guest) WithConsole(err error) error {
	text := bytes.TrimSpace(g.Console.Bytes())
	if len(text) == 0 {
		return fmt.Errorf("%w (its console is empty)", err)
	}
	const tail = 4 << 10
	if len(text) > tail {
		text = text[len(text)-tail:]
	}
	return fmt.Errorf("%w\nend of its console:\n%s", err, text)
}
