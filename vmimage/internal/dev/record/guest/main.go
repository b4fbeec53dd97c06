// Command guest is /init of the guest that record boots. Its arguments are the
// name of the module and the steps, separated by commas.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/mdlayher/genetlink"
	"golang.org/x/sys/unix"
)

func main() {
	// Each step is a process of its own: the kernel ends a task that it oopses
	// in, and may never give back one that hangs.
	if os.Getpid() != 1 {
		if err := step(os.Args[1], os.Args[2]); err != nil {
			fmt.Println(os.Args[2]+":", err)
		}
		return
	}
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}} {
		if err := unix.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			fmt.Println("mount", m[0], err)
		}
	}
	go copyKmsg()
	if len(os.Args) == 3 {
		for _, s := range strings.Split(os.Args[2], ",") {
			cmd := exec.Command("/proc/self/exe", os.Args[1], s)
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			if err := cmd.Start(); err != nil {
				fmt.Println("start", s, err)
				continue
			}
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			select {
			case <-done:
			case <-time.After(5 * time.Second): // it hangs: go on
			}
		}
	}
	// Late words of the kernel, and the copy of its records, get a moment.
	time.Sleep(time.Second)
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART); err != nil {
		fmt.Println("reboot", err)
	}
	select {}
}

func step(module, s string) error {
	s, params, _ := strings.Cut(s, ":")
	switch s {
	case "load":
		f, err := os.Open("/module.ko")
		if err != nil {
			return err
		}
		return unix.FinitModule(int(f.Fd()), params, 0)
	case "unload":
		return unix.DeleteModule(module, unix.O_NONBLOCK)
	case "trigger":
		return os.WriteFile("/sys/module/"+module+"/parameters/trigger", []byte("1"), 0)
	case "scan": // for memory leaks
		if err := unix.Mount("debugfs", "/sys/kernel/debug", "debugfs", 0, ""); err != nil && err != unix.EBUSY {
			return err
		}
		return os.WriteFile("/sys/kernel/debug/kmemleak", []byte("scan"), 0)
	case "genl":
		return genl("faulty_doit")
	case "sleep":
		time.Sleep(3 * time.Second)
		return nil
	case "sysrq":
		return os.WriteFile("/proc/sysrq-trigger", []byte("l"), 0)
	}
	return fmt.Errorf("no such step")
}

func genl(family string) error {
	c, err := genetlink.Dial(nil)
	if err != nil {
		return err
	}
	fam, err := c.GetFamily(family)
	if err != nil {
		return err
	}
	_, err = c.Execute(genetlink.Message{Header: genetlink.Header{Command: 1, Version: 1}}, fam.ID, unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	return err
}

// copyKmsg copies the records to the second serial port, one write each.
func copyKmsg() {
	in, err := unix.Open("/dev/kmsg", unix.O_RDONLY, 0)
	if err != nil {
		return
	}
	out, err := os.OpenFile("/dev/ttyS1", os.O_WRONLY, 0)
	if err != nil {
		return
	}
	b := make([]byte, 16<<10)
	for {
		n, err := unix.Read(in, b)
		if err == unix.EPIPE { // the ring buffer was faster
			continue
		}
		if err != nil {
			return
		}
		_, _ = out.Write(b[:n])
	}
}
