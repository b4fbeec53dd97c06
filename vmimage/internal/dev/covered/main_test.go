package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := write("m.c", "a();\n\tb();\nc();\n")
	one := write("1.info", "SF:"+c+"\nDA:1,1\nDA:2,0\nDA:3,0\n")
	two := write("2.info", "SF:"+c+"\nDA:1,0\nDA:2,0\nDA:3,2\n")
	tests := map[string]struct {
		list  string
		files []string
		want  []string
		err   string
	}{
		"together": {list: "m.c\tb();\tnobody calls it\n", files: []string{one, two}},
		"one":      {list: "# why\nm.c\tb();\tnobody calls it\n", files: []string{one}, want: []string{c + ":3: it did not run: c();"}},
		"stale":    {list: "m.c\tb();\tx\nm.c\tc();\tx\n", files: []string{one, two}, want: []string{`m.c: "c();" is said to be out of reach (x), and ran, or is gone`}},
		"no word":  {list: "m.c\tb();\t \n", files: []string{one}, err: "is not FILE, TEXT and REASON"},
		"nothing":  {list: "", files: nil, err: "name no line"},
	}
	for name, tt := range tests {
		got, err := check(write("list", tt.list), tt.files)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
