package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/guest"
	"github.com/kmodtest/kmodtest/internal/smoketest"
	"golang.org/x/sys/unix"
)

// testParameters loads the module with each parameter at its bounds, beyond them,
// and with what is no value at all. Whether init takes a value is its own matter;
// the kernel has to be well.
func testParameters(t *testing.T) {
	o := readOrder(t)
	m := tryLoad(t, o)
	if m == nil {
		return
	}
	params, err := parameters(m.Path)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := newTrail(smoketest.ParamsName, "")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(m.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	load := func(args string) error { return unix.FinitModule(int(f.Fd()), args, 0) }
	if len(params) > 0 {
		if err := remove(m.Name); err != nil {
			t.Fatalf("unload module %s: %v", m.Name, err)
		}
	}
	n := 0
values:
	for _, p := range params {
		for _, v := range p.values() {
			n++
			step := fmt.Sprintf("%s with %s", m.Name, shorten(v))
			args := append(slices.Clone(o.params), v)
			tr.begin(step)
			err := load(strings.Join(args, " "))
			said := tr.end()
			if err == nil {
				err = remove(m.Name)
				tr.end()
				if err != nil {
					t.Fatalf("%s: it was loaded, and cannot be unloaded: %v", step, err)
				}
				continue
			}
			tr.judge(t, step, err)
			if !noValue(m.Name, said) && !again(t, tr, o.module, step, args) {
				break values // what is there is there
			}
		}
	}
	if len(params) > 0 {
		if err := load(strings.Join(o.params, " ")); err != nil {
			t.Fatalf("load module %s again as it was at first: %v", m.Name, err)
		}
	}
	answer(t, smoketest.Answer{Values: n})
	if err := m.UnloadWithin(freeLimit); err != nil {
		t.Fatal(err)
	}
}

// noValue tells by the kernel's words that it was the kernel which did not take a
// value, and that init did not run (parse_args in kernel/params.c).
func noValue(module string, said []string) bool {
	return slices.ContainsFunc(said, func(l string) bool {
		return strings.HasPrefix(l, module+": `") || strings.HasPrefix(l, module+": Unknown parameter `")
	})
}

// again loads the module once more with a value that its init function has refused,
// and looks whether all is undone then: of what is left here the next steps know
// only that it is in their way. It reports whether the kernel is as it was.
func again(t *testing.T, tr *trail, module, step string, params []string) bool {
	tr.begin(step)
	defer tr.end()
	m, err := guest.TryLoad(during{t, step}, module, params...)
	var refused *guest.LoadError
	switch {
	case m != nil:
		if err := m.UnloadWithin(freeLimit); err != nil {
			t.Errorf("%s: it was loaded, and cannot be unloaded: %v", step, err)
		}
	case !errors.As(err, &refused):
		t.Errorf("%s: %v", step, err)
	}
	return !t.Failed()
}

// during is a test that says at which step it fails.
type during struct {
	testing.TB
	step string
}

func (d during) Error(args ...any) {
	d.Helper()
	d.TB.Errorf("%s: %s", d.step, fmt.Sprint(args...))
}

func (d during) Errorf(format string, args ...any) {
	d.Helper()
	d.Error(fmt.Sprintf(format, args...))
}

func (d during) Fatal(args ...any) {
	d.Helper()
	d.Error(args...)
	d.FailNow()
}

func (d during) Fatalf(format string, args ...any) {
	d.Helper()
	d.Fatal(fmt.Sprintf(format, args...))
}

// remove unloads a module as soon as nobody uses it any more.
func remove(name string) error {
	for end := time.Now().Add(freeLimit); ; time.Sleep(10 * time.Millisecond) {
		err := unix.DeleteModule(name, unix.O_NONBLOCK)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(end) {
			return err
		}
	}
}

func shorten(v string) string {
	if len(v) > 80 {
		return fmt.Sprintf("%.60s… (%d characters)", v, len(v))
	}
	return v
}

// parameter is one of a module's, with its type as module_param has it.
type parameter struct{ name, kind string }

// parameters reads which there are: "name:type" of parmtype in .modinfo
// (include/linux/moduleparam.h).
func parameters(ko string) ([]parameter, error) {
	f, err := elf.Open(ko)
	if err != nil {
		return nil, fmt.Errorf("read module file: %w", err)
	}
	defer f.Close()
	s := f.Section(".modinfo")
	if s == nil {
		return nil, errors.New("read module file: it has no .modinfo")
	}
	data, err := s.Data()
	if err != nil {
		return nil, fmt.Errorf("read .modinfo: %w", err)
	}
	return parseParameters(data), nil
}

func parseParameters(modinfo []byte) []parameter {
	var all []parameter
	for entry := range bytes.SplitSeq(modinfo, []byte{0}) {
		v, ok := strings.CutPrefix(string(entry), "parmtype=")
		if !ok {
			continue
		}
		name, kind, _ := strings.Cut(v, ":")
		all = append(all, parameter{name, kind})
	}
	return all
}

// bounds are the ends of the integer types, as include/linux/moduleparam.h reads
// them on a machine of 64 bits, and the first numbers beyond.
var bounds = map[string][4]string{
	"byte":   {"0", "255", "-1", "256"},
	"short":  {"-32768", "32767", "-32769", "32768"},
	"ushort": {"0", "65535", "-1", "65536"},
	"int":    {"-2147483648", "2147483647", "-2147483649", "2147483648"},
	"uint":   {"0", "4294967295", "-1", "4294967296"},
	"hexint": {"0", "0xffffffff", "-1", "0x100000000"},
	"long":   {"-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808"},
	"ulong":  {"0", "18446744073709551615", "-1", "18446744073709551616"},
	"ullong": {"0", "18446744073709551615", "-1", "18446744073709551616"},
}

// values are arguments for the parameter: in range first.
func (p parameter) values() []string {
	eq := func(values ...string) (args []string) {
		for _, v := range values {
			args = append(args, p.name+"="+v)
		}
		return args
	}
	nonsense := append(eq("", "x", "%n%s", "\xff"), p.name)
	if kind, ok := strings.CutPrefix(p.kind, "array of "); ok {
		one := parameter{p.name, kind}.values()
		list := func(n int) string { return strings.TrimSuffix(strings.Repeat("1,", n), ",") }
		return slices.Concat(eq(list(2), list(1000), "1,,1", ",", "1,"), one)
	}
	if b, ok := bounds[p.kind]; ok {
		return slices.Concat(eq("0", "1", b[0], b[1], b[2], b[3], "1x"), nonsense)
	}
	switch p.kind {
	case "bool", "invbool", "bint":
		return slices.Concat(eq("0", "1", "Y", "N", "2", "-1"), nonsense)
	}
	// charp, string, and types of the module's own. The kernel takes strings of up
	// to 1,024 characters (param_set_charp in kernel/params.c).
	return slices.Concat(eq("0", "a", strings.Repeat("a", 1023), strings.Repeat("a", 1024), strings.Repeat("a", 4000)), nonsense)
}
