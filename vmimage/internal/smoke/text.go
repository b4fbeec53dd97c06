package smoke

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

// Text writes a table of modules and kernels, and below it each thing that is not
// simply ok: once, with the kernels that it was seen on. dir is the directory of the
// reports, which have all of it; empty is none.
func Text(w io.Writer, r Result, dir string) error {
	var b strings.Builder
	for _, n := range notes(r.Notes) {
		fmt.Fprintf(&b, "%s: %s\n", n.kernels(), n.text)
	}
	r.table(&b)
	for _, n := range r.cellNotes() {
		fmt.Fprintf(&b, "\n%s on %s: %s\n", n.module, n.kernels(), n.text)
	}
	for _, c := range r.causes() {
		c.write(&b, r, dir)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Result) table(w io.Writer) {
	var kernels, modules []string
	for _, c := range r.Cells {
		if !slices.Contains(kernels, c.Kernel) {
			kernels = append(kernels, c.Kernel)
		}
		if !slices.Contains(modules, c.Module) {
			modules = append(modules, c.Module)
		}
	}
	t := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintf(t, "%s\t%s\n", r.Source, strings.Join(kernels, "\t"))
	for _, m := range modules {
		row := []string{cmp.Or(m, "(build)")}
		for _, k := range kernels {
			text := "-"
			for _, c := range r.Cells {
				if c.Kernel == k && c.Module == m {
					text = c.short()
				}
			}
			row = append(row, text)
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
}

// told is a text about a module, and the kernels on which there is that to tell.
type told struct {
	module, text string
	on           []string
}

func (t told) kernels() string { return strings.Join(t.on, ", ") }

// tell adds a text to all.
func tell(all []told, module, kernel, text string) []told {
	i := slices.IndexFunc(all, func(t told) bool { return t.module == module && t.text == text })
	if i < 0 {
		return append(all, told{module, text, []string{kernel}})
	}
	if !slices.Contains(all[i].on, kernel) {
		all[i].on = append(all[i].on, kernel)
	}
	return all
}

func notes(list []Note) (all []told) {
	for _, n := range list {
		all = tell(all, "", n.Kernel, n.Text)
	}
	return all
}

func (r Result) cellNotes() (all []told) {
	for _, c := range r.Cells {
		for _, n := range c.notes() {
			all = tell(all, c.Name(r.Source), c.Kernel, n)
		}
	}
	return all
}

// cause is what several cells have in common that are not simply ok.
type cause struct {
	first Cell
	on    []string
}

// causes puts those cells together that tell of the same.
func (r Result) causes() (all []cause) {
	index := make(map[string]int)
	for _, c := range r.Cells {
		if c.Outcome == OK && c.Why == "" {
			continue
		}
		key := c.cause()
		i, known := index[key]
		if !known {
			i, index[key] = len(all), len(all)
			all = append(all, cause{first: c})
		}
		all[i].on = append(all[i].on, c.Kernel)
	}
	return all
}

// varies is what differs from one kernel to the next in the words for one thing:
// offsets and addresses, and the names of a compiler's copies of a function.
var varies = regexp.MustCompile(`\+?\b0x[0-9a-f]+(/0x[0-9a-f]+)?|\.(isra|constprop|part|cold)\b(\.\d+)*`)

// cause is the same for cells that tell of the same.
func (c Cell) cause() string {
	text := strings.Join(append([]string{c.Module, string(c.Outcome), c.Where, c.Why}, c.Lines...), "\x00")
	return varies.ReplaceAllString(text, "")
}

// maxLines bounds the lines below one that tells why.
const maxLines = 8

func (c cause) write(b *strings.Builder, r Result, dir string) {
	f := c.first
	fmt.Fprintf(b, "\n%s on %s: %s: ", f.Name(r.Source), strings.Join(c.on, ", "), f.Outcome)
	if f.Where != "" {
		b.WriteString(f.Where + ": ")
	}
	b.WriteString(f.Why + "\n")
	if f.Green() {
		return
	}
	for i, l := range f.Lines {
		if i == maxLines {
			fmt.Fprintf(b, "    … %d more\n", len(f.Lines)-i)
			break
		}
		fmt.Fprintf(b, "    %s\n", l)
	}
	if f.Step != "" {
		fmt.Fprintf(b, "    done: %s\n    %s\n", f.Step, cmp.Or(f.Alone, fmt.Sprintf("with -seed %d", r.Seed)))
	}
	if f.Bundle != "" && dir != "" {
		fmt.Fprintf(b, "    again: kmodtest repro %s\n", filepath.Join(dir, f.Bundle))
	}
}
