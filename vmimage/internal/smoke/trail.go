package smoke

import (
	"bytes"
	"strings"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// trail reads the standard error of the program in the guest: which step each
// test came to, and at which the kernel said what.
type trail struct {
	part []byte
	test string
	last map[string]string            // step, by test
	said map[string]map[string]string // step, by test and line of the kernel's
	// rest is what else was written.
	rest bytes.Buffer
}

func newTrail() *trail {
	return &trail{last: make(map[string]string), said: make(map[string]map[string]string)}
}

func (t *trail) Write(p []byte) (int, error) {
	t.part = append(t.part, p...)
	for {
		line, rest, ok := bytes.Cut(t.part, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		t.line(string(line))
		t.part = rest
	}
}

func (t *trail) line(line string) {
	if step, ok := strings.CutPrefix(line, smoketest.StepPrefix); ok {
		t.test, step, _ = strings.Cut(step, "\t")
		t.last[t.test] = step
		return
	}
	if said, ok := strings.CutPrefix(line, smoketest.SaidPrefix); ok {
		if t.said[t.test] == nil {
			t.said[t.test] = make(map[string]string)
		}
		if _, known := t.said[t.test][said]; !known {
			t.said[t.test][said] = t.last[t.test]
		}
		return
	}
	t.rest.WriteString(line + "\n")
}

// step is the one at which a test came upon a finding: the one after which the
// kernel said so, or else the last, which the guest did not survive. Without a
// finding it is nothing, unless died.
func (t *trail) step(test string, f *verdict.Finding, died bool) string {
	if f != nil {
		for line := range strings.Lines(f.Raw) {
			if s := t.said[test][strings.TrimRight(line, "\n")]; s != "" {
				return s
			}
		}
	}
	if f != nil || died {
		return t.last[test]
	}
	return ""
}
