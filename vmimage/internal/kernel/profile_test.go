package kernel

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKnows(t *testing.T) {
	tests := []struct {
		series, condition string
		want              bool
		err               string
	}{
		{"6.12", "", true, ""},
		{"6.12", "since 6.12", true, ""},
		{"6.1", "since 6.12", false, ""},
		{"5.10", "since 5.9", true, ""},
		{"6.12", "until 6.12", true, ""},
		{"7.2", "until 6.12", false, ""},
		{"6.1", "since 5.12 until 6.6", true, ""},
		{"7.3", "since 5.12 until 6.6", false, ""},
		{"6.12", "from 6.1", false, "want since or until"},
		{"6.12", "since", false, "want since or until"},
	}
	for _, tt := range tests {
		got, err := knows(tt.series, tt.condition)
		if got != tt.want || (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("knows(%s, %q) is %v, %v; want %v %s", tt.series, tt.condition, got, err, tt.want, tt.err)
		}
	}
}

// A project's options come after the profile's, and win.
func TestProfileOptions(t *testing.T) {
	old := profiles
	t.Cleanup(func() { profiles = old })
	profiles = map[string]string{"p": "# words\n\nCONFIG_A=y\nCONFIG_B=m # since 6.6\nCONFIG_C=\"x y\"\n"}
	for _, tt := range []struct{ series, options, want, err string }{
		{"6.12", "", "CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=\"x y\"\n", ""},
		{"6.1", "", "CONFIG_A=y\nCONFIG_C=\"x y\"\n", ""},
		{"6.1", "CONFIG_D=m\nCONFIG_A=n", "# CONFIG_A is not set\nCONFIG_C=\"x y\"\nCONFIG_D=m\n", ""},
		{"6.1", "CONFIG_D", "", "CONFIG_D"},
	} {
		list, err := profileOptions("p", tt.series, tt.options)
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s %q: error is %v, want %q", tt.series, tt.options, err, tt.err)
			continue
		}
		if diff := cmp.Diff(tt.want, fragment(list)); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", tt.series, tt.options, diff)
		}
	}
	if _, err := profileOptions("q", "6.1", ""); err == nil || !strings.Contains(err.Error(), "known is p") {
		t.Errorf("unknown profile: %v", err)
	}
}

// Each line of a profile is an option, and stands there once: the second would
// silently replace the first.
func TestProfiles(t *testing.T) {
	for _, name := range Profiles() {
		if _, err := profileOptions(name, "6.12", ""); err != nil {
			t.Error(err)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(profiles[name]) {
			option, _, ok := strings.Cut(line, "=")
			if !ok || strings.HasPrefix(line, "#") {
				continue
			}
			if seen[option] {
				t.Errorf("profile %s names %s twice", name, option)
			}
			seen[option] = true
		}
	}
}

func TestCheckProfile(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options []string
		err     string
	}{
		{"debug", nil, ""},
		{"debug", []string{"CONFIG_DRM=m", `CONFIG_CMDLINE="a b"`, "CONFIG_HZ=250"}, ""},
		{"fast", nil, `profile "fast": known is debug`},
		{"debug", []string{"DRM=m"}, "CONFIG_X=y"},
		{"debug", []string{"CONFIG_DRM"}, "CONFIG_X=y"},
		{"debug", []string{"CONFIG_DRM="}, "CONFIG_X=y"},
		{"debug", []string{"CONFIG_DRM=m\nCONFIG_X=y"}, "CONFIG_X=y"},
		{"debug", []string{"CONFIG_$(x)=m"}, "CONFIG_X=y"},
	} {
		err := CheckProfile(tt.name, tt.options)
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("CheckProfile(%s, %q) is %v, want %q", tt.name, tt.options, err, tt.err)
		}
	}
}

// What kbuild did not take is told, with what became of it.
func TestCheckOptions(t *testing.T) {
	const config = "#\n# words\nCONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_S=\"-debug\"\n"
	for _, tt := range []struct {
		asked []option
		lost  []string
		have  []string
	}{
		{[]option{{"CONFIG_A", "y"}, {"CONFIG_C", "n"}, {"CONFIG_D", "n"}, {"CONFIG_S", `"-debug"`}}, nil, nil},
		{[]option{{"CONFIG_A", "m"}, {"CONFIG_B", "y"}}, []string{"CONFIG_A=m", "CONFIG_B=y"}, []string{"it is y", "it is m"}},
		{[]option{{"CONFIG_C", "y"}, {"CONFIG_D", "y"}, {"CONFIG_A", "n"}},
			[]string{"CONFIG_C=y", "CONFIG_D=y", "# CONFIG_A is not set"}, []string{"it is n", "it is not there", "it is y"}},
	} {
		err := checkOptions(tt.asked, config)
		var lost *LostOptionsError
		if !errors.As(err, &lost) {
			lost = new(LostOptionsError)
		}
		if diff := cmp.Diff([][]string{tt.lost, tt.have}, [][]string{lost.Options, lost.Have}); diff != "" {
			t.Errorf("checkOptions(%v) (-want +got):\n%s", tt.asked, diff)
		}
	}
}

func TestUpstreamVersion(t *testing.T) {
	for version, want := range map[string]string{
		"6.12.117-1~deb12u1": "6.12.117", "7.3.4-1~bpo13+1": "7.3.4", "7.4-1": "7.4.0", "7.4~rc2-1~exp1": "7.4.0-rc2", "5.10.259-1": "5.10.259",
	} {
		if got := upstreamVersion(version); got != want {
			t.Errorf("upstreamVersion(%s) is %s, want %s", version, got, want)
		}
	}
}

// Whatever makes another kernel makes another key.
func TestCompiledKey(t *testing.T) {
	r := Resolved{Release: "6.66.1-debug", Source: &Package{SHA256: "aa"}}
	options := []option{{"CONFIG_A", "y"}}
	key := compiledKey(r, options, "gcc-12 12.2.0")
	if again := compiledKey(r, options, "gcc-12 12.2.0"); again != key {
		t.Errorf("the key is %s once and %s again", key, again)
	}
	if !strings.HasPrefix(key, "6.66.1-debug-") {
		t.Errorf("the key %s does not begin with what people call the kernel", key)
	}
	other := r
	other.Source = &Package{SHA256: "bb"}
	for what, got := range map[string]string{
		"source":   compiledKey(other, options, "gcc-12 12.2.0"),
		"option":   compiledKey(r, append(options, option{"CONFIG_B", "m"}), "gcc-12 12.2.0"),
		"compiler": compiledKey(r, options, "gcc-12 12.3.0"),
	} {
		if got == key {
			t.Errorf("another %s has the same key", what)
		}
	}
}

func TestSpecNames(t *testing.T) {
	for want, s := range map[string]Spec{
		"6.12":         {Series: "6.12"},
		"6.12-generic": {Series: "6.12", Flavour: "generic"},
		"6.12-debug":   {Series: "6.12", Profile: "debug", Options: "CONFIG_DRM=m"},
	} {
		if got := s.String(); got != want {
			t.Errorf("%+v is called %s, want %s", s, got, want)
		}
	}
}
