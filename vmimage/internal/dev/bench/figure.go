package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// figure is a measured value. A Goal of 0 is none: the value is only reported.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Goal  float64 `json:"goal,omitempty"`
	Met   bool    `json:"met"`
	// How tells what the value was worked out from.
	How string `json:"how"`
	// NotMeasured tells why there is no value. Such a figure is never met.
	NotMeasured string `json:"not_measured,omitempty"`
}

// atMost records a value that may not exceed its goal.
func (b *bench) atMost(name string, value float64, unit string, goal float64, how string, args ...any) {
	b.figures = append(b.figures, figure{Name: name, Value: value, Unit: unit, Goal: goal, Met: value <= goal, How: fmt.Sprintf(how, args...)})
}

// report records a value without a goal.
func (b *bench) report(name string, value float64, unit string, how string, args ...any) {
	b.figures = append(b.figures, figure{Name: name, Value: value, Unit: unit, Met: true, How: fmt.Sprintf(how, args...)})
}

// notMeasured records that a value could not be had, and why, in one line; the
// whole error goes to standard error. An end of ctx is no such reason.
func (b *bench) notMeasured(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "bench: %s: not measured: %v\n%s", name, err, kernel.Output(err))
	why, _, _ := strings.Cut(err.Error(), "\n")
	// A command's own last word tells more than its status.
	if out := strings.TrimSpace(kernel.Output(err)); out != "" {
		why += ": " + strings.TrimSpace(out[strings.LastIndexByte(out, '\n')+1:])
	}
	b.figures = append(b.figures, figure{Name: name, NotMeasured: why})
	return nil
}

func (b *bench) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "FIGURE\tVALUE\tGOAL\t\tFROM")
	for _, f := range b.figures {
		if f.NotMeasured != "" {
			fmt.Fprintf(tw, "%s\tnot measured\t\t\t%s\n", f.Name, f.NotMeasured)
			continue
		}
		goal, met := "", ""
		if f.Goal != 0 {
			goal, met = fmt.Sprintf("<= %g %s", f.Goal, f.Unit), "met"
			if !f.Met {
				met = "MISSED"
			}
		}
		fmt.Fprintf(tw, "%s\t%.3g %s\t%s\t%s\t%s\n", f.Name, f.Value, f.Unit, goal, met, f.How)
	}
	tw.Flush()
}

// verdict is nil if all goals are met and all figures were measured.
func (b *bench) verdict() error {
	var missed, absent []string
	for _, f := range b.figures {
		switch {
		case f.NotMeasured != "":
			absent = append(absent, f.Name)
		case !f.Met:
			missed = append(missed, f.Name)
		}
	}
	var errs []error
	if len(missed) > 0 {
		errs = append(errs, fmt.Errorf("goals missed: %s", strings.Join(missed, "; ")))
	}
	if len(absent) > 0 {
		errs = append(errs, fmt.Errorf("not measured: %s", strings.Join(absent, "; ")))
	}
	return errors.Join(errs...)
}

// median returns the median of the durations in seconds.
func median(ds []time.Duration) float64 {
	s := slices.Clone(ds)
	slices.Sort(s)
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]).Seconds() / 2
}
