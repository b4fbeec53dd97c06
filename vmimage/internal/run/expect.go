package run

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/internal/marks"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// expectation is a report that a test has announced.
type expectation struct {
	marks.Expectation
	match *regexp.Regexp
	met   bool
}

func (e *expectation) String() string {
	var words []string
	if e.Kind != "" {
		words = append(words, "of kind "+e.Kind)
	}
	if e.Match != "" {
		words = append(words, fmt.Sprintf("that matches %q", e.Match))
	}
	return strings.Join(words, " ")
}

// mark takes what a test has put into the kernel log for the host.
func (j *judge) mark(text string) {
	e, ok, err := marks.ParseExpect(text)
	if !ok {
		return
	}
	x := &expectation{Expectation: e}
	if err == nil {
		x.match, err = regexp.Compile(e.Match)
	}
	if err == nil && !slices.Contains(j.tracker.Open(), e.Test) {
		err = fmt.Errorf("%s expects a report in the kernel log, and does not run", e.Test)
	}
	if err != nil {
		j.problem(verdict.ProblemGuest, "%v", err)
		return
	}
	// What came before is no answer.
	j.found(j.scanner.Flush())
	j.expects = append(j.expects, x)
}

// expected tells whether a test has announced the finding. The announcement is
// good for one.
func (j *judge) expected(f *klog.Finding) bool {
	for _, e := range j.expects {
		if !e.met && (e.Kind == "" || klog.Kind(e.Kind) == f.Kind) && (e.match.MatchString(f.Title) || e.match.MatchString(f.Raw)) {
			e.met = true
			return true
		}
	}
	return false
}

// settle ends what a test has announced, before its end is told.
func (j *judge) settle(e gotest.Event) {
	for _, x := range j.expects {
		if x.Test == e.Test && !x.met && e.Action != gotest.Skip {
			text := fmt.Sprintf("guest.ExpectLog: the kernel log holds no report %v", x)
			j.teller.Accuse(e.Test, text)
			j.note(e.Test, text+"\n")
		}
	}
	j.expects = slices.DeleteFunc(j.expects, func(x *expectation) bool { return x.Test == e.Test })
}
