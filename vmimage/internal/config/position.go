package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// positions are the lines of a file's keys, by path: "tests.needs",
// "module[1]", "module[1].dir".
type positions map[string]int

// line returns the line of the first of paths that the file has, 0 if it has
// none: name a key before the table that it belongs to.
func (p positions) line(paths ...string) int {
	for _, path := range paths {
		if l := p[path]; l > 0 {
			return l
		}
	}
	return 0
}

// findPositions reads a file that was decoded, and so is without errors. What
// the decoder tells itself are positions of what it refuses.
func findPositions(b []byte) positions {
	at := make(positions)
	count := make(map[string]int) // elements of the arrays of tables
	var p unstable.Parser
	p.Reset(b)
	table := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table:
			table = at.key(&p, e, "", count)
		case unstable.ArrayTable:
			name := at.key(&p, e, "", count)
			table = fmt.Sprintf("%s[%d]", name, count[name])
			at[table] = at[name]
			count[name]++
			// The next one has a line of its own.
			delete(at, name)
		case unstable.KeyValue:
			at.value(&p, at.key(&p, e, table, count), e.Value(), count)
		}
	}
	return at
}

// key notes the line of the key of e, and of the tables that it is the first to
// name. It returns the path.
func (at positions) key(p *unstable.Parser, e *unstable.Node, path string, count map[string]int) string {
	for it := e.Key(); it.Next(); {
		n := it.Node()
		// A name that goes on below an array of tables means its last element.
		if c := count[path]; c > 0 {
			path = fmt.Sprintf("%s[%d]", path, c-1)
		}
		path = join(path, string(n.Data))
		if at[path] == 0 {
			at[path] = p.Shape(n.Raw).Start.Line
		}
	}
	return path
}

// value notes the lines of the keys in a value. A table in an array is where its
// first key is.
func (at positions) value(p *unstable.Parser, path string, v *unstable.Node, count map[string]int) {
	switch v.Kind {
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			k := at.key(p, it.Node(), path, count)
			if at[path] == 0 {
				at[path] = at[k]
			}
			at.value(p, k, it.Node().Value(), count)
		}
	case unstable.Array:
		it := v.Children()
		for i := 0; it.Next(); i++ {
			at.value(p, fmt.Sprintf("%s[%d]", path, i), it.Node(), count)
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// decodeError says where the file is wrong, and what.
func decodeError(path string, err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		first := strict.Errors[0]
		line, _ := first.Position()
		return &Error{path, line, unknownKey(first.Key())}
	}
	var de *toml.DecodeError
	if !errors.As(err, &de) {
		return &Error{path, 0, err.Error()}
	}
	line, _ := de.Position()
	msg := strings.TrimPrefix(de.Error(), "toml: ")
	if key := de.Key(); len(key) > 0 {
		msg = strings.Join(key, ".") + ": " + msg
	}
	return &Error{path, line, msg}
}

// unknownKey is what to say of a key that no field takes. It names the known
// key that is most like it.
func unknownKey(key toml.Key) string {
	msg := fmt.Sprintf("unknown key %q", strings.Join(key, "."))
	known := knownKeys(reflect.TypeFor[Config](), key[:len(key)-1])
	if near := nearest(key[len(key)-1], known); near != "" {
		return msg + fmt.Sprintf(" (did you mean %q?)", near)
	}
	if len(known) > 0 {
		return msg + fmt.Sprintf(" (known are %s)", strings.Join(known, ", "))
	}
	return msg
}

// knownKeys are the keys of the table at path below t.
func knownKeys(t reflect.Type, path toml.Key) []string {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var keys []string
	for f := range t.Fields() {
		tag := f.Tag.Get("toml")
		if tag == "" || tag == "-" {
			continue
		}
		if len(path) > 0 && tag == path[0] {
			return knownKeys(f.Type, path[1:])
		}
		keys = append(keys, tag)
	}
	slices.Sort(keys)
	return keys
}

// nearest returns the key within two edits of name, "" if there is none.
func nearest(name string, keys []string) string {
	best, bestDist := "", 3
	for _, k := range keys {
		if d := distance(name, k); d < bestDist {
			best, bestDist = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost++
			}
			diag, row[j] = row[j], min(row[j]+1, row[j-1]+1, cost)
		}
	}
	return row[len(b)]
}
