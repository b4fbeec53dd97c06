package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
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
}

// atMost records a value that may not exceed its goal.
func (b *bench) atMost(name string, value float64, unit string, goal float64, how string, args ...any) {
	b.figures = append(b.figures, figure{name, value, unit, goal, value <= goal, fmt.Sprintf(how, args...)})
}

// report records a value without a goal.
func (b *bench) report(name string, value float64, unit string, how string, args ...any) {
	b.figures = append(b.figures, figure{Name: name, Value: value, Unit: unit, Met: true, How: fmt.Sprintf(how, args...)})
}

func (b *bench) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "FIGURE\tVALUE\tGOAL\t\tFROM")
	for _, f := range b.figures {
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

func (b *bench) missed() []string {
	var m []string
	for _, f := range b.figures {
		if !f.Met {
			m = append(m, f.Name)
		}
	}
	return m
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
