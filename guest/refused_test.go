package guest

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestNameRefused(t *testing.T) {
	init := &koSection{name: ".init.text", size: 0x100, funcs: []koFunc{{"setup", 0, 0x100}}}
	text := &koSection{name: ".text", size: 0x100, funcs: []koFunc{{"helper", 0, 0x100}}}
	ko := &koFile{calls: []koCall{
		{init, 0x10, "kobject_create_and_add"}, {text, 0x10, "kmalloc"}, {init, 0x20, "kmalloc"},
	}}
	tests := map[string]struct{ in, want Object }{
		"only place": {
			Object{Site: "0xffffffffc0201020"},
			Object{Site: "setup+0x20/0x100 [m]"},
		},
		"told apart by the callee": {
			Object{Site: "0xffffffffc0201010", Stack: []string{"kobject_create_and_add+0x26/0xa0", "0xffffffffc0201010"}},
			Object{Site: "setup+0x10/0x100 [m]", Stack: []string{"kobject_create_and_add+0x26/0xa0", "setup+0x10/0x100 [m]"}},
		},
		"two places": {
			Object{Site: "0xffffffffc0201010"},
			Object{Site: "0xffffffffc0201010"},
		},
		"no place": {
			Object{Site: "0xffffffffc0201011"},
			Object{Site: "0xffffffffc0201011"},
		},
		"has a name": {
			Object{Site: "other+0x1/0x2 [n]"},
			Object{Site: "other+0x1/0x2 [n]"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := []Object{tt.in}
			(&Module{Name: "m", ko: ko}).nameRefused(got)
			if diff := cmp.Diff([]Object{tt.want}, got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}

func TestObjectCounts(t *testing.T) {
	root := fstest.MapFS{"proc/slabinfo": {Data: []byte("slabinfo - version: 2.1\n" +
		"# name            <active_objs> <num_objs> <objsize>\n" +
		"kmalloc-64            12     21    384   21    2 : tunables 0 0 0\n")}}
	got, err := objectCounts(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"kmalloc-64": 12}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
