package kernel

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompareVersions(t *testing.T) {
	// Each is older than the next.
	order := []string{
		"5.10.0-9", "5.10.0-46", "6.1.0-0.deb11.52", "6.1.0-56", "6.1.187-1", "6.1.192-1", "6.1.192-2",
		"6.12.9-1", "6.12.117-1~deb12u1", "6.12.117-1~deb12u2", "6.12.117-1",
		"7.2~rc3-1~exp1", "7.2.9-1~bpo13+1", "7.2.11-1~bpo13+1", "7.3.4-1~bpo13+1", "7.3.4-1", "1:1.0-1",
	}
	for i := range order {
		for j := range order {
			got := compareVersions(order[i], order[j])
			if (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("compareVersions(%q, %q) = %d", order[i], order[j], got)
			}
		}
	}
	if compareVersions("1.01", "1.1") != 0 {
		t.Error("leading zeros count")
	}
}

const sum64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// stanza is an index entry.
func stanza(name, version, depends string) string {
	s := "Package: " + name + "\nArchitecture: amd64\nVersion: " + version + "\n"
	if depends != "" {
		s += "Depends: " + depends + "\n"
	}
	return s + "Filename: pool/x.deb\nSize: 10\nSHA256: " + sum64 + "\n\n"
}

func TestParseIndex(t *testing.T) {
	text := stanza("linux-image-x", "1-1", "kmod, linux-base (>= 4.3~) | other") +
		"\n" + stanza("linux-image-x", "1-2", "") + stanza("bash", "5", "")
	idx, err := parseIndex(text, "suite", kernelPackage)
	if err != nil {
		t.Fatal(err)
	}
	if len(idx) != 1 || len(idx["linux-image-x"]) != 2 {
		t.Fatalf("index holds %v", idx)
	}
	p, ok := idx.find("linux-image-x", "")
	want := Package{Name: "linux-image-x", Version: "1-2", Arch: "amd64", Suite: "suite", Size: 10, SHA256: sum64, Source: "linux-image-x"}
	if diff := cmp.Diff(want, p); diff != "" || !ok {
		t.Errorf("newest package (-want +got):\n%s", diff)
	}
	if p, ok := idx.find("linux-image-x", "1-1"); !ok || p.Version != "1-1" {
		t.Errorf("find by version: %v %v", p, ok)
	}
	for name, bad := range map[string]string{
		"no name": "Version: 1\n\n", "no size": "Package: linux-image-x\nSHA256: " + sum64 + "\n",
		"no digest": "Package: linux-image-x\nSize: 1\n",
	} {
		if _, err := parseIndex(bad, "suite", kernelPackage); err == nil || !strings.Contains(err.Error(), "suite") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDependencies(t *testing.T) {
	got := dependencies("linux-headers-x-common (= 1-1), gcc-12, libc6:any (>= 2.36), a | b (= 3), ")
	want := []dependency{{"linux-headers-x-common", "1-1"}, {"gcc-12", ""}, {"libc6", ""}, {"a", ""}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(dependency{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestCandidates has the shapes of Debian's indexes: metapackages, images
// whose headers are gone, headers whose image is gone, two ABIs of a series,
// a split image, and debug packages.
func TestCandidates(t *testing.T) {
	kernel := func(abi, flavour, version, gcc string) string {
		v := abi + "-" + flavour
		return stanza("linux-image-"+v, version, "kmod") +
			stanza("linux-headers-"+v, version, "linux-headers-"+abi+"-common (= "+version+"), linux-kbuild-"+seriesOf(abi)+" (>= 1), "+gcc)
	}
	idx, err := parseIndex(
		stanza("linux-headers-cloud-amd64", "6.1.2-1", "linux-headers-6.1.0-56-cloud-amd64 (= 6.1.2-1)")+
			stanza("linux-headers-6.1-cloud-amd64", "6.1.2-1", "linux-headers-6.1.0-56-cloud-amd64 (= 6.1.2-1)")+
			stanza("linux-image-6.1-cloud-amd64", "6.1.2-1", "")+
			stanza("linux-image-6.1.0-9-cloud-amd64", "6.1.0-1", "kmod")+
			stanza("linux-headers-6.1.0-60-cloud-amd64", "6.1.9-1", "linux-headers-6.1.0-60-common (= 6.1.9-1), linux-kbuild-6.1")+
			stanza("linux-kbuild-6.1", "6.1.2-1", "")+
			stanza("linux-headers-6.1.0-56-common", "6.1.2-1", "")+
			stanza("linux-headers-6.1.0-55-common", "6.1.1-1", "")+
			kernel("6.1.0-56", "cloud-amd64", "6.1.2-1", "linux-compiler-gcc-12-x86")+
			kernel("6.1.0-56", "amd64", "6.1.2-1", "linux-compiler-gcc-12-x86")+
			kernel("6.1.0-55", "cloud-amd64", "6.1.1-1", "linux-compiler-gcc-12-x86")+
			stanza("linux-headers-7.3.4+deb13-common", "7.3.4-1", "")+
			stanza("linux-kbuild-7.3.4+deb13", "7.3.4-1", "pahole, libc6 (>= 2.38), libelf1t64 (>= 0.144)")+
			stanza("linux-headers-7.3.4+deb13-rt-amd64", "7.3.4-1", "gcc-14-for-host, linux-headers-7.3.4+deb13-common (= 7.3.4-1), linux-kbuild-7.3.4+deb13")+
			stanza("linux-image-7.3.4+deb13-rt-amd64", "7.3.4-1", "linux-base-7.3.4+deb13-rt-amd64 (= 7.3.4-1), linux-binary-7.3.4+deb13-rt-amd64 (= 7.3.4-1)")+
			stanza("linux-base-7.3.4+deb13-rt-amd64", "7.3.4-1", "")+
			stanza("linux-binary-7.3.4+deb13-rt-amd64", "7.3.4-1", "")+
			stanza("linux-image-7.3.4+deb13-rt-amd64-dbg", "7.3.4-1", ""),
		"suite", kernelPackage)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range candidates(idx) {
		line := c.release() + " gcc-" + c.gcc
		for _, p := range append(c.image, c.headers...) {
			line += " " + p.Name
		}
		got = append(got, line)
	}
	want := []string{
		"6.1.0-55-cloud-amd64 gcc-12 linux-image-6.1.0-55-cloud-amd64 linux-headers-6.1.0-55-cloud-amd64 linux-headers-6.1.0-55-common linux-kbuild-6.1",
		"6.1.0-56-cloud-amd64 gcc-12 linux-image-6.1.0-56-cloud-amd64 linux-headers-6.1.0-56-cloud-amd64 linux-headers-6.1.0-56-common linux-kbuild-6.1",
		"6.1.0-56-amd64 gcc-12 linux-image-6.1.0-56-amd64 linux-headers-6.1.0-56-amd64 linux-headers-6.1.0-56-common linux-kbuild-6.1",
		"7.3.4+deb13-rt-amd64 gcc-14 linux-image-7.3.4+deb13-rt-amd64 linux-headers-7.3.4+deb13-rt-amd64 linux-base-7.3.4+deb13-rt-amd64 linux-binary-7.3.4+deb13-rt-amd64 linux-headers-7.3.4+deb13-common linux-kbuild-7.3.4+deb13",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if p := idx["linux-kbuild-7.3.4+deb13"][0]; !cmp.Equal(kbuildNeeds(p), []string{"libelf1t64"}) {
		t.Errorf("kbuild needs %q", kbuildNeeds(p))
	}
}

func TestClosure(t *testing.T) {
	idx, err := parseIndex(stanza("gcc-14", "14", "cpp-14, gcc-14-x86-64-linux-gnu (= 14), libcc1-0")+
		stanza("gcc-14-x86-64-linux-gnu", "14", "gcc-14-base, libgcc-14-dev, libasan8")+
		stanza("cpp-14", "14", "libc6 | other")+stanza("gcc-14-base", "14", "")+
		stanza("libgcc-14-dev", "14", "libasan8, libgomp1, libc6")+
		stanza("libc6", "2.41", "libgcc-14-dev, debconf")+stanza("pahole", "1", "libelf")+stanza("libelf", "1", ""),
		"trixie", func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	pkgs, err := closure(idx, []string{"gcc-14"}, []string{"pahole", "nosuch"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range pkgs {
		names = append(names, p.Name)
	}
	want := "cpp-14 gcc-14 gcc-14-base gcc-14-x86-64-linux-gnu libc6 libelf libgcc-14-dev pahole"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("closure is %s\nwant       %s", got, want)
	}
	if _, err := closure(idx, []string{"gcc-15"}, nil); err == nil || !strings.Contains(err.Error(), "gcc-15") {
		t.Errorf("closure of an unknown package: %v", err)
	}
}
