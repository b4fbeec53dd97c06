package fault

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
)

func occurrenceMark(n uint64) string { return fmt.Sprintf(" #%d", n) }

// site is the option that chooses an outcome.
func (o Outcome) site() string {
	text := o.Site.Where() + " " + o.Site.Name()
	if o.Context != calls.Process {
		text += " " + string(o.Context)
	}
	return text + occurrenceMark(o.At)
}

// again is the command that repeats an outcome.
func (o Order) again(out Outcome, sc Scenario) string {
	words := []string{"kmodtest", "sweep", "-kernels", out.Kernel, "-site", out.site()}
	if out.Then != nil {
		words = append(words, "-then", out.Then.Where()+" "+out.Then.Name())
	}
	if !sc.load {
		words = append(words, o.TestFlags...)
	}
	words = append(words, o.Flags...)
	for i, w := range words {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}

// goTest is a Go test that repeats an outcome of load, in a suite of the author's; empty
// is none: in a scenario of tests it is those, with a line of guest.FailCall.
func (o Order) goTest(out Outcome, sc Scenario) string {
	if !sc.load || out.Then != nil {
		return ""
	}
	args := fmt.Sprintf("t, %q", out.Site.Module)
	for _, p := range o.Params[out.Site.Module] {
		args += fmt.Sprintf(", %q", p)
	}
	want := "err == nil"
	if all := out.carried(); len(all) > 0 {
		want = "!errors.Is(err, unix." + all[0] + ")"
	}
	name := strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, out.Site.Where())
	return fmt.Sprintf(`func TestFails_%s(t *testing.T) {
	guest.FailCall(t, %q)
	if _, err := guest.TryLoad(%s); %s {
		t.Errorf("load: %%v", err)
	}
}
`, name, out.site(), args, want)
}

// shellWord quotes what a shell would not leave alone.
func shellWord(w string) string {
	if w != "" && !slices.ContainsFunc([]rune(w), func(r rune) bool {
		return !strings.ContainsRune("-_./:=,+@%", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
