package kernel

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A profile is a way to configure a kernel that the archive has no flavour of:
// such a kernel is compiled here, from the archive's source.

//go:embed profiles/debug.config
var debugProfile string

// profiles are their options, as fragments of a configuration.
var profiles = map[string]string{"debug": debugProfile}

// Profiles returns the names of all profiles, sorted.
func Profiles() []string { return slices.Sorted(maps.Keys(profiles)) }

// CheckProfile tells whether there is a profile of that name, and whether options
// can be added to it.
func CheckProfile(name string, options []string) error {
	if _, ok := profiles[name]; !ok {
		return fmt.Errorf("profile %q: known is %s", name, strings.Join(Profiles(), ", "))
	}
	for _, o := range options {
		if _, err := parseOption(o); err != nil {
			return err
		}
	}
	return nil
}

// ProfileOptions returns the options of a profile for a series, CONFIG_X=y.
func ProfileOptions(name, series string) ([]string, error) {
	options, err := profileOptions(name, series, "")
	if err != nil {
		return nil, err
	}
	lines := make([]string, len(options))
	for i, o := range options {
		lines[i] = o.String()
	}
	return lines, nil
}

// option is a line of a configuration: NAME=VALUE, or "# NAME is not set".
type option struct{ name, value string }

func (o option) String() string {
	if o.value == "n" {
		return "# " + o.name + " is not set"
	}
	return o.name + "=" + o.value
}

func parseOption(line string) (option, error) {
	name, value, ok := strings.Cut(line, "=")
	bad := strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if !ok || bad || !strings.HasPrefix(name, "CONFIG_") || value == "" || strings.ContainsAny(value, "\n\r#") {
		return option{}, fmt.Errorf("option %q is not of the form CONFIG_X=y", line)
	}
	return option{name, value}, nil
}

// profileOptions returns the options that make a kernel of a series what its
// profile says; options are further ones, one a line, which come last and so
// may change what the profile says.
func profileOptions(profile, series, options string) ([]option, error) {
	text, ok := profiles[profile]
	if !ok {
		return nil, CheckProfile(profile, nil)
	}
	var list []option
	add := func(line string) error {
		o, err := parseOption(line)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(have option) bool { return have.name == o.name })
		if i >= 0 {
			list[i] = o
			return nil
		}
		list = append(list, o)
		return nil
	}
	for line := range strings.Lines(text) {
		line, condition, _ := strings.Cut(strings.TrimSpace(line), " # ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		known, err := knows(series, condition)
		if err != nil {
			return nil, fmt.Errorf("profile %s: %s: %w", profile, line, err)
		}
		if !known {
			continue
		}
		if err := add(line); err != nil {
			return nil, fmt.Errorf("profile %s: %w", profile, err)
		}
	}
	for line := range strings.Lines(options) {
		if err := add(strings.TrimSpace(line)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// knows tells whether the source of a series has an option that is there "since
// 5.17", or "until 6.6", that series included; none of both is always there.
func knows(series, condition string) (bool, error) {
	words := strings.Fields(condition)
	for ; len(words) >= 2; words = words[2:] {
		c := compareVersions(series, words[1])
		switch words[0] {
		case "since":
			if c < 0 {
				return false, nil
			}
		case "until":
			if c > 0 {
				return false, nil
			}
		default:
			return false, fmt.Errorf("condition %q: want since or until, and a series", condition)
		}
	}
	if len(words) > 0 {
		return false, fmt.Errorf("condition %q: want since or until, and a series", condition)
	}
	return true, nil
}

// LostOptionsError tells which options a source did not take: they depend on
// others that are off, or it does not know them.
type LostOptionsError struct {
	// Options are lines of the fragment; Have is what became of each.
	Options, Have []string
}

func (e *LostOptionsError) Error() string {
	var b strings.Builder
	b.WriteString("configure kernel: its source does not take")
	for i, o := range e.Options {
		fmt.Fprintf(&b, "\n\t%s (%s)", o, e.Have[i])
	}
	b.WriteString("\nname what they depend on as well, or leave them out")
	return b.String()
}

// checkOptions compares what was asked for with the configuration that came of it:
// kbuild drops silently what cannot be.
func checkOptions(asked []option, config string) error {
	have := map[string]string{}
	for line := range strings.Lines(config) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "# "); ok {
			if name, ok := strings.CutSuffix(name, " is not set"); ok {
				have[name] = "n"
			}
		} else if name, value, ok := strings.Cut(line, "="); ok {
			have[name] = value
		}
	}
	lost := new(LostOptionsError)
	for _, o := range asked {
		value, ok := have[o.name]
		if value == o.value || !ok && o.value == "n" {
			continue
		}
		lost.Options = append(lost.Options, o.String())
		if ok {
			lost.Have = append(lost.Have, "it is "+value)
		} else {
			lost.Have = append(lost.Have, "it is not there")
		}
	}
	if len(lost.Options) > 0 {
		return lost
	}
	return nil
}

// fragment is the list of options as kconfig reads it.
func fragment(options []option) string {
	var b strings.Builder
	for _, o := range options {
		b.WriteString(o.String() + "\n")
	}
	return b.String()
}
