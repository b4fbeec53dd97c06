package fault

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// State is what came of a call that was made to fail.
type State string

// The states. Leak, Crash and Wrong are red.
const (
	Clean      State = "clean"       // the caller was told, and nothing is left
	GoesOn     State = "goes on"     // the module did without
	Leak       State = "leak"        // something was left behind
	Crash      State = "crash"       // the kernel complained, or died, or hung
	Wrong      State = "wrong errno" // the caller was told something else
	NotReached State = "not reached" // no scenario makes the call
	Unsteady   State = "unsteady"    // the call was made while counting, and not again
)

// Red tells whether something is wrong with the module.
func (s State) Red() bool { return s == Leak || s == Crash || s == Wrong }

// Outcome is what came of one site in one scenario.
type Outcome struct {
	Kernel   string `json:"kernel"`
	Site     Site   `json:"site"`
	Scenario string `json:"scenario,omitempty"`
	// At is the occurrence that failed, counted from 1; Of is how often the
	// scenario makes the call.
	At    uint64 `json:"at,omitempty"`
	Of    uint64 `json:"of,omitempty"`
	State State  `json:"state"`
	// Errno is what the caller was told, as far as that is known.
	Errno string `json:"errno,omitempty"`
	// Why says what is wrong, Where at which line of C that shows.
	Why    string `json:"why,omitempty"`
	Where  string `json:"where,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Result is a sweep.
type Result struct {
	Outcomes []Outcome `json:"outcomes"`
}

// Green tells whether something was tried, and nothing is red.
func (r Result) Green() bool {
	tried := slices.ContainsFunc(r.Outcomes, func(o Outcome) bool { return o.State != NotReached && o.State != Unsteady })
	return tried && !slices.ContainsFunc(r.Outcomes, func(o Outcome) bool { return o.State.Red() })
}

// row is a line of the table: a site on all kernels.
type row struct {
	where, call, fails, scenario string
	states                       map[string]string // by kernel
}

// Text writes the table, and below it what is red.
func Text(w io.Writer, r Result) error {
	var kernels []string
	var rows []*row
	for _, o := range r.Outcomes {
		if !slices.Contains(kernels, o.Kernel) {
			kernels = append(kernels, o.Kernel)
		}
		at := ""
		if o.At > 1 {
			at = fmt.Sprintf(" #%d", o.At)
		}
		n := row{where: o.Site.Where(), call: strings.TrimSuffix(o.Site.Call, "_noprof"), fails: string(o.Site.Fails), scenario: cmp.Or(o.Scenario, "-") + at}
		i := slices.IndexFunc(rows, func(h *row) bool {
			return h.where == n.where && h.call == n.call && h.scenario == n.scenario && h.fails == n.fails
		})
		if i < 0 {
			n.states = map[string]string{}
			i, rows = len(rows), append(rows, &n)
		}
		text := string(o.State)
		if o.State == Clean && o.Errno != "" {
			text += " (" + o.Errno + ")"
		}
		if have := rows[i].states[o.Kernel]; have != "" && have != text {
			text = have + ", " + text
		}
		rows[i].states[o.Kernel] = text
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "AT\tCALL\tFAILS WITH\tIN\t%s\n", strings.Join(kernels, "\t"))
	for _, row := range rows {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s", row.where, row.call, row.fails, row.scenario)
		for _, k := range kernels {
			fmt.Fprintf(tw, "\t%s", cmp.Or(row.states[k], "-"))
		}
		fmt.Fprintln(tw)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, r.reds()+r.count())
	return err
}

func (r Result) reds() string {
	var b strings.Builder
	for _, o := range r.Outcomes {
		if !o.State.Red() {
			continue
		}
		fmt.Fprintf(&b, "\n%s: %s of %s failed in %s on %s: %s\n", o.Site.Where(), occurrence(o.At), o.Site.Call, o.Scenario, o.Kernel, o.State)
		fmt.Fprintf(&b, "  %s", o.Why)
		if o.Where != "" {
			fmt.Fprintf(&b, " at %s", o.Where)
		}
		b.WriteByte('\n')
		for line := range strings.Lines(o.Detail) {
			b.WriteString("  | " + strings.TrimRight(line, "\n") + "\n")
		}
	}
	return b.String()
}

func occurrence(n uint64) string {
	if n == 1 {
		return "the first call"
	}
	return fmt.Sprintf("call %d", n)
}

// count is the last line.
func (r Result) count() string {
	n := map[State]int{}
	for _, o := range r.Outcomes {
		n[o.State]++
	}
	var parts []string
	for _, s := range []State{Clean, GoesOn, Leak, Crash, Wrong, Unsteady, NotReached} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	return "\nsweep: " + strings.Join(parts, ", ") + "\n"
}
