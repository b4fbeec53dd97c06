package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseModprobe(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want modprobeOptions
		err  string
	}{
		// As the kernel calls it.
		{[]string{"-q", "--", "net-pf-16"}, modprobeOptions{quiet: true, args: []string{"net-pf-16"}}, ""},
		{[]string{"dummy", "numdummies=2"}, modprobeOptions{args: []string{"dummy", "numdummies=2"}}, ""},
		{[]string{"-av", "veth", "dummy"}, modprobeOptions{all: true, verbose: true, args: []string{"veth", "dummy"}}, ""},
		{[]string{"--remove", "--quiet", "veth"}, modprobeOptions{remove: true, quiet: true, args: []string{"veth"}}, ""},
		{[]string{"-b", "-i", "veth"}, modprobeOptions{args: []string{"veth"}}, ""},
		{[]string{"--", "-x"}, modprobeOptions{args: []string{"-x"}}, ""},
		{[]string{"-Z", "veth"}, modprobeOptions{}, `unknown option "Z": known are -a, -q, -r, -n, -v, -b, -i, --first-time`},
		{nil, modprobeOptions{}, "no module is named"},
	} {
		got, err := parseModprobe(tc.args)
		if tc.err != "" {
			if err == nil || err.Error() != tc.err {
				t.Errorf("parse %q: error = %v, want %s", tc.args, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("parse %q: %v", tc.args, err)
		}
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(modprobeOptions{})); diff != "" {
			t.Errorf("parse %q (-want +got):\n%s", tc.args, diff)
		}
	}
}

func TestParameters(t *testing.T) {
	l := &loader{cmdline: []string{"console=ttyS0", "dummy.numdummies=3", "snd-hda.index=1", "loop.max_loop=8", "x=dummy.y", "dummy"}}
	for _, tc := range []struct {
		module string
		want   []string
	}{
		{"dummy", []string{"numdummies=3"}}, {"snd_hda", []string{"index=1"}}, {"veth", nil},
	} {
		if diff := cmp.Diff(tc.want, l.parameters(tc.module)); diff != "" {
			t.Errorf("parameters of %s (-want +got):\n%s", tc.module, diff)
		}
	}
}

// Outside a guest nothing is loaded.
func TestModprobeOutside(t *testing.T) {
	var out, errs lines
	if status := modprobe([]string{"dummy"}, &out, &errs); status != 1 || len(errs) != 1 {
		t.Errorf("modprobe ended with %d and said %q", status, errs)
	}
}

type lines []string

func (l *lines) Write(p []byte) (int, error) {
	*l = append(*l, string(p))
	return len(p), nil
}
