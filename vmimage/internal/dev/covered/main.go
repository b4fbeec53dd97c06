// Command covered fails unless every line of a module ran that can run:
//
//	covered -unreachable tests/unreachable.txt build/matrix/*.info
//
// The tracefiles are those of kmodtest -ccover, of tests and of a sweep. A line that
// no test can reach is named in the list with the reason, by its text: numbers change
// with every edit. A line of the list that did run, or that is gone, fails as well.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func main() {
	list := flag.String("unreachable", "", "`file` with the lines that no test can reach")
	flag.Parse()
	problems, err := check(*list, flag.Args())
	for _, p := range problems {
		fmt.Println(p)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "covered:", err)
	}
	if err != nil || len(problems) > 0 {
		os.Exit(1)
	}
}

// check returns what is wrong.
func check(list string, tracefiles []string) ([]string, error) {
	lines := make(lines)
	for _, name := range tracefiles {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		err = lines.add(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("read tracefiles: %d of them name no line", len(tracefiles))
	}
	excused, err := readList(list)
	if err != nil {
		return nil, err
	}
	return lines.compare(excused)
}

// lines are counts, by file and line.
type lines map[string]map[int]uint64

// add adds those of a tracefile (geninfo(1)).
func (l lines) add(r io.Reader) error {
	var file string
	for sc := bufio.NewScanner(r); sc.Scan(); {
		if name, ok := strings.CutPrefix(sc.Text(), "SF:"); ok {
			if file = name; l[file] == nil {
				l[file] = make(map[int]uint64)
			}
		}
		text, ok := strings.CutPrefix(sc.Text(), "DA:")
		if !ok {
			continue
		}
		number, count, _ := strings.Cut(text, ",")
		n, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		c, err := strconv.ParseUint(count, 10, 64)
		if err != nil {
			return err
		}
		l[file][n] += c
	}
	return nil
}

// excuse is a line that no test can reach.
type excuse struct{ file, text, reason string }

// readList reads lines "FILE<tab>TEXT<tab>REASON".
func readList(name string) ([]excuse, error) {
	if name == "" {
		return nil, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var all []excuse
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 3 || strings.TrimSpace(f[2]) == "" {
			return nil, fmt.Errorf("read %s: %q is not FILE, TEXT and REASON with a tabulator between them", name, line)
		}
		all = append(all, excuse{f[0], strings.TrimSpace(f[1]), f[2]})
	}
	return all, nil
}

// compare tells the lines that did not run without an excuse, and the excuses that
// are none.
func (l lines) compare(excused []excuse) ([]string, error) {
	var problems []string
	used := make([]bool, len(excused))
	for _, file := range slices.Sorted(maps.Keys(l)) {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		source := strings.Split(string(b), "\n")
		for _, n := range slices.Sorted(maps.Keys(l[file])) {
			if l[file][n] > 0 {
				continue
			}
			text := ""
			if n <= len(source) {
				text = strings.TrimSpace(source[n-1])
			}
			i := slices.IndexFunc(excused, func(e excuse) bool { return e.file == filepath.Base(file) && e.text == text })
			if i < 0 {
				problems = append(problems, fmt.Sprintf("%s:%d: it did not run: %s", file, n, text))
				continue
			}
			used[i] = true
		}
	}
	for i, e := range excused {
		if !used[i] {
			problems = append(problems, fmt.Sprintf("%s: %q is said to be out of reach (%s), and ran, or is gone", e.file, e.text, e.reason))
		}
	}
	return problems, nil
}
