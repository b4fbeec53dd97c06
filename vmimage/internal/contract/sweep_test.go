package contract

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/wire"
)

func TestSweep(t *testing.T) {
	const data, text = fakeMods + 0x1000, fakeMods
	for _, tc := range []struct {
		name  string
		leave func(f *fake)
		want  []string
	}{
		{"nothing", func(*fake) {}, nil},
		{"a hook", func(f *fake) { f.poke("some_hook", 0, text+0x40) }, []string{"some_hook+0x0 points to gone_fn+0x0 [gone]"}},
		{"a table in .bss", func(f *fake) { f.poke("net_families", 16, data+0x20) },
			[]string{"socket family: net_families+0x10 points to gone_nb+0x0 [gone]"}},
		{"what is not mapped any more", func(f *fake) { f.poke("some_hook", 8, fakeMods+0x18000) },
			[]string{"some_hook+0x8 points to 0xffffffffc0218000, where a module lay"}},
		{"room for code that is kept mapped", func(f *fake) {
			f.page(fakeMods+0x18000, 0)
			f.set(fakeMods+0x18040, trapping)
			f.poke("some_hook", 8, fakeMods+0x18044)
			f.poke("some_hook", 16, fakeMods+0x18080) // code that lives
		}, []string{"some_hook+0x8 points to 0xffffffffc0218044, where a module lay"}},
		{"a number that looks like an address", func(f *fake) { f.poke("some_hook", 0, 0xfffffffffeffffff) }, nil},
		{"a work of the initial namespace that is not queued", func(f *fake) {
			entry := f.addr(initNet) + 0x48
			f.set(entry, entry)
			f.set(entry+8, entry)
			f.set(entry+16, text+0x40)
		}, nil},
		{"a function in the initial namespace", func(f *fake) { f.poke(initNet, 0x58, text+0x40) },
			[]string{"initial network namespace: init_net+0x58 points to gone_fn+0x0 [gone]"}},
		{"scratch space", func(f *fake) { f.poke("cur_orc_table", 0, text) }, nil},
		{"a stack of interrupts", func(f *fake) { f.set(fakeCPU+0x700, text+0x44) }, nil},
		{"a module that stayed", func(f *fake) { f.set(fakeMods+0x10010, data+0x20) },
			[]string{"stays_list+0x0 [stays] points to gone_nb+0x0 [gone]"}},
		{"a module's own init section", func(f *fake) { f.set(fakeMods+0x10020, text+0x40) }, nil},
		{"a hook, to where the module that has it had its init section", func(f *fake) { f.set(fakeMods+0x10030, text+0x40) },
			[]string{"stays_hook+0x0 [stays] points to gone_fn+0x0 [gone]"}},
		{"the tail of a chain", func(f *fake) {
			f.poke("netdev_chain", 40, f.addr("dcbnl_nb"))
			f.poke("dcbnl_nb", 0, f.addr("kernel_function"))
			f.poke("dcbnl_nb", 8, data+0x20)
		}, []string{"netdevice notifier chain: dcbnl_nb+0x8 points to gone_nb+0x0 [gone]"}},
		{"the tail of a chain behind the heap", func(f *fake) {
			f.poke("netdev_chain", 8, fakeHeap+0x100)
			f.set(fakeHeap+0x100, f.addr("kernel_function"))
			f.set(fakeHeap+0x108, data+0x20)
		}, []string{"netdevice notifier chain: an object on the heap points to gone_nb+0x0 [gone]"}},
		{"a list, with both neighbours", func(f *fake) {
			f.poke("tcp_cong_list", 0, f.addr("cubictcp"))
			f.poke("cubictcp", 8, f.addr("tcp_cong_list"))
			f.poke("cubictcp", 0, data+0x30)
			f.poke("tcp_cong_list", 8, data+0x30)
		}, []string{"TCP congestion control list: tcp_cong_list+0x8 points to gone_nb+0x10 [gone], and so does cubictcp+0x0"}},
		{"a list between objects of the heap", func(f *fake) {
			f.poke("tcp_cong_list", 0, fakeHeap+0x200)
			f.set(fakeHeap+0x208, f.addr("tcp_cong_list"))
			f.set(fakeHeap+0x200, data+0x30)
		}, []string{"TCP congestion control list: an object on the heap, in the list at tcp_cong_list+0x0 points to gone_nb+0x10 [gone]"}},
		{"a timer on the heap", func(f *fake) {
			f.set(fakeCPU+pageSize+0x180, fakeHeap+0x300)
			f.set(fakeHeap+0x308, fakeCPU+pageSize+0x180)
			f.set(fakeHeap+0x318, text+0x40)
		}, []string{"timer base: an entry of timer_bases+0x80 of CPU 1 points to gone_fn+0x0 [gone]"}},
		{"a delayed work on the heap", func(f *fake) {
			f.set(fakeCPU+0x180, fakeHeap+0x340)
			f.set(fakeHeap+0x348, fakeCPU+0x180)
			f.set(fakeHeap+0x358, fakeBase+fakeShift+fakeDelayed)
			f.set(fakeHeap+0x338, text+0x40)
		}, []string{"delayed work, timer base: an entry of timer_bases+0x80 of CPU 0 points to gone_fn+0x0 [gone]"}},
		{"another timer of the kernel's, behind what was freed", func(f *fake) {
			f.set(fakeCPU+0x180, fakeHeap+0x340)
			f.set(fakeHeap+0x348, fakeCPU+0x180)
			f.set(fakeHeap+0x358, f.addr("kernel_function"))
			f.set(fakeHeap+0x338, text+0x40)
		}, nil},
		{"a work on the heap", func(f *fake) {
			f.set(fakeCPU+0x420, fakeHeap+0x400)
			f.set(fakeHeap+0x400, fakeCPU+0x420)
			f.set(fakeHeap+0x408, fakeCPU+0x420)
			f.set(fakeHeap+0x410, text+0x40)
		}, []string{"work list: an entry of cpu_worker_pools+0x20 of CPU 0 points to gone_fn+0x0 [gone]"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			tc.leave(f)
			s := f.server()
			a := s.Answer(context.Background(), f.question())
			if a.Error+a.Unable != "" {
				t.Fatal(a.Error, a.Unable)
			}
			var got []string
			for _, h := range a.Held {
				got = append(got, h.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
			// What was told is not told again: the next module is innocent of it.
			if a = s.Answer(context.Background(), f.question()); len(a.Held) > 0 {
				t.Errorf("told again: %v", a.Held)
			}
			if s.Record.Sweeps != 2 {
				t.Errorf("%d sweeps are counted, want 2", s.Record.Sweeps)
			}
		})
	}
}

// What cannot be looked at is never an answer without findings.
func TestUnable(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(s *Server, q *wire.Sweep, f *fake)
		want string
	}{
		{"no kcore", func(_ *Server, q *wire.Sweep, _ *fake) { q.Unable = "no /proc/kcore" }, "no /proc/kcore"},
		{"no note", func(_ *Server, q *wire.Sweep, _ *fake) { q.Note = "" }, "VMCOREINFO has no symbol _stext"},
		{"no names of data", func(s *Server, _ *wire.Sweep, f *fake) {
			_ = s.use(strings.ReplaceAll(f.kallsyms(), " mod_tree", " no_tree"))
		}, "CONFIG_KALLSYMS_ALL is off"},
		{"memory that cannot be read", func(s *Server, _ *wire.Sweep, _ *fake) {
			s.mem = nil
			s.Memory = func(context.Context) (io.ReaderAt, error) { return nil, errors.New("not permitted") }
		}, "not permitted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			s, q := f.server(), f.question()
			tc.edit(s, &q, f)
			a := s.Answer(context.Background(), q)
			if !strings.Contains(a.Unable, tc.want) || a.Unable != s.Record.Unable {
				t.Errorf("unable = %q and in the record %q, want %q; error %q", a.Unable, s.Record.Unable, tc.want, a.Error)
			}
			// The next sweep is told the same, and not asked for the symbols again.
			if b := s.Answer(context.Background(), f.question()); b.Unable != a.Unable || b.Want {
				t.Errorf("the next answer is %+v", b)
			}
		})
	}
}

