package fault

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/errno"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// left are the words with which package guest says that a module has left
// something: each is of a message there.
var left = regexp.MustCompile(`(?m)^.*(?:there is still:|but it left:|is gone, but something still points to it:|never freed ).*(?:\n\s+\S.*)?`)

// judge says what came of a failure in a guest, if it came to it.
func (o Outcome) judge(g *guest, isLoad bool) Outcome {
	if g.reached == nil {
		// It was ended before its memory could be read: what the verdict says of that
		// counts, and that nothing is known is not taken for the scenario's doing.
		if o = o.of(g.v, isLoad); !o.State.Red() {
			o.State, o.Why = Crash, "the guest did not say which calls were made"
		}
		return o
	}
	for _, site := range []int{o.number, o.second} {
		if site >= 0 && !g.failed(site) {
			o.State, o.Why = Unsteady, fmt.Sprintf("it was called %d times while counting, and less often again", o.Of)
			o.Remark = o.Why
			return o
		}
	}
	return o.of(g.v, isLoad).balance(g.reached)
}

// balance says what was taken and not given back, where all else is well.
func (o Outcome) balance(reached []calls.Reached) Outcome {
	if o.State != Clean && o.State != GoesOn {
		return o
	}
	var owed []string
	for _, a := range o.accounts {
		if text := a.Owed(reached); text != "" {
			owed = append(owed, text)
		}
	}
	if len(owed) > 0 {
		o.State, o.Why, o.owes = Leak, strings.Join(owed, "; "), true
	}
	return o
}

// of says what a verdict means.
func (o Outcome) of(v verdict.Verdict, isLoad bool) Outcome {
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
		case verdict.ProblemLeft:
			o.State, o.Why, o.Detail = Leak, oneLine(p.Text), p.Text
		}
	}
	var all, failed strings.Builder
	for _, t := range v.Tests {
		all.WriteString(t.Output)
		if t.State == verdict.Fail {
			failed.WriteString(t.Output)
		}
	}
	isFailed := slices.ContainsFunc(v.Tests, func(t verdict.TestResult) bool { return t.State == verdict.Fail })
	if m := left.FindString(all.String()); m != "" {
		o.State, o.Why, o.Detail = Leak, oneLine(m), strings.TrimSpace(all.String())
		return o
	}
	if o.State == Leak {
		return o
	}
	if isLoad {
		return o.load(v, all.String(), isFailed)
	}
	return o.test(failed.String(), isFailed)
}

// sites are the calls that failed.
func (o Outcome) sites() []calls.Site {
	if o.Then == nil {
		return []calls.Site{o.Site}
	}
	return []calls.Site{o.Site, *o.Then}
}

// required is a call that failed and that the module cannot do without.
func (o Outcome) required() (calls.Site, bool) {
	all := o.sites()
	i := slices.IndexFunc(all, func(s calls.Site) bool { return s.Required })
	return all[max(i, 0)], i >= 0
}

// carried are the errors that the caller may be told; none if a call failed without
// one, so that it is the caller's choice.
func (o Outcome) carried() []string {
	var names []string
	for _, s := range o.sites() {
		if s.Fails != calls.Errno && s.Fails != calls.ErrPtr {
			return nil
		}
		names = append(names, s.Error())
	}
	return names
}

// test judges a test of the author's. That it fails is how it says that it was told;
// of which error, its words may say.
func (o Outcome) test(text string, failed bool) Outcome {
	if !failed {
		o.State = GoesOn
		if s, ok := o.required(); ok {
			o.Remark = fmt.Sprintf("no test noticed that %s failed", s.Name())
		}
		return o
	}
	o.State, o.Errno = Clean, errno.First(text)
	if want := o.carried(); o.Errno != "" && len(want) > 0 && !slices.Contains(want, o.Errno) {
		o.Remark = fmt.Sprintf("the first error that a test tells is %s, and it was %s", o.Errno, strings.Join(want, " or "))
	}
	return o
}

// load judges what load and unload said.
func (o Outcome) load(v verdict.Verdict, text string, failed bool) Outcome {
	a := answer(v)
	o.Errno = a.Errno
	need, required := o.required()
	carried := o.carried()
	switch {
	case failed || !v.Green():
		// It was loaded, and then could not be unloaded, or the like.
		o.State, o.Why, o.Detail = Leak, "load and unload fail", strings.TrimSpace(text)
	case a.Errno == "" && required:
		o.State, o.Why = Wrong, "init returns 0, as if "+need.Name()+" had not failed"
	case a.Errno == "":
		o.State = GoesOn
	case a.Errno == o.Refused && !slices.Contains(carried, a.Errno):
		o.State, o.Remark = GoesOn, "init returns "+a.Errno+", as it does if nothing fails"
	case len(carried) > 0 && !slices.Contains(carried, a.Errno):
		o.State, o.Why = Wrong, fmt.Sprintf("init returns %s where %s said %s", a.Errno, o.Site.Name(), strings.Join(carried, " or "))
	default:
		o.State = Clean
	}
	return o
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
