package run

import (
	"testing"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
)

// What a test asks for is one call; anything else is told.
func TestFailer(t *testing.T) {
	sites := []calls.Site{
		{Call: "misc_register", File: "m.c", Line: 3, Fails: calls.Errno}, {Call: "kfree", File: "m.c", Line: 4},
		{Call: "a_noprof", File: "m.c", Line: 5, Fails: calls.Null}, {Call: "b", File: "m.c", Line: 5, Fails: calls.Null},
	}
	f := injector{sites: sites}
	for text, want := range map[string]int{"m.c:3": 0, "m.c:3 misc_register #4": 0, "m.c:5 a interrupt": 2} {
		only, err := calls.ParseOnly(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.find(only); got != want || err != nil {
			t.Errorf("%s: call %d, %v; want %d", text, got, err, want)
		}
	}
	const none = "no module makes such a call, or it is not known to fail: kmodtest sweep lists those there are"
	for text, want := range map[string]string{
		"m.c:4": none, "m.c:9": none, "m.c:5": "2 calls are there: name one of a, b", "": "it names no line: want FILE:LINE [FUNCTION] [interrupt] [#N]",
	} {
		if _, err := f.fail(t.Context(), wire.Fail{Call: text}); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
	if _, err := (&injector{}).fail(t.Context(), wire.Fail{Call: "m.c:3"}); err != errNoStubs {
		t.Errorf("error %v", err)
	}
}
