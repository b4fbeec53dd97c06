package contract

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// The sweep knows whose a pointer is. What package guest finds by comparing lists
// of the kernel before the load and after the unload may be anybody's: it came
// while the module was there, and that is all. It accuses the module if something
// ties it to it; doc.go has the rules. They err on the side of an accusation, for a
// module that called what registers such a thing is likely to be the one.

// linkKind is a kind of which the guest asks for the module's own names only.
const linkKind = "rtnl link kind"

// ties says for each of q.Left what ties it to one of q.Own, empty if nothing does,
// and notes the latter as remarks.
func (s *Server) ties(q wire.Sweep) ([]string, error) {
	var all []*module
	for _, name := range q.Own {
		m, err := s.module(name)
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue // pulled in: its name is all that is known
		}
		if err := m.readWords(); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	out := make([]string, len(q.Left))
	for i, l := range q.Left {
		if len(all) == 0 {
			out[i] = "nothing is known of the module that could clear it"
			continue
		}
		out[i] = tie(l, q, all)
	}
	relate(q.Left, out)
	for i, l := range q.Left {
		r := Remark{Test: q.Test, Modules: q.Own, Kind: l.Kind, Name: l.Name}
		if out[i] == "" && !slices.ContainsFunc(s.Record.Remarks, r.same) {
			s.Record.Remarks = append(s.Record.Remarks, r)
		}
	}
	return out, nil
}

// tie says what ties one thing to the modules, of which the host knows all.
func tie(l wire.Left, q wire.Sweep, all []*module) string {
	if l.Kind == linkKind {
		return "only the module's own were asked for"
	}
	for _, name := range q.Own {
		if strings.Contains(strings.ReplaceAll(l.Name, "-", "_"), name) {
			return "it bears the name of " + name
		}
	}
	if codeThatIsGone(l.Name) {
		return "it names code that is gone"
	}
	candidates := names(l)
	for _, p := range q.Params {
		_, values, _ := strings.Cut(p, "=")
		for v := range strings.FieldsFuncSeq(values, func(r rune) bool { return r == ',' || r == '"' }) {
			if len(v) > 1 && slices.Contains(candidates, v) {
				return "it is the value of the parameter " + p
			}
		}
	}
	for _, m := range all {
		for _, c := range candidates {
			if word, ok := m.words.has(c, l.Kind == threadKind); ok {
				return fmt.Sprintf("%s holds the name %q", m.Name, word)
			}
		}
		if word, ok := m.words.within(l.Name); ok {
			return fmt.Sprintf("%s holds the name %q", m.Name, word)
		}
		if f, ok := m.calls(l); ok {
			return fmt.Sprintf("%s calls %s", m.Name, f)
		}
	}
	return ""
}

// relate ties what lies above or below something that is tied, or bears the same
// name: a device is in the folder of its class, in that of its bus, and in its own.
func relate(left []wire.Left, ties []string) {
	for changed := true; changed; {
		changed = false
		for i, l := range left {
			if ties[i] != "" {
				continue
			}
			for j, other := range left {
				if ties[j] != "" && related(l.Name, other.Name) {
					ties[i], changed = "it belongs to "+other.Name, true
					break
				}
			}
		}
	}
}

func related(a, b string) bool {
	if !strings.HasPrefix(a, "/") || !strings.HasPrefix(b, "/") {
		return false
	}
	return strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/") || len(path.Base(a)) > 1 && path.Base(a) == path.Base(b)
}

// bareAddress is an address without a symbol. A tracer's trampoline never has one
// (t_show in kernel/trace/ftrace.c).
var (
	bareAddress = regexp.MustCompile(`\b0x[0-9a-f]{16}\b`)
	trampoline  = regexp.MustCompile(`tramp: 0x[0-9a-f]+`)
)

// codeThatIsGone tells whether a name has an address where modules lie: the kernel
// prints a symbol for every place that still has one.
func codeThatIsGone(name string) bool {
	name = trampoline.ReplaceAllString(name, "")
	return slices.ContainsFunc(bareAddress.FindAllString(name, -1), func(a string) bool {
		addr, err := strconv.ParseUint(a[2:], 16, 64)
		return err == nil && addr >= modulesStart && addr < modulesEnd
	})
}

// names are what may be a name in what the kernel shows: the last element of a path,
// the words of a line. Numbers that the kernel counts with are left off.
func names(l wire.Left) []string {
	var parts []string
	if strings.HasPrefix(l.Name, "/") {
		parts = []string{path.Base(l.Name)}
	} else {
		for _, w := range strings.Fields(l.Name) {
			parts = append(parts, w)
			parts = append(parts, strings.Split(w, "/")...)
		}
	}
	var out []string
	for _, p := range parts {
		for _, c := range []string{p, strings.Trim(p, "0123456789.:-_"), strings.TrimRight(p, "0123456789")} {
			if len(c) > 1 && !lineWords[c] && !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return slices.DeleteFunc(out, func(c string) bool { return strings.Trim(c, "0123456789.:") == "" })
}

// lineWords are words of the kernel's lists that name nothing.
var lineWords = map[string]bool{
	"nodev": true, "protocol": true, "bytes": true, "by": true, "edge": true, "level": true, "fasteoi": true,
	"IO-APIC": true, "PCI-MSI": true, "PCI-MSIX": true, "k": true, "r": true, "[FTRACE]": true, "[OPTIMIZED]": true, "[DISABLED]": true,
}
