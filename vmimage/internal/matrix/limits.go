package matrix

import (
	"fmt"
	"os"
	"strings"
)

// hostMiB is what the host keeps for itself, guestMiB what QEMU takes besides
// the guest's memory.
const (
	hostMiB  = 512
	guestMiB = 128
)

// Guests is the number of guests that a machine of cpus processors and free MiB
// of memory carries at once. There are half as many again as processors: a test
// waits now and then, and the last of an odd number of kernels would leave a
// processor idle (five kernels on two processors took 35 seconds instead of 40).
// One there is always: whether it fits, the run will tell.
func Guests(cpus, freeMiB, guestCPUs, memoryMiB int) int {
	n := (cpus + cpus/2) / max(guestCPUs, 1)
	n = min(n, (freeMiB-hostMiB)/(memoryMiB+guestMiB))
	return max(n, 1)
}

// FreeMiB is the memory that the host can give away, from the text of
// /proc/meminfo.
func FreeMiB() (int, error) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read free memory: %w", err)
	}
	return freeMiB(string(b))
}

func freeMiB(meminfo string) (int, error) {
	for line := range strings.Lines(meminfo) {
		var kib int
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			return kib >> 10, nil
		}
	}
	return 0, fmt.Errorf("read free memory: /proc/meminfo has no MemAvailable")
}
