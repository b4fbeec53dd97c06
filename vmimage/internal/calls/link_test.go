package calls

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An argument that debugs the allocator takes the place of ours: the kernel looks at one
// for each cache.
func TestKernelArgs(t *testing.T) {
	for _, tc := range []struct {
		others []string
		want   []string
	}{
		{nil, []string{"slab_nomerge", "slub_debug=F,kmalloc-*"}},
		{[]string{"quiet", "slab_nomerge"}, []string{"slab_nomerge", "slub_debug=F,kmalloc-*"}},
		{[]string{"quiet", "slub_debug=FZPU"}, []string{"slab_nomerge"}},
		{[]string{"slab_debug"}, []string{"slab_nomerge"}},
		{[]string{"slub_debug=-"}, []string{"slab_nomerge"}},
	} {
		if diff := cmp.Diff(tc.want, KernelArgs(tc.others)); diff != "" {
			t.Errorf("%q: (-want +got):\n%s", tc.others, diff)
		}
	}
}
