// Command poweroff is an init that powers the machine off: the least that a
// boot can be, which the benchmarks compare with. It does nothing anywhere but
// as the first process of a guest.
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "poweroff: this is the init of a guest; it runs as process 1 only")
		os.Exit(2)
	}
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	fmt.Fprintln(os.Stderr, "poweroff:", err)
	select {}
}
