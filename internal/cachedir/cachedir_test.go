package cachedir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for dir, ok := range map[string]bool{
		"/home/u/.cache/kmodtest": true, "/a_b-c.d/e+f@g~h": true, "/home/josé": true,
		"/my cache": false, "/a:b": false, "/a\tb": false, "/a=b": false, "/a%b": false, "/a'b": false, "/a\"b": false,
		"/a#b": false, "/a$b": false, "/a\\b": false, "/a,b": false, "/a;b": false, "/a*b": false,
	} {
		if err := Check(dir); (err == nil) != ok {
			t.Errorf("Check(%q) = %v", dir, err)
		} else if err != nil && !strings.Contains(err.Error(), "KMODTEST_CACHE") {
			t.Errorf("Check(%q) = %v: no remedy", dir, err)
		}
	}
}

func TestDefault(t *testing.T) {
	shared := t.TempDir()
	own := filepath.Join(shared, fmt.Sprintf("kmodtest-%d", os.Getuid()))
	for _, tt := range []struct {
		user string
		make func() error // what is there before
		want string       // "" is an error
	}{
		{"/home/u/.cache", nil, "/home/u/.cache/kmodtest"},
		{"/home/u v/.cache", nil, own},
		{"/home/u v/.cache", func() error { return os.Mkdir(own, 0o700) }, own},
		{"/home/u v/.cache", func() error { return os.Symlink("/", own) }, ""},
		{"/home/u v/.cache", func() error { return os.WriteFile(own, nil, 0o600) }, ""},
		{"/home/u v/.cache", func() error { return errors.Join(os.Mkdir(own, 0o700), os.Chmod(own, 0o777)) }, ""},
	} {
		if err := os.RemoveAll(own); err != nil {
			t.Fatal(err)
		}
		if tt.make != nil {
			if err := tt.make(); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Default(tt.user, shared)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q, %v; want %q", tt.user, got, err, tt.want)
		}
	}
}
