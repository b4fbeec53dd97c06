package modarchive

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// memory is a file in memory.
type memory struct{ b []byte }

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if need := int(off) + len(p); need > len(m.b) {
		m.b = append(m.b, make([]byte, need-len(m.b))...)
	}
	return copy(m.b[off:], p), nil
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(m.b).ReadAt(p, off) }

// modules are shaped like those of a kernel: circles of soft dependencies, dashes,
// several modules for an alias, patterns, and names that are beginnings of others.
var modules = []Module{
	{Name: "veth", Path: "kernel/drivers/net/veth.ko", Aliases: []string{"rtnl-link-veth"}},
	{Name: "llc", Path: "kernel/net/llc/llc.ko"},
	{Name: "stp", Path: "kernel/net/802/stp.ko", Depends: []string{"llc"}},
	{Name: "bridge", Path: "kernel/net/bridge/bridge.ko", Depends: []string{"stp", "llc"}, Aliases: []string{"rtnl-link-bridge"}},
	{Name: "br_netfilter", Path: "kernel/net/bridge/br_netfilter.ko", Depends: []string{"bridge"}},
	{Name: "pci-hyperv-intf", Path: "kernel/drivers/pci/controller/pci-hyperv-intf.ko"},
	{Name: "mlxfw", Path: "kernel/drivers/net/mlxfw.ko"},
	{Name: "mlx5_core", Path: "kernel/drivers/net/mlx5.ko", Depends: []string{"mlxfw", "pci-hyperv-intf"}, Aliases: []string{"pci:v000015B3d0000A2DFsv*sd*bc*sc*i*"}},
	{Name: "crc32c_intel", Path: "kernel/arch/x86/crypto/crc32c-intel.ko", Aliases: []string{"crypto-crc32c", "cpu:type:x86,ven*fam*mod*:feature:*0094*"}},
	{Name: "crc32c_generic", Path: "kernel/crypto/crc32c_generic.ko", Aliases: []string{"crypto-crc32c"}},
	{Name: "libcrc32c", Path: "kernel/lib/libcrc32c.ko", Pre: []string{"crc32c"}},
	{Name: "soft", Path: "soft.ko", Pre: []string{"crypto-crc32c", "absent"}, Post: []string{"veth", "soft"}},
	{Name: "ring_a", Path: "a.ko", Post: []string{"ring_b"}},
	{Name: "ring_b", Path: "b.ko", Post: []string{"ring_a"}},
	{Name: "broken", Path: "broken.ko", Depends: []string{"gone"}},
	{Name: "of_thing", Path: "of.ko", Aliases: []string{"of:N*T*Cmaker,part-[0-9]C*", "dmi:*:svnMaker*:pnX/1*"}},
	{Name: "ext4", Aliases: []string{"fs-ext4", "fs-ext2"}},
	{Name: "ext2", Path: "kernel/fs/ext2/ext2.ko", Aliases: []string{"fs-ext2"}},
}

