package dkms

import (
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// TestNotFor names the flavour that may have what a package asks for.
func TestNotFor(t *testing.T) {
	for _, tt := range []struct{ flavour, excluded, want string }{
		{"cloud", "BUILD_EXCLUSIVE_CONFIG wants CONFIG_X", "p 1 is not for kernel 6.12.1-x: BUILD_EXCLUSIVE_CONFIG wants CONFIG_X; -kernel 6.12-generic has more options"},
		{"generic", "BUILD_EXCLUSIVE_CONFIG wants CONFIG_X", "p 1 is not for kernel 6.12.1-x: BUILD_EXCLUSIVE_CONFIG wants CONFIG_X"},
		{"cloud", "BUILD_EXCLUSIVE_KERNEL_MAX is 6.10", "p 1 is not for kernel 6.12.1-x: BUILD_EXCLUSIVE_KERNEL_MAX is 6.10"},
	} {
		c := Conf{Name: "p", Version: "1", Excluded: tt.excluded}
		k := kernel.Kernel{Series: "6.12", Release: "6.12.1-x", Flavour: tt.flavour}
		if got := c.notFor(k).Error(); got != tt.want {
			t.Errorf("%s, %s: %s", tt.flavour, tt.excluded, got)
		}
	}
}
