package fault

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// left are the words with which package guest says that a module has left
// something: each is of a message there.
var left = regexp.MustCompile(`(?m)^.*(?:there is still:|but it left:|is gone, but something still points to it:|never freed ).*(?:\n\s+\S.*)?`)

// judge says what came of a failure in a guest.
func judge(o Outcome, v verdict.Verdict, isLoad bool) Outcome {
	for _, f := range v.Findings {
		if !f.Fails() {
			continue
		}
		o.State, o.Why, o.Detail = Crash, f.Title, f.Raw
		if f.Where != nil {
			o.Where = f.Where.String()
		}
		return o
	}
	for _, p := range v.Problems {
		switch p.Kind {
		case verdict.ProblemDied, verdict.ProblemDeadline, verdict.ProblemHung, verdict.ProblemGuest:
			o.State, o.Why = Crash, p.Text
			return o
		case verdict.ProblemLoaded:
			o.State, o.Why = Leak, p.Text
		}
	}
	var text strings.Builder
	failed := false
	for _, t := range v.Tests {
		text.WriteString(t.Output)
		failed = failed || t.State == verdict.Fail
	}
	if m := left.FindString(text.String()); m != "" {
		o.State, o.Why, o.Detail = Leak, oneLine(m), strings.TrimSpace(text.String())
		return o
	}
	if o.State == Leak {
		return o
	}
	if !isLoad {
		o.State = GoesOn
		if failed {
			o.State = Clean
		}
		return o
	}
	return o.load(v, text.String(), failed)
}

// load judges what load and unload said.
func (o Outcome) load(v verdict.Verdict, text string, failed bool) Outcome {
	var a smoketest.Answer
	for line := range strings.Lines(text) {
		if _, b, ok := strings.Cut(line, smoketest.AnswerPrefix); ok {
			_ = json.Unmarshal([]byte(b), &a) // what is no answer is somebody else's
		}
	}
	o.Errno = a.Errno
	carries := o.Site.Fails == Errno || o.Site.Fails == ErrPtr
	switch {
	case failed || !v.Green():
		// It was loaded, and then could not be unloaded, or the like.
		o.State, o.Why, o.Detail = Leak, "load and unload fail", strings.TrimSpace(text)
	case a.Errno == "" && o.Site.Required:
		o.State, o.Why = Wrong, "init returns 0, as if "+o.Site.Call+" had not failed"
	case a.Errno == "":
		o.State = GoesOn
	case carries && a.Errno != "ENOMEM":
		o.State, o.Why = Wrong, fmt.Sprintf("init returns %s where %s said ENOMEM", a.Errno, o.Site.Call)
	default:
		o.State = Clean
	}
	return o
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
