package boot

import (
	"fmt"
	"io"
	"sync"
)

// Console keeps the text of a guest's console: all of an ordinary one, start
// and end of a flooded one.
type Console struct {
	mu   sync.Mutex
	head []byte
	tail []byte
	lost int64
	done chan struct{}
}

const consolePart = 2 << 20

func (c *Console) follow(r io.Reader) {
	c.done = make(chan struct{})
	go func() {
		defer close(c.done)
		_, _ = io.Copy(c, r) // it ends when QEMU does
	}()
}

// Write implements io.Writer.
func (c *Console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(b)
	if room := consolePart - len(c.head); room > 0 {
		k := min(room, len(b))
		c.head, b = append(c.head, b[:k]...), b[k:]
	}
	c.tail = append(c.tail, b...)
	if over := len(c.tail) - consolePart; over > consolePart {
		c.lost += int64(over)
		c.tail = append([]byte(nil), c.tail[over:]...)
	}
	return n, nil
}

// Wait waits for the end of the console, which comes with QEMU's.
func (c *Console) Wait() { <-c.done }

// Bytes returns the text so far.
func (c *Console) Bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := append([]byte(nil), c.head...)
	if c.lost > 0 {
		b = fmt.Appendf(b, "\n[%d bytes of console left out]\n", c.lost)
	}
	return append(b, c.tail...)
}
