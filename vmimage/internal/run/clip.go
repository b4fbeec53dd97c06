package run

import "fmt"

// clipPart bounds what is kept of the start and of the end of a test's output:
// the end says why it failed.
const clipPart = 128 << 10

// clip keeps start and end of a text. The zero value is empty.
type clip struct {
	head, tail []byte
	lost       int
}

func (c *clip) add(text string) {
	if room := clipPart - len(c.head); room > 0 {
		n := min(room, len(text))
		c.head, text = append(c.head, text[:n]...), text[n:]
	}
	c.tail = append(c.tail, text...)
	// Twice as much may gather, so that not every line moves the rest.
	if over := len(c.tail) - clipPart; over > clipPart {
		c.lost += over
		c.tail = append(c.tail[:0], c.tail[over:]...)
	}
}

// String is the text, with a line about what is left out of it.
func (c *clip) String() string {
	if c == nil {
		return ""
	}
	if c.lost > 0 {
		return fmt.Sprintf("%s\n[%d bytes left out]\n%s", c.head, c.lost, c.tail)
	}
	return string(c.head) + string(c.tail)
}
