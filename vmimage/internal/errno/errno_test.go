package errno

import "testing"

func TestFirst(t *testing.T) {
	tests := map[string]string{
		"x_test.go:3: create: cannot allocate memory\nopen: no such file or directory": "ENOMEM",
		"errno -19 (ENODEV)": "ENODEV", "EBUSY": "EBUSY", "all is well": "", "": "",
	}
	for text, want := range tests {
		if got := First(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	if n := Number("ENOMEM"); n != 12 || Name(12) != "ENOMEM" || Number("EWHAT") != 0 || Name(4000) != "" {
		t.Errorf("ENOMEM is %d, 12 is %s", n, Name(12))
	}
}
