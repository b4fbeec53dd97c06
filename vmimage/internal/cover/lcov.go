package cover

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
)

// WriteLCOV writes profiles as lcov's tracefiles are (geninfo(1), FILES).
func WriteLCOV(w io.Writer, all []Profile) error {
	b := bufio.NewWriter(w)
	for _, p := range all {
		fmt.Fprintf(b, "TN:%s\n", p.Module)
		for _, name := range slices.Sorted(maps.Keys(p.Files)) {
			p.Files[name].writeLCOV(b, name)
		}
	}
	return b.Flush()
}

func (f *File) writeLCOV(b *bufio.Writer, name string) {
	fmt.Fprintf(b, "SF:%s\n", name)
	funcs := slices.SortedFunc(slices.Values(f.Funcs), func(a, b Func) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Name, b.Name)) })
	for _, fn := range funcs {
		fmt.Fprintf(b, "FN:%d,%s\n", fn.Start, fn.Name)
	}
	for _, fn := range funcs {
		fmt.Fprintf(b, "FNDA:%d,%s\n", fn.Count, fn.Name)
	}
	s := f.functions()
	fmt.Fprintf(b, "FNF:%d\nFNH:%d\n", s.Of, s.Hit)
	numbers := slices.Sorted(maps.Keys(f.Lines))
	for _, n := range numbers {
		l := f.Lines[n]
		for i, c := range l.Branches {
			// "-" says that its condition was never asked.
			taken := "-"
			if l.Count > 0 {
				taken = fmt.Sprint(c)
			}
			fmt.Fprintf(b, "BRDA:%d,0,%d,%s\n", n, i, taken)
		}
	}
	s = f.branches()
	fmt.Fprintf(b, "BRF:%d\nBRH:%d\n", s.Of, s.Hit)
	for _, n := range numbers {
		fmt.Fprintf(b, "DA:%d,%d\n", n, f.Lines[n].Count)
	}
	s = f.lines()
	fmt.Fprintf(b, "LF:%d\nLH:%d\nend_of_record\n", s.Of, s.Hit)
}
