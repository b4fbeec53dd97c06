// Command record boots a kernel in QEMU, runs one of the modules of
// tests/faulty into its fault, and writes what the kernel said about it: the
// traces in vmimage/internal/klog/testdata come from here. It loads nothing on the host.
//
//	go run ./vmimage/internal/dev/record -kernel vmlinuz -module faulty_warn.ko \
//		-steps load,trigger -o console.log
//
// Steps, in order: load (load:mb=2 passes a parameter), trigger (write to the parameter), genl (send the
// command of faulty_doit), unload, sleep, sysrq, scan (for memory leaks). The guest powers off after them.
package main

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/u-root/mkuimage/cpio"
)

type options struct {
	kernel, module, steps, out, kmsg, add string
	smp                                   int
	mem                                   string
	deadline                              time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.kernel, "kernel", "", "kernel image")
	flag.StringVar(&o.module, "module", "", "module to load, or none for a plain boot")
	flag.StringVar(&o.steps, "steps", "", "what the guest does, separated by commas")
	flag.StringVar(&o.out, "o", "console.log", "file for the console")
	flag.StringVar(&o.kmsg, "kmsg", "", "file for the records of /dev/kmsg")
	flag.StringVar(&o.add, "append", "slub_debug=FZPU", "further kernel arguments")
	flag.StringVar(&o.mem, "m", "256", "memory in MiB")
	flag.IntVar(&o.smp, "smp", 1, "CPUs")
	flag.DurationVar(&o.deadline, "deadline", time.Minute, "when to end the guest")
	flag.Parse()
	if err := record(o); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func record(o options) error {
	dir, err := os.MkdirTemp("", "klog-record-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	initrd := filepath.Join(dir, "initrd.cpio")
	if err := image(dir, initrd, o.module); err != nil {
		return fmt.Errorf("make initrd: %w", err)
	}
	if o.kmsg == "" {
		o.kmsg = os.DevNull
	}
	name := strings.TrimSuffix(filepath.Base(o.module), ".ko")

	ctx, cancel := context.WithTimeout(context.Background(), o.deadline)
	defer cancel()
	// The words after "--" are init's. QEMU's second port takes the records.
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64",
		"-M", "q35,accel=tcg,smm=off,usb=off,sata=off,vmport=off,graphics=off", "-cpu", "max",
		"-m", o.mem, "-smp", fmt.Sprint(o.smp), "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
		"-serial", "file:"+o.out, "-serial", "file:"+o.kmsg, "-kernel", o.kernel, "-initrd", initrd,
		"-append", fmt.Sprintf("console=ttyS0 panic=-1 loglevel=8 %s -- %s %s", o.add, name, o.steps))
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil // a guest that hangs is what some faults are about
	}
	if err != nil {
		return fmt.Errorf("run qemu: %w\n%s", err, out)
	}
	return nil
}

// image writes an initramfs of the guest program and the module.
func image(dir, to, module string) error {
	bin := filepath.Join(dir, "init")
	build := exec.Command("go", "build", "-o", bin, "github.com/kmodtest/kmodtest/vmimage/internal/dev/record/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build guest program: %w\n%s", err, out)
	}
	var recs []cpio.Record
	for _, d := range []string{"dev", "proc", "sys"} {
		recs = append(recs, cpio.Directory(d, 0o755))
	}
	files := map[string]string{"init": bin}
	if module != "" {
		files["module.ko"] = module
	}
	for name, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		recs = append(recs, cpio.StaticFile(name, string(b), uint64(fs.FileMode(0o755))))
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	w := cpio.Newc.Writer(f)
	if err := cpio.WriteRecords(w, recs); err != nil {
		return err
	}
	if err := cpio.WriteTrailer(w); err != nil {
		return err
	}
	return f.Close()
}
