package vnetnl_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/vnetnl"
)

// This example sends attributes to the kernel and prints its answer.
func ExampleClient_Echo() {
	c, err := vnetnl.Dial()
	if errors.Is(err, os.ErrNotExist) {
		log.Fatal("the module vnet_nl is not loaded")
	}
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	reply, err := c.Echo(vnetnl.Message{String: new("hello"), U32: new(uint32(42))})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Text())
}

// This example waits ten seconds at most for a device to go up.
func ExampleClient_Subscribe() {
	c, err := vnetnl.Dial()
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	s, err := c.Subscribe()
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		ev, err := s.Receive(ctx)
		switch {
		case errors.Is(err, vnetnl.ErrLost):
			log.Print("too slow, some events are missing")
			continue
		case err != nil:
			log.Fatal(err)
		}
		if up, ok := ev.(vnetnl.DeviceUp); ok {
			fmt.Println(up.Name, "is up")
			return
		}
	}
}

// This example looks into a refusal.
func ExampleError() {
	err := fmt.Errorf("say nothing: %w", &vnetnl.Error{
		Op:      "echo",
		Errno:   unix.EINVAL,
		Message: "no attribute to echo",
	})

	var verr *vnetnl.Error
	if errors.As(err, &verr) {
		fmt.Println(verr.Message)
	}
	fmt.Println(errors.Is(err, unix.EINVAL))
	// Output:
	// no attribute to echo
	// true
}
