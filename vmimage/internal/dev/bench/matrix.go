package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/report"
)

// benchMatrix measures the warm matrix against the time of its guests. There
// are as many guests at once as processors: more would slow each other down and
// flatter the ratio.
func benchMatrix(ctx context.Context, b *bench) error {
	dir := filepath.Join(b.Root(), "build", "bench-matrix")
	matrix := func() (time.Duration, report.Result, error) {
		var r report.Result
		d, err := b.command(ctx, b.kmodtest, "matrix", "-jobs", fmt.Sprint(runtime.NumCPU()), "-report-dir", dir)
		if err != nil {
			return 0, r, err
		}
		text, err := os.ReadFile(filepath.Join(dir, "result.json"))
		if err != nil {
			return 0, r, err
		}
		return d, r, json.Unmarshal(text, &r)
	}
	if _, _, err := matrix(); err != nil { // warm up: fetch, build, freeze
		return err
	}
	d, r, err := matrix()
	if err != nil {
		return err
	}
	var guests time.Duration
	for _, k := range r.Kernels {
		guests += k.GuestTime()
	}
	cores := float64(runtime.NumCPU())
	b.atMost("warm matrix / (its guests' time / processors)", d.Seconds()/(guests.Seconds()/cores), "x", 1.2,
		"%.1f s / (%.1f s / %g), %d kernels", d.Seconds(), guests.Seconds(), cores, len(r.Kernels))
	return nil
}
