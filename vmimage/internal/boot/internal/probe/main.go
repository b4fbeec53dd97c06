// Command probe tells, as JSON on its output, what could give a restored guest
// away, and says on the console which payload it has. It runs in guests of the tests of package boot.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Report is what the probe tells.
type Report struct {
	Now     time.Time
	Uptime  time.Duration // CLOCK_MONOTONIC
	Later   time.Duration // CLOCK_MONOTONIC, a moment later
	Random  string
	UUID    string // from the kernel's own generator
	BootID  string
	Payload string // the file in the payload
	Address string // a random MAC address; "" without a device that has one
}

func main() {
	var r Report
	r.Now, r.Uptime = time.Now(), monotonic()
	b := make([]byte, 32)
	rand.Read(b)
	r.Random = hex.EncodeToString(b)
	r.UUID = read("/proc/sys/kernel/random/uuid")
	r.BootID = read("/proc/sys/kernel/random/boot_id")
	r.Payload = read("/run/probe/payload")
	// Facility 1 is that of users; a warning reaches the console.
	if err := os.WriteFile("/dev/kmsg", []byte("<12>probe: "+r.Payload+"\n"), 0); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
	if len(os.Args) > 1 {
		r.Address = read("/sys/class/net/" + os.Args[1] + "/address")
	}
	time.Sleep(10 * time.Millisecond)
	r.Later = monotonic()
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
	return time.Duration(ts.Nano())
}

func read(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b))
}
