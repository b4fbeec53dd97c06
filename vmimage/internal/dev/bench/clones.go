package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// benchFrames measures the way of the frames: a program that only writes.
func benchFrames(ctx context.Context, b *bench) error {
	payload, err := vm.NewPayload()
	if err != nil {
		return err
	}
	defer payload.Close()
	g, err := b.source(b.shell).Guest(ctx, payload)
	if err != nil {
		return err
	}
	defer g.Close(errMeasured)
	// The busybox is the largest file of the image.
	const size = 4 << 20
	if err := g.Out.WriteJSON(wire.Start, wire.Job{
		Now: time.Now().UnixNano(), Seed: make([]byte, 64),
		Steps: []wire.Step{{Name: "run", Dir: "/", Args: []string{"/bbin/gosh", "-c", "cat /bbin/bb"}, Env: []string{"PATH=/bbin"}}},
	}); err != nil {
		return err
	}
	var first time.Time
	n := 0
	for f := range g.Frames {
		switch f.Type {
		case wire.Stdout:
			if first.IsZero() {
				first = time.Now()
			} else {
				n += len(f.Payload)
			}
		case wire.Exited:
			if n < size {
				return fmt.Errorf("%d bytes of %d arrived: %s", n, size, f.Payload)
			}
			b.report("frames to the host", float64(n)/1e6/time.Since(first).Seconds(), "MB/s", "%d bytes of output", n)
			return nil
		}
	}
	return errors.New("the guest ended early")
}

// benchClones measures the memory that clones take beside each other.
func benchClones(ctx context.Context, b *bench) error {
	const clones = 8
	one, err := memoryOf(ctx, b, 1)
	if err != nil {
		return err
	}
	all, err := memoryOf(ctx, b, clones)
	if err != nil {
		return err
	}
	// What a clone dirties is its own: the private dirty part of its memory.
	b.atMost(fmt.Sprintf("memory of %d clones, less what they dirty / one guest", clones),
		float64(all.pss-all.dirty)/float64(one.pss), "x", 2,
		"(%d MiB - %d MiB) / %d MiB, proportional set sizes", all.pss>>10, all.dirty>>10, one.pss>>10)
	return nil
}

type memory struct{ pss, dirty int64 } // KiB

// memoryOf starts n clones, lets each answer, and adds up their memory.
func memoryOf(ctx context.Context, b *bench, n int) (memory, error) {
	var m memory
	var guests []*boot.Guest
	defer func() {
		for _, g := range guests {
			_ = g.Close(errMeasured) // it was told to end
		}
	}()
	for range n {
		payload, err := vm.NewPayload()
		if err != nil {
			return m, err
		}
		defer payload.Close()
		g, err := b.source(b.shell).Guest(ctx, payload)
		if err != nil {
			return m, err
		}
		guests = append(guests, g)
		if err := g.Out.WriteJSON(wire.Start, wire.Job{
			Now: time.Now().UnixNano(), Seed: make([]byte, 64),
			Steps: []wire.Step{{Name: "run", Dir: "/", Args: []string{"/bbin/gosh", "-c", "echo up; cat /dev/ttyS2"}, Env: []string{"PATH=/bbin"}}},
		}); err != nil {
			return m, err
		}
		for f := range g.Frames {
			if f.Type == wire.Stdout {
				break
			}
		}
	}
	pids, err := children()
	if err != nil {
		return m, err
	}
	if len(pids) != n {
		return m, fmt.Errorf("%d guests are %d processes", n, len(pids))
	}
	for _, pid := range pids {
		part, err := rollup(pid)
		if err != nil {
			return m, err
		}
		m.pss += part.pss
		m.dirty += part.dirty
	}
	return m, nil
}

// children are this process's children: the QEMUs.
func children() ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, s := range stats {
		b, err := os.ReadFile(s)
		if err != nil {
			continue // it ended
		}
		// The name in parentheses may hold anything; what follows does not.
		_, after, _ := strings.Cut(string(b[strings.LastIndex(string(b), ")"):]), " ")
		var state string
		var ppid, pid int
		if _, err := fmt.Sscan(after, &state, &ppid); err != nil {
			return nil, fmt.Errorf("read %s: %w", s, err)
		}
		if ppid == os.Getpid() && state != "Z" {
			fmt.Sscan(string(b), &pid)
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// rollup reads /proc/PID/smaps_rollup (Documentation/filesystems/proc.rst).
func rollup(pid int) (memory, error) {
	var m memory
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return m, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		var kib int64
		name, value, _ := strings.Cut(s.Text(), ":")
		fmt.Sscanf(value, "%d", &kib)
		switch name {
		case "Pss":
			m.pss = kib
		case "Private_Dirty":
			m.dirty = kib
		}
	}
	return m, s.Err()
}