func TestSymbolsWithoutAddresses(t *testing.T) {
	if _, err := parseSymbols("0000000000000000 T _stext\n0000000000000000 D mod_tree\n"); !errors.Is(err, errNoAddresses) {
		t.Errorf("error = %v, want %v", err, errNoAddresses)
	}
}

// Data is found whatever letter it has: 7.2 gives most of it that of code. Symbols
// of code are not kept.
func TestSymbolsOfData(t *testing.T) {
	f := newFake(t)
	for _, letter := range []string{"d", "D", "b", "t", "T"} {
		s, err := parseSymbols(f.kallsymsAs(letter))
		if err != nil {
			t.Fatal(err)
		}
		if addr, ok := s.find("mod_tree"); !ok || addr == 0 {
			t.Errorf("letter %s: mod_tree is at %#x, %v", letter, addr, ok)
		}
		if _, ok := s.find("some_code_list"); ok {
			t.Errorf("letter %s: code is kept", letter)
		}
	}
	// Without the end of the code all is kept.
	s, err := parseSymbols(strings.Replace(f.kallsyms(), " _etext", " no_etext", 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mod_tree", "some_code_list"} {
		if _, ok := s.find(name); !ok {
			t.Errorf("without _etext there is no %s", name)
		}
	}
}

// The symbols come in parts, and once.
func TestSymbolsFromGuest(t *testing.T) {
	f := newFake(t)
	s := f.server()
	s.syms, s.Kernel = nil, t.Name()
	ctx := context.Background()
	if a := s.Answer(ctx, f.question()); !a.Want {
		t.Fatalf("the host wants no symbols: %+v", a)
	}
	text := f.kallsyms()
	s.Answer(ctx, wire.Sweep{Symbols: text[:100]})
	if a := s.Answer(ctx, wire.Sweep{Symbols: text[100:], Last: true}); a.Error+a.Unable != "" {
		t.Fatal(a.Error, a.Unable)
	}
	if a := s.Answer(ctx, f.question()); a.Want || a.Error+a.Unable != "" {
		t.Errorf("answer = %+v", a)
	}
}

func TestNamespaces(t *testing.T) {
	for _, tc := range []struct {
		name  string
		leave func(f *fake)
		want  bool
	}{
		{"none", func(f *fake) { f.poke("net_cleanup_work", 0, 0x20) }, false},
		{"one waits", func(f *fake) { f.poke("net_cleanup_work", 0, 0x21) }, true},
		{"one is taken down", func(f *fake) { f.poke("pernet_ops_rwsem", 0, 0x100) }, true},
	} {
		f := newFake(t)
		tc.leave(f)
		q := f.question()
		q.Namespaces = true
		if a := f.server().Answer(context.Background(), q); a.Going != tc.want || a.Error+a.Unable != "" {
			t.Errorf("%s: going = %v, want %v; %s%s", tc.name, a.Going, tc.want, a.Error, a.Unable)
		}
	}
}

// Where an init section was there may be something that lives: that is not gone.
func TestInitReused(t *testing.T) {
	const init = fakeMods + 0x8000
	for _, tc := range []struct {
		name string
		now  func(f *fake)
		want string
	}{
		{"nothing", func(*fake) {}, "some_hook+0x0 points to gone_init+0x0 [gone]"},
		{"a trampoline", func(f *fake) { f.page(init, 0) }, ""},
		{"room for the next one", func(f *fake) {
			f.page(init, 0)
			f.set(init+0x40, trapping)
		}, "some_hook+0x0 points to gone_init+0x0 [gone]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t)
			s := f.server()
			s.opened["gone"].sections[".init.text"] = section{
				module: "gone", name: ".init.text", size: 0x100, objects: []object{{"gone_init", 0x40, 0x20, true}},
			}
			tc.now(f)
			f.poke("some_hook", 0, init+0x40)
			q := f.question()
			q.Lay[".init.text"] = init
			a := s.Answer(context.Background(), q)
			got := ""
			if len(a.Held) > 0 {
				got = a.Held[0].String()
			}
			if got != tc.want || a.Error != "" {
				t.Errorf("held %q, want %q; %s", got, tc.want, a.Error)
			}
		})
	}
}

// A module that comes to lie where another one lay answers for its own pointers
// only, though both lead to the same place.
func TestReusedRange(t *testing.T) {
	f := newFake(t)
	s := f.server()
	s.opened["next"] = &module{sections: map[string]section{".text": {
		module: "next", name: ".text", size: 0x100, objects: []object{{"next_fn", 0x40, 0x20, true}},
	}}}
	f.poke("some_hook", 0, fakeMods+0x40)
	q := f.question()
	a := s.Answer(context.Background(), q)
	if want := "some_hook+0x0 points to gone_fn+0x0 [gone]"; len(a.Held) != 1 || a.Held[0].String() != want {
		t.Fatalf("held %v, want %s; %s", a.Held, want, a.Error)
	}
	f.poke("some_hook", 8, fakeMods+0x40)
	q.Module, q.Lay = "next", map[string]uint64{".text": fakeMods}
	a = s.Answer(context.Background(), q)
	if want := "some_hook+0x8 points to next_fn+0x0 [next]"; len(a.Held) != 1 || a.Held[0].String() != want {
		t.Errorf("held %v, want %s; %s", a.Held, want, a.Error)
	}
}
