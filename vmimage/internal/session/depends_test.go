package session

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ulikunitz/xz"

	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// A generic kernel has drivers that others do not: mii, which usbnet needs, and
// with it the module under test. libcrc is built in.
func TestFillDepends(t *testing.T) {
	k := fakeKernel(t, map[string]string{"mii.ko": "", "usbnet.ko.xz": "mii", "asix.ko": "usbnet,mii,libcrc", "other.ko": ""})
	own := func(name string, depends ...string) run.Module {
		return run.Module{Module: kbuild.Module{Name: name, Path: "/built/" + name + ".ko", Depends: depends}}
	}
	tests := map[string]struct {
		mods []run.Module
		want [][]string
	}{
		"none":           {[]run.Module{own("a")}, [][]string{nil}},
		"built in":       {[]run.Module{own("a", "libcrc")}, [][]string{nil}},
		"compressed":     {[]run.Module{own("a", "usbnet")}, [][]string{{"mii.ko", "usbnet.ko"}}},
		"of others":      {[]run.Module{own("a", "asix", "mii")}, [][]string{{"mii.ko", "usbnet.ko", "asix.ko"}}},
		"under test":     {[]run.Module{own("a", "b", "mii"), own("b", "other")}, [][]string{{"other.ko", "b.ko", "mii.ko"}, {"other.ko"}}},
		"dashes":         {[]run.Module{own("a", "b-c"), own("b_c")}, [][]string{{"b_c.ko"}, nil}},
		"circle of ours": {[]run.Module{own("a", "b"), own("b", "a")}, [][]string{{"b.ko"}, {"a.ko"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			store := kernel.OpenStore(t.TempDir(), nil, nil)
			defer store.Close()
			if err := fillDepends(t.Context(), store, k, tt.mods); err != nil {
				t.Fatal(err)
			}
			var got [][]string
			for _, m := range tt.mods {
				var names []string
				for _, p := range m.DependsPaths {
					names = append(names, filepath.Base(p))
					if m := filepath.Dir(p); m == "/built" {
						continue
					}
					b, err := os.ReadFile(p)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := kernel.Modinfo(b); err != nil {
						t.Errorf("%s: %v", p, err)
					}
				}
				got = append(got, names)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("dependencies (-want +got):\n%s", diff)
			}
		})
	}
}

// What a module would like to have before it may be missing.
func TestFillDependsSoft(t *testing.T) {
	k := fakeKernel(t, map[string]string{"mii.ko": "", "usbnet.ko": "mii", "other.ko": ""})
	store := kernel.OpenStore(t.TempDir(), nil, nil)
	defer store.Close()
	mods := []run.Module{{Module: kbuild.Module{Name: "a", Before: []string{"usbnet", "nosuch", "libcrc"}, Depends: []string{"other"}}}}
	if err := fillDepends(t.Context(), store, k, mods); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range mods[0].DependsPaths {
		got = append(got, filepath.Base(p))
	}
	if diff := cmp.Diff([]string{"mii.ko", "usbnet.ko", "other.ko"}, got); diff != "" {
		t.Errorf("dependencies (-want +got):\n%s", diff)
	}
}

func TestFillDependsUnknown(t *testing.T) {
	k := fakeKernel(t, map[string]string{"mii.ko": ""})
	k.Flavour = "cloud"
	store := kernel.OpenStore(t.TempDir(), nil, nil)
	defer store.Close()
	err := fillDepends(t.Context(), store, k, []run.Module{{Module: kbuild.Module{Name: "a", Depends: []string{"usbnet"}}}})
	var lacks *kernel.NoModuleError
	if !errors.As(err, &lacks) {
		t.Fatalf("error %v, want a NoModuleError", err)
	}
	want := "find what module a depends on: resolve module usbnet: kernel 6.12.1 has no such module; the flavour generic has more"
	if err.Error() != want {
		t.Errorf("error\n%v\nwant\n%v", err, want)
	}
}

// fakeKernel has modules, each with what it depends on.
func fakeKernel(t *testing.T, modules map[string]string) kernel.Kernel {
	t.Helper()
	dir := t.TempDir()
	for name, depends := range modules {
		b := fakeModule(depends)
		if filepath.Ext(name) == ".xz" {
			var buf bytes.Buffer
			w, err := xz.NewWriter(&buf)
			if err == nil {
				_, err = w.Write(b)
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			b = buf.Bytes()
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "modules.builtin"), []byte("kernel/lib/libcrc.ko\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return kernel.Kernel{Release: "6.12.1", Modules: dir, Digest: "d"}
}

// fakeModule is the smallest object file that modinfo takes for a module.
func fakeModule(depends string) []byte {
	modinfo := "depends=" + depends + "\x00"
	const names = "\x00.modinfo\x00.shstrtab\x00"
	const header, section = 64, 64
	var b bytes.Buffer
	h := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Shoff: uint64(header + len(modinfo) + len(names)), Ehsize: header, Shentsize: section, Shnum: 3, Shstrndx: 2,
	}
	sections := []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: header, Size: uint64(len(modinfo))},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: uint64(header + len(modinfo)), Size: uint64(len(names))},
	}
	_ = binary.Write(&b, binary.LittleEndian, h) // a Buffer takes all
	b.WriteString(modinfo + names)
	_ = binary.Write(&b, binary.LittleEndian, sections)
	return b.Bytes()
}
