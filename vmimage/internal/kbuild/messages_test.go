package kbuild

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRewrite(t *testing.T) {
	const dir, show = "/cache/build/tiny-1", "kmod"
	tests := []struct{ line, want string }{
		{"  CC [M]  /cache/build/tiny-1/main.o", "  CC [M]  kmod/main.o"},
		{"/cache/build/tiny-1/main.c:5:13: warning: x", "kmod/main.c:5:13: warning: x"},
		// Since 6.13 kbuild runs in the module's directory.
		{"main.c:5:13: warning: x", "kmod/main.c:5:13: warning: x"},
		{"sub/main.c:5:13: error: x", "kmod/sub/main.c:5:13: error: x"},
		{"main.c: In function 'f':", "kmod/main.c: In function 'f':"},
		{"In file included from main.c:1:", "In file included from kmod/main.c:1:"},
		{"                 from sub/b.h:3,", "                 from kmod/sub/b.h:3,"},
		{"tiny.o: warning: objtool: f() falls through", "kmod/tiny.o: warning: objtool: f() falls through"},
		// The kernel's own headers are not the user's.
		{"In file included from ./include/linux/module.h:12:", "In file included from ./include/linux/module.h:12:"},
		{"include/linux/x.h:5:1: error: y", "include/linux/x.h:5:1: error: y"},
		{"/usr/include/x.h:5:1: error: y", "/usr/include/x.h:5:1: error: y"},
		{"    5 |  int unused;", "    5 |  int unused;"},
		{"  LD [M]  tiny.ko", "  LD [M]  tiny.ko"},
	}
	for _, tt := range tests {
		if got := rewrite(tt.line, dir, show); got != tt.want {
			t.Errorf("rewrite(%q)\n got %q\nwant %q", tt.line, got, tt.want)
		}
	}
}

// A file that make names relative to the folder that it went into last.
func TestRewriterFolders(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a/x.c", "")
	write(t, dir+"/b/y.c", "")
	r := newRewriter(dir, "kmod", nil)
	for _, line := range []string{
		"make[1]: Entering directory '" + dir + "/a'", "make[2]: Entering directory '" + dir + "/b'",
		"x.c:1:2: error: e", "y.c:3: error: e", "../a/x.c:1:2: error: e", "z.c:1: error: e",
	} {
		r.line(line + "\n")
	}
	want := "make[1]: Entering directory 'kmod/a'\nmake[2]: Entering directory 'kmod/b'\n" +
		"kmod/a/x.c:1:2: error: e\nkmod/b/y.c:3: error: e\nkmod/a/x.c:1:2: error: e\nkmod/z.c:1: error: e\n"
	if diff := cmp.Diff(want, r.Text()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestRewriterJoinsLines(t *testing.T) {
	var to bytes.Buffer
	r := newRewriter("/build", "kmod", &to)
	for _, part := range []string{"a /bui", "ld/x\nb ", "\n/build", "/y"} {
		if _, err := io.WriteString(r, part); err != nil {
			t.Fatal(err)
		}
	}
	r.Flush()
	const want = "a kmod/x\nb \nkmod/y\n"
	if to.String() != want || r.Text() != want {
		t.Errorf("wrote %q, kept %q; want %q", to.String(), r.Text(), want)
	}
}

func TestDiagnostics(t *testing.T) {
	const output = `make: Entering directory '/x'
  CC [M]  kmod/main.o
kmod/main.c: In function 'f':
kmod/main.c:5:13: warning: unused variable 'x' [-Wunused-variable]
    5 |         int x;
kmod/netdev.c:7:1: fatal error: nosuch.h: No such file or directory
kmod/x.c:9: error: old style
make[3]: *** [scripts/Makefile.build:243: kmod/main.o] Error 1
`
	want := []Diagnostic{
		{"kmod/main.c", 5, "warning", "unused variable 'x' [-Wunused-variable]"},
		{"kmod/netdev.c", 7, "error", "nosuch.h: No such file or directory"},
		{"kmod/x.c", 9, "error", "old style"},
	}
	if diff := cmp.Diff(want, Diagnostics(output)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
