package kernel

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExporters(t *testing.T) {
	store := OpenStore(t.TempDir(), nil, nil)
	for release, text := range map[string]string{
		"6.12.1-amd64": "0x1\tnew\tvmlinux\tEXPORT_SYMBOL\t\n0x2\tboth\tkernel/a\tEXPORT_SYMBOL_GPL\tNS\n",
		"6.1.0-amd64":  "0x3\tboth\tvmlinux\tEXPORT_SYMBOL_GPL\t\n",
	} {
		path := filepath.Join(store.Dir, "kernel", release+"-key", "files/usr/src/linux-headers-"+release, "Module.symvers")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	by, asked := Exporters(store, []string{"both", "new", "none"})
	if diff := cmp.Diff(map[string][]string{"both": {"6.1.0-amd64", "6.12.1-amd64"}, "new": {"6.12.1-amd64"}}, by); diff != "" {
		t.Errorf("exporters (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"6.1.0-amd64", "6.12.1-amd64"}, asked); diff != "" {
		t.Errorf("kernels (-want +got):\n%s", diff)
	}
}
