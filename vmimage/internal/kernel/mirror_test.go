package kernel

import (
	"os"
	"path/filepath"
	"testing"
)

func TestChooseMirrors(t *testing.T) {
	// The form of apt-get update --print-uris; third parties name their suites
	// after Debian's.
	const host = `'http://third.invalid/linux/debian/dists/bookworm/InRelease' third_InRelease 0 
'http://mirror.invalid/debian/dists/bookworm/InRelease' m_InRelease 0 
'http://mirror.invalid/debian/dists/bookworm-updates/InRelease' m_InRelease 0 
'http://security.invalid/debian-security/dists/bookworm-security/InRelease' s_InRelease 0 
'http://mirror.invalid/debian/dists/bookworm/main/binary-amd64/Packages.xz' m_Packages 0 
'http://tools.invalid/apt/dists/nodistro/InRelease' t_InRelease 0 
`
	tests := []struct {
		name, printed  string
		main, security string
	}{
		{"third parties", host, "http://mirror.invalid/debian", "http://security.invalid/debian-security"},
		{"one mirror for both", "'https://m.invalid/d/dists/sid/InRelease' x 0\n'https://m.invalid/s/dists/trixie-security/InRelease' x 0\n",
			"https://m.invalid/d", "https://m.invalid/s"},
		{"local files", "'file:/srv/deb/dists/trixie/InRelease' x 0\n", "file:/srv/deb", ""},
		{"Ubuntu", `'http://u.invalid/ubuntu/dists/noble/InRelease' u_InRelease 0 
'http://u.invalid/ubuntu/dists/noble-updates/InRelease' u_InRelease 0 
'http://u.invalid/ubuntu/dists/noble-security/InRelease' u_InRelease 0 
'http://tools.invalid/apt/dists/nodistro/InRelease' t_InRelease 0 
`, "", ""},
		{"Debian's beside Ubuntu's", `'http://u.invalid/ubuntu/dists/noble-updates/InRelease' u_InRelease 0 
'http://m.invalid/debian/dists/trixie/InRelease' m_InRelease 0 
`, "http://m.invalid/debian", ""},
		{"none", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := chooseMirrors(tt.printed)
			if m.main != tt.main || m.security != tt.security {
				t.Errorf("have %+v, want %s and %s", m, tt.main, tt.security)
			}
		})
	}
}

func TestArchiveHome(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "Debian.info")
	if home, err := archiveHome(name); home != "" || err != nil {
		t.Errorf("without a file %q, %v", home, err)
	}
	const info = "X-Exclude-Suites: buzz\n\nSuite: {series}\nRepositoryType: deb\nBaseURI: https://m.invalid/debian/\n\n" +
		"Suite: {series}-security\nBaseURI: https://s.invalid/\n"
	if err := os.WriteFile(name, []byte(info), 0o644); err != nil {
		t.Fatal(err)
	}
	if home, err := archiveHome(name); home != "https://m.invalid/debian" || err != nil {
		t.Errorf("have %q, %v", home, err)
	}
}

func TestSuites(t *testing.T) {
	m := mirrors{main: "main", security: "security"}
	for suite, want := range map[string][2]string{
		"bullseye-security": {"security", "bullseye"}, "trixie": {"main", "trixie"},
		"trixie-backports": {"main", "trixie"}, "experimental": {"main", "sid"}, "sid": {"main", "sid"},
	} {
		if got := [2]string{m.base(suite), baseSuite(suite)}; got != want {
			t.Errorf("%s comes from %v, want %v", suite, got, want)
		}
	}
}

// TestHostMirrors asks this machine's own apt, whatever it says.
func TestHostMirrors(t *testing.T) {
	a := apt{dir: t.TempDir()}
	if err := a.open(); err != nil {
		t.Fatal(err)
	}
	if _, err := hostMirrors(t.Context(), a); err != nil {
		t.Error(err)
	}
}
