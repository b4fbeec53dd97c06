package marks

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the guest writes is what the host reads.
func TestRoundTrip(t *testing.T) {
	for _, want := range []Expectation{
		{Test: "TestA"},
		{Test: "TestA/sub#01", Kind: "warn", Match: `in f\b|"x"`},
		{Test: "TestÄ", Match: "ü \t"},
	} {
		m := Expect(want)
		if !IsMark(m.Text()) {
			t.Errorf("%q is no mark", m.Text())
		}
		got, ok, err := ParseExpect(m.Text())
		if !ok || err != nil {
			t.Fatalf("ParseExpect(%q): %v, %v", m.Text(), ok, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("expectation (-want +got):\n%s", diff)
		}
	}
	for _, text := range []string{"", "expect {}", Looked().Text(), Looking("x").Text()} {
		if _, ok, err := ParseExpect(text); ok || err != nil {
			t.Errorf("ParseExpect(%q) = %v, %v", text, ok, err)
		}
	}
	if _, ok, err := ParseExpect(Prefix + "expect {"); !ok || err == nil {
		t.Error("half an expectation is none, or whole")
	}
}

func TestLookingFor(t *testing.T) {
	console := "[    5.0] " + Looking("a family that module x left").Text() + "\r\n[    5.1] BUG: …\n"
	if what, ok := LookingFor(console, "15,811,5000000,-;"+Looking("a family").Text()+"\n"); !ok || what != "a family that module x left" {
		t.Errorf("LookingFor = %q, %v", what, ok)
	}
	if what, ok := LookingFor(console, "15,812,5200000,-;"+Looked().Text()+"\n"); ok {
		t.Errorf("LookingFor = %q after the look", what)
	}
	if what, ok := LookingFor("", ""); ok {
		t.Errorf("LookingFor = %q of nothing", what)
	}
}
