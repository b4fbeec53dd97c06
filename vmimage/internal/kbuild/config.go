package kbuild

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// ConfigError lists what a kernel's configuration lacks.
type ConfigError struct {
	Release string
	// Lacks has one line for each need, "CONFIG_X is m, y is needed".
	Lacks []string
	// Profile is that of a kernel that was compiled here.
	Profile string
}

func (e *ConfigError) Error() string {
	msg := fmt.Sprintf("check configuration of kernel %s: %s", e.Release, strings.Join(e.Lacks, "; "))
	if e.Profile != "" {
		msg += ": name it among config of the [[kernel]] in kmodtest.toml"
	}
	return msg
}

// CheckConfig compares what a project needs with the kernel's configuration.
// A need is CONFIG_X (any value but n), CONFIG_X=y, CONFIG_X=y|m, CONFIG_X=n,
// or a value such as CONFIG_HZ=250.
func CheckConfig(k kernel.Kernel, needs []string) error {
	if len(needs) == 0 {
		return nil
	}
	have, err := ReadConfig(k.Config)
	if err != nil {
		return err
	}
	var lacks, bad []string
	for _, need := range needs {
		name, want, valued := strings.Cut(need, "=")
		if !strings.HasPrefix(name, "CONFIG_") || valued && want == "" {
			bad = append(bad, fmt.Sprintf("%q", need))
			continue
		}
		value, ok := have[name]
		if !ok {
			value = "n"
		}
		switch {
		case !valued && value == "n":
			lacks = append(lacks, name+" is not set")
		case valued && !oneOf(value, want):
			lacks = append(lacks, fmt.Sprintf("%s is %s, %s is needed", name, value, strings.ReplaceAll(want, "|", " or ")))
		}
	}
	if len(bad) > 0 {
		return errors.New("check configuration: want CONFIG_X or CONFIG_X=y|m, have " + strings.Join(bad, ", "))
	}
	if len(lacks) > 0 {
		return &ConfigError{Release: k.Release, Lacks: lacks, Profile: k.Profile}
	}
	return nil
}

func oneOf(value, list string) bool {
	for want := range strings.SplitSeq(list, "|") {
		if strings.Trim(value, `"`) == strings.Trim(want, `"`) {
			return true
		}
	}
	return false
}

// ReadConfig parses a .config. Symbols that are not set are left out.
func ReadConfig(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read kernel configuration: %w", err)
	}
	defer f.Close()
	values := make(map[string]string)
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		if name, value, ok := strings.Cut(sc.Text(), "="); ok && strings.HasPrefix(name, "CONFIG_") {
			values[name] = value
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("read kernel configuration %s: %w", path, err)
	}
	return values, nil
}
