package cover

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

func config(t *testing.T, text string) kernel.Kernel {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return kernel.Kernel{Release: "6.66.1", Config: file}
}

func TestLinkPrebuilt(t *testing.T) {
	all, err := Link(t.Context(), nil, config(t, "CONFIG_KEXEC=y\n"), []kbuild.Module{{Name: "m", Path: "/m.ko", Debug: "/m.ko"}})
	if err != nil {
		t.Fatal(err)
	}
	if c := all[0].Cannot; c == nil || !strings.Contains(c.Error(), "count lines of module m: it was built already") || all[0].Module.Path != "/m.ko" {
		t.Errorf("%+v", all[0])
	}
}

func TestLinkKernelWithoutKexec(t *testing.T) {
	_, err := Link(t.Context(), nil, config(t, "# CONFIG_KEXEC is not set\n"), nil)
	if err == nil || !strings.Contains(err.Error(), "CONFIG_KEXEC") {
		t.Errorf("error %v", err)
	}
}
