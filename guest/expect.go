package guest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/marks"
)

// ExpectLog says that t is about to provoke a report of the kernel's on purpose:
//
//	guest.ExpectLog(t, "warn", "in vnet_nl_self_test")
//
// kind is the finding's kind, in upper or lower case, as kmodtest tells it
// ("warn", "oops", "lockdep", …), empty for any. match is a regular expression
// on the report's title or text, empty for any; one of the two has to be there.
//
// One such report that comes while t runs, a subtest of it included, is no
// failure then; a second one is, unless ExpectLog was called twice. If it has
// not come by the end of t, t fails: a report that is asked for on another
// processor or from a timer has to be waited for, with WatchLog and Wait. A
// report that the kernel panics over cannot be expected: it ends the guest.
func ExpectLog(t testing.TB, kind, match string) {
	t.Helper()
	needGuest(t)
	info, err := guestenv.Read()
	if err == nil {
		err = checkExpectation(kind, match, info.Kinds)
	}
	if err == nil {
		err = marks.Expect(marks.Expectation{Test: t.Name(), Kind: strings.ToLower(kind), Match: match}).Write()
	}
	if err != nil {
		t.Fatalf("expect report in kernel log: %v", err)
	}
}

// checkExpectation refuses what no report can be like.
func checkExpectation(kind, match string, kinds []string) error {
	if kind == "" && match == "" {
		return fmt.Errorf("neither kind nor match")
	}
	if kind != "" && !slices.Contains(kinds, strings.ToLower(kind)) {
		return fmt.Errorf("no kind is called %q: known are %s", kind, strings.Join(kinds, ", "))
	}
	if _, err := regexp.Compile(match); err != nil {
		return fmt.Errorf("parse match: %w", err)
	}
	return nil
}
