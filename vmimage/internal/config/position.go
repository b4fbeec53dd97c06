package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// lineOf returns the number of the line on which the (n+1)-th line that starts
// with prefix stands, 0 if there are not as many. The TOML library tells
// positions of syntax errors only.
func lineOf(b []byte, prefix string, n int) int {
	for i, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(strings.ReplaceAll(strings.TrimSpace(l), " ", ""), prefix) {
			if n == 0 {
				return i + 1
			}
			n--
		}
	}
	return 0
}

// typeErrorRE is how the TOML library tells of a value of the wrong type. Such an
// error has no type of its own.
var typeErrorRE = regexp.MustCompile(`^toml: line ([0-9]+) \(last key "([^"]*)"\): (.*)$`)

func typeError(path string, err error) *Error {
	m := typeErrorRE.FindStringSubmatch(err.Error())
	if m == nil {
		return &Error{path, 0, err.Error()}
	}
	line, _ := strconv.Atoi(m[1])
	return &Error{path, line, m[2] + ": " + m[3]}
}

// unknownKey is the error for a key that no field takes. It names the known
// key that is most like it.
func unknownKey(path string, b []byte, key toml.Key) error {
	name := key[len(key)-1]
	line := lineOf(b, name+"=", 0)
	if line == 0 {
		line = lineOf(b, "["+key.String()+"]", 0)
	}
	if line == 0 {
		line = lineOf(b, "[["+key.String()+"]]", 0)
	}
	msg := fmt.Sprintf("unknown key %q", key.String())
	known := knownKeys(reflect.TypeFor[Config](), key[:len(key)-1])
	if near := nearest(name, known); near != "" {
		msg += fmt.Sprintf(" (did you mean %q?)", near)
	} else if len(known) > 0 {
		msg += fmt.Sprintf(" (known are %s)", strings.Join(known, ", "))
	}
	return &Error{path, line, msg}
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
