package tests

import (
	"testing"

	"github.com/kmodtest/kmodtest/guest"
)

// FuzzFamily sends requests to the family, which start from its policy.
func FuzzFamily(f *testing.F) {
	guest.Load(f, "vnet_nl")
	guest.FuzzGenl(f, "vnet_nl")
}
