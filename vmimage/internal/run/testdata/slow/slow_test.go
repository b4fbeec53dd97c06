// Package slow runs long enough for something to happen to its guest.
package slow

import (
	"fmt"
	"testing"
	"time"
)

func TestSlow(t *testing.T) {
	fmt.Println("now")
	time.Sleep(3 * time.Second)
	fmt.Println("then")
}
