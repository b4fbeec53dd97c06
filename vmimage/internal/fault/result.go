package fault

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
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

// Outcome is what came of one call in one scenario.
type Outcome struct {
	Kernel   string     `json:"kernel"`
	Release  string     `json:"release,omitempty"`
	Site     calls.Site `json:"site"`
	Scenario string     `json:"scenario,omitempty"`
	// Context is what the call was made in, At the occurrence there that failed,
	// counted from 1; Of is how often the scenario makes the call there.
	Context calls.Context `json:"context,omitempty"`
	At      uint64        `json:"at,omitempty"`
	Of      uint64        `json:"of,omitempty"`
	// Then is the call that failed as well, the first time that it was made after
	// the other one had failed; nil if none did.
	Then  *calls.Site `json:"then,omitempty"`
	State State       `json:"state"`
	// Refused is what init returns even if nothing fails, of a module that is not loaded.
	Refused string `json:"refused,omitempty"`
	// Errno is what the caller was told, as far as that is known.
	Errno string `json:"errno,omitempty"`
	// Why says what is wrong, Where at which line of C that shows. Remark is what is
	// odd and need not be wrong.
	Why    string `json:"why,omitempty"`
	Where  string `json:"where,omitempty"`
	Remark string `json:"remark,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Again is the command that repeats a red one here, Test the Go test that does so
	// with kmodtest test -faults, empty if it is more than that, and Bundle the file
	// that does so elsewhere, relative to the report.
	Again  string `json:"again,omitempty"`
	Test   string `json:"test,omitempty"`
	Bundle string `json:"bundle,omitempty"`

	number int // of the site
	second int // that of Then
	// accounts are what has to be given back; owes tells that something was not.
	accounts []calls.Account
	owes     bool
}

// Result is a sweep.
type Result struct {
	Outcomes []Outcome `json:"outcomes"`
	// Refused are the modules that are not loaded even if nothing fails.
	Refused []Refusal `json:"refused,omitempty"`
}

// Green tells whether something was tried, and nothing is red.
func (r Result) Green() bool {
	return r.tried() && !slices.ContainsFunc(r.Outcomes, func(o Outcome) bool { return o.State.Red() })
}

// tried tells whether a call was made to fail.
func (r Result) tried() bool {
	return slices.ContainsFunc(r.Outcomes, func(o Outcome) bool { return o.State != NotReached && o.State != Unsteady })
}

// what is the call that failed, or both.
func (o Outcome) what() string {
	if o.Then == nil {
		return o.Site.Name()
	}
	return fmt.Sprintf("%s, then %s at %s", o.Site.Name(), o.Then.Name(), o.Then.Where())
}

// in is where it was reached: the scenario, the context, the occurrence.
func (o Outcome) in() string {
	text := cmp.Or(o.Scenario, "-")
	if o.Context != calls.Process {
		text += ", " + string(o.Context)
	}
	if o.At > 1 {
		text += fmt.Sprintf(" #%d", o.At)
	}
	return text
}

// row is a line of the table: a call on all kernels.
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
		n := row{where: o.Site.Where(), call: o.what(), fails: string(o.Site.Fails), scenario: o.in()}
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
	_, err := io.WriteString(w, r.refusals()+r.remarks()+r.reds()+r.count())
	return err
}

// title says in a line what failed, and what came of it.
func (o Outcome) title() string {
	text := fmt.Sprintf("%s: %s of %s failed", o.Site.Where(), occurrence(o.At), o.Site.Name())
	if o.Then != nil {
		text += fmt.Sprintf(", and then %s at %s,", o.Then.Name(), o.Then.Where())
	}
	if text += " in " + o.Scenario; o.Context != calls.Process {
		text += ", in an " + string(o.Context) + ","
	}
	return text
}

// why is what is wrong, and where.
func (o Outcome) why() string {
	if o.Where == "" {
		return o.Why
	}
	return o.Why + " at " + o.Where
}

// remarks are what is odd, each once for all kernels.
func (r Result) remarks() string {
	var n notes
	for _, o := range r.Outcomes {
		if o.Remark == "" {
			continue
		}
		n.add(fmt.Sprintf("%s: %s", o.title(), o.Remark), o.Kernel)
	}
	return n.String()
}

func (r Result) reds() string {
	var b strings.Builder
	for _, o := range r.Outcomes {
		if !o.State.Red() {
			continue
		}
		fmt.Fprintf(&b, "\n%s on %s: %s\n  %s\n", o.title(), o.Kernel, o.State, o.why())
		for line := range strings.Lines(o.Detail) {
			b.WriteString("  | " + strings.TrimRight(line, "\n") + "\n")
		}
		if o.Again != "" {
			fmt.Fprintf(&b, "  again: %s\n", o.Again)
		}
		if o.Test != "" {
			b.WriteString("  as a test, for kmodtest test -faults:\n")
		}
		for line := range strings.Lines(o.Test) {
			b.WriteString("    " + line)
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
	text := "\nsweep: " + strings.Join(parts, ", ")
	if !r.tried() {
		text += ": nothing failed"
	}
	return text + "\n"
}
