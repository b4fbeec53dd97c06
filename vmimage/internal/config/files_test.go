package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGuestKeys(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       func(dir string, c *Config)
		err        string
	}{
		{"a list of files", "[tests]\nfiles = [\"a\", \"/b\"]", func(dir string, c *Config) { c.Tests.Files = []string{dir + "/a", "/b"} }, ""},
		{"a table of files", "[tests.files]\n\"/lib/firmware/x.bin\" = \"fw/x.bin\"", func(dir string, c *Config) {
			c.Tests.Placed = map[string]string{"/lib/firmware/x.bin": dir + "/fw/x.bin"}
		}, ""},
		{"outputs", "[tests]\noutputs = [\"build/*.pcap\", \"logs\"]", func(dir string, c *Config) {
			c.Tests.Outputs = []string{dir + "/build/*.pcap", dir + "/logs"}
		}, ""},
		{"environment and modules", "[guest]\nmodules = [\"veth\"]\n[guest.env]\nA = \"1\\n2\"\nB = false", func(_ string, c *Config) {
			c.Guest.Modules, c.Guest.Env = []string{"veth"}, map[string]any{"A": "1\n2", "B": false}
		}, ""},
		{"files of another type", "[tests]\nfiles = 7", nil, "neither a list"},
		{"a file that is a number", "[tests]\nfiles = [7]", nil, "no path"},
		{"a relative path in the guest", "[tests.files]\nx = \"y\"", nil, "no absolute path in the guest"},
		{"the guest's root", "[tests.files]\n\"/\" = \"y\"", nil, "no absolute path in the guest"},
		{"outputs that leave", "[tests]\noutputs = [\"../x\"]", nil, `outputs "../x" is no pattern of files below`},
		{"absolute outputs", "[tests]\noutputs = [\"/etc\"]", nil, `outputs "/etc" is no pattern`},
		{"everything as output", "[tests]\noutputs = [\".\"]", nil, `outputs "." is no pattern`},
		{"a broken pattern", "[tests]\noutputs = [\"[\"]", nil, `outputs "[" is no pattern`},
		{"a number in the environment", "[guest.env]\nA = 1", nil, "A is neither a text nor false"},
		{"true in the environment", "[guest.env]\nA = true", nil, "A is neither a text nor false"},
		{"a name that is none", "[guest.env]\n\"A=B\" = \"1\"", nil, `name "A=B"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, FileName)
			if err := os.WriteFile(path, []byte(tc.text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := Load(path, []byte("[[kernel]]\nseries = \"6.12\"\nsuite = \"s\"\n"))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error = %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := &Config{Path: path, Dir: dir, Kernels: got.Kernels}
			tc.want(dir, want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}