func build(t *testing.T) *memory {
	t.Helper()
	m := &memory{}
	w := NewWriter(m, "6.12.0-test")
	for _, mod := range modules {
		var content []byte
		if !mod.Builtin() {
			content = []byte("content of " + Canonical(mod.Name))
		}
		if err := w.Add(mod, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.AddFile("modules.dep", []byte("the list")); err != nil {
		t.Fatal(err)
	}
	if err := w.AddFile("modules.softdep", nil); err != nil {
		t.Fatal(err)
	}
	size, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if size%PageSize != 0 || size < int64(len(m.b)) {
		t.Fatalf("size = %d of %d bytes that were written", size, len(m.b))
	}
	m.b = append(m.b, make([]byte, size-int64(len(m.b)))...)
	return m
}

func open(t *testing.T) *Archive {
	t.Helper()
	a, err := Open(ReadFrom(build(t)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFind(t *testing.T) {
	a := open(t)
	for _, tc := range []struct {
		name string
		want []string
	}{
		{"veth", []string{"veth"}},
		{"rtnl-link-veth", []string{"veth"}},
		{"rtnl-link-vet", nil},
		{"rtnl-link-vethx", nil},
		{"pci_hyperv_intf", []string{"pci_hyperv_intf"}},
		{"pci-hyperv-intf", []string{"pci_hyperv_intf"}},
		{"crypto-crc32c", []string{"crc32c_generic", "crc32c_intel"}},
		{"cpu:type:x86,ven0000fam0006mod0006:feature:,0093,0094,0095", []string{"crc32c_intel"}},
		{"pci:v000015B3d0000A2DFsv000015B3sd00000001bc02sc00i00", []string{"mlx5_core"}},
		{"pci:v000015B4d0000A2DFsv000015B3sd00000001bc02sc00i00", nil},
		{"of:NxT(null)Cmaker,part-7Csimple", []string{"of_thing"}},
		{"of:NxT(null)Cmaker,part-xCsimple", nil},
		{"dmi:bvn/1:svnMaker Inc:pnX/1 pro", []string{"of_thing"}},
		{"fs-ext4", []string{"ext4"}},
		{"fs-ext2", []string{"ext2", "ext4"}}, // what is built in comes last
		{"ext4", []string{"ext4"}},
		{"absent", nil},
		{"", nil},
	} {
		found, err := a.Find(tc.name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range found {
			got = append(got, m.Name)
			content, err := a.Content(m)
			if m.Builtin() != (err != nil) || !m.Builtin() && string(content) != "content of "+m.Name {
				t.Errorf("content of %s = %q, %v", m.Name, content, err)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("Find(%q) (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestPlan(t *testing.T) {
	a := open(t)
	for _, tc := range []struct {
		name string
		want string // optional ones in brackets
		err  string
	}{
		{name: "veth", want: "veth"},
		{name: "bridge", want: "llc stp bridge"},
		{name: "br_netfilter", want: "llc stp bridge br_netfilter"},
		{name: "mlx5_core", want: "mlxfw pci_hyperv_intf mlx5_core"},
		// crc32c itself is no module and no alias here.
		{name: "libcrc32c", want: "libcrc32c"},
		{name: "soft", want: "(crc32c_generic) (crc32c_intel) soft (veth)"},
		{name: "ring_a", want: "ring_a (ring_b)"},
		{name: "ext4", want: ""},
		{name: "broken", err: "broken depends on gone, which this kernel lacks"},
	} {
		found, err := a.Find(tc.name)
		if err != nil || len(found) != 1 {
			t.Fatalf("Find(%q) = %v, %v", tc.name, found, err)
		}
		steps, err := a.Plan(found[0])
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("Plan(%s) error = %v, want %q", tc.name, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("Plan(%s): %v", tc.name, err)
		}
		var got []string
		for _, s := range steps {
			name := s.Name
			if s.Optional {
				name = "(" + name + ")"
			}
			if s.Asked != (s.Name == tc.name) {
				t.Errorf("Plan(%s): %s has Asked = %v", tc.name, s.Name, s.Asked)
			}
			got = append(got, name)
		}
		if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("Plan(%s) (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestFiles(t *testing.T) {
	a := open(t)
	if a.Release != "6.12.0-test" {
		t.Errorf("release = %q", a.Release)
	}
	got := make(map[string]string)
	for _, f := range a.Files {
		b, err := a.FileContent(f)
		if err != nil {
			t.Fatal(err)
		}
		got[f.Name] = string(b)
	}
	if diff := cmp.Diff(map[string]string{"modules.dep": "the list", "modules.softdep": ""}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// What is cut off or something else is an error, never a kernel without modules.
func TestDamaged(t *testing.T) {
	whole := build(t).b
	header := func(change func(string) string) []byte {
		text, _, _ := strings.Cut(string(whole[:PageSize]), "\x00")
		page := make([]byte, PageSize)
		copy(page, change(text))
		return append(page, whole[PageSize:]...)
	}
	for _, tc := range []struct {
		name string
		b    []byte
		want error
	}{
		{"empty", nil, io.EOF},
		{"zeros", make([]byte, 2*PageSize), ErrDamaged},
		{"another version", header(func(s string) string { return strings.Replace(s, magic, "kmodtest modules 999", 1) }), ErrDamaged},
		{"a line of another kind", header(func(s string) string { return s + "more 1 2\n" }), ErrDamaged},
		{"no number", header(func(s string) string { return strings.Replace(s, "names ", "names x", 1) }), ErrDamaged},
		{"cut off before its tables", whole[:2*PageSize], io.EOF},
	} {
		if _, err := Open(ReadFrom(&memory{tc.b})); !errors.Is(err, tc.want) {
			t.Errorf("%s: error = %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "", false}, {"*", "", true}, {"*", "a/b", true}, {"a*", "ba", false},
		{"a*c", "abc", true}, {"a*c", "abcd", false}, {"a**c", "ac", true}, {"*b*", "abc", true}, {"?", "", false}, {"?", "/", true},
		{"[abc]", "b", true}, {"[abc]", "d", false}, {"[a-c]x", "bx", true}, {"[!a-c]", "d", true}, {"[!a-c]", "b", false},
		{"[]]", "]", true}, {"[a-]", "-", true}, {"[a", "a", false}, {"[", "[", false}, {`\*`, "*", true}, {`\*`, "a", false},
		{"v*d*sv*", "v1d2sv3", true}, {"v*d*sv*", "v1d2", false},
	} {
		if got := match(tc.pattern, tc.s); got != tc.want {
			t.Errorf("match(%q, %q) = %v", tc.pattern, tc.s, got)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, tc := range []struct{ name, want string }{
		{"veth", "veth"}, {"pci-hyperv-intf", "pci_hyperv_intf"}, {"of:C[0-9]-x", "of:C[0-9]_x"},
	} {
		if got := Canonical(tc.name); got != tc.want {
			t.Errorf("Canonical(%q) = %q, want %q", tc.name, got, tc.want)
		}
	}
}
