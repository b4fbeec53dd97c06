package contract

import (
	"debug/elf"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// words are what a module's data holds that may name something: strings, and
// formats that make some.
type words struct {
	plain   map[string]bool
	phrases []string // with blanks in them
	formats []format
}

type format struct {
	text   string
	head   string // what is before the first verb
	making *regexp.Regexp
}

// dataOf returns the data of a module's file that it may name things with. Symbols,
// debug information and the module's description name nothing.
func dataOf(f *elf.File) ([]byte, error) {
	var all []byte
	for _, s := range f.Sections {
		if s.Type != elf.SHT_PROGBITS || s.Flags&elf.SHF_ALLOC == 0 || s.Flags&elf.SHF_EXECINSTR != 0 {
			continue
		}
		name := strings.TrimPrefix(s.Name, ".init")
		if !strings.HasPrefix(name, ".rodata") && !strings.HasPrefix(name, ".data") && !strings.HasPrefix(name, ".ref.data") {
			continue
		}
		b, err := s.Data()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", s.Name, err)
		}
		all = append(append(all, b...), 0)
	}
	return all, nil
}

// shortest and longest are the lengths of a string that may name something.
const (
	shortestName = 2
	longestName  = 64
)

// parseWords finds the strings in a module's data.
func parseWords(data []byte) words {
	w := words{plain: make(map[string]bool)}
	start := 0
	for i, c := range data {
		if c > ' '-1 && c < 0x7f {
			continue
		}
		// Behind a string is its end, or it is none.
		if s := data[start:i]; c == 0 && len(s) >= shortestName && len(s) <= longestName {
			w.add(string(s))
		}
		start = i + 1
	}
	return w
}

func (w *words) add(s string) {
	switch {
	case strings.Contains(s, "%"):
		if f, ok := parseFormat(s); ok {
			w.formats = append(w.formats, f)
		}
	case strings.Contains(s, " "):
		w.phrases = append(w.phrases, s)
	default:
		w.plain[s] = true
		for part := range strings.SplitSeq(s, "/") { // "net/faulty"
			if len(part) >= shortestName {
				w.plain[part] = true
			}
		}
	}
}

// verb is a verb of the kernel's formats (Documentation/core-api/printk-formats.rst).
var verb = regexp.MustCompile(`%[-+ #0]*[0-9*]*(\.[0-9*]+)?(hh|h|ll|l|z|t|L)?([diuxXoc]|s|p[A-Za-z0-9]*)|%%`)

// parseFormat reads a format of names. One that has next to no text of its own
// makes anything.
func parseFormat(s string) (format, bool) {
	if strings.Contains(s, " ") {
		return format{}, false
	}
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		s = s[i+1:] // a path: its last element is the name
	}
	at := verb.FindAllStringIndex(s, -1)
	if at == nil {
		return format{}, false
	}
	f := format{text: s, head: s[:at[0][0]]}
	var re strings.Builder
	letters, last := 0, 0
	literal := func(text string) {
		re.WriteString(regexp.QuoteMeta(text))
		letters += len(strings.Trim(text, "0123456789.:-_/"))
	}
	for _, v := range at {
		literal(s[last:v[0]])
		switch kind := s[v[1]-1]; {
		case s[v[0]:v[1]] == "%%":
			re.WriteString("%")
		case strings.IndexByte("diuxXo", kind) >= 0:
			re.WriteString("[0-9a-fA-Fx]+")
		default:
			re.WriteString(".+")
		}
		last = v[1]
	}
	literal(s[last:])
	if letters < shortestName {
		return format{}, false
	}
	var err error
	f.making, err = regexp.Compile("^(?:" + re.String() + ")$")
	return f, err == nil
}

// threadKind is a kind of which the kernel keeps the start of a name only,
// threadName bytes of it (TASK_COMM_LEN in include/linux/sched.h).
const (
	threadKind = "kernel thread"
	threadName = 15
)

// has tells what in the data is, or makes, a name; short that it may be cut off.
func (w words) has(name string, short bool) (string, bool) {
	if w.plain[name] {
		return name, true
	}
	short = short && len(name) == threadName
	if short {
		for p := range w.plain {
			if strings.HasPrefix(p, name) {
				return p, true
			}
		}
	}
	i := slices.IndexFunc(w.formats, func(f format) bool {
		return f.making.MatchString(name) || short && len(f.head) >= shortestName && strings.HasPrefix(name, f.head)
	})
	if i < 0 {
		return "", false
	}
	return w.formats[i].text, true
}

// within tells which name with blanks in it a line has.
func (w words) within(line string) (string, bool) {
	i := slices.IndexFunc(w.phrases, func(p string) bool {
		p = strings.Join(strings.Fields(p), " ")
		return len(p) > 4 && strings.Contains(line, p)
	})
	if i < 0 {
		return "", false
	}
	return w.phrases[i], true
}
