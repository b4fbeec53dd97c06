package vnetnl

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/kmod/spec"
)

// TestConstants compares the constants with the spec. That the spec agrees
// with the uAPI header is proven by the tests of package spec.
func TestConstants(t *testing.T) {
	s, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}

	got := map[string]string{
		"VNET_NL_FAMILY_NAME":      strconv.Quote(FamilyName),
		"VNET_NL_FAMILY_VERSION":   fmt.Sprint(FamilyVersion),
		"VNET_NL_MCGRP_EVENTS":     strconv.Quote(GroupEvents),
		"VNET_NL_STRING_MAX":       fmt.Sprint(StringMax),
		"VNET_NL_CMD_ECHO":         fmt.Sprint(CmdEcho),
		"VNET_NL_CMD_ECHO_NTF":     fmt.Sprint(CmdEchoNtf),
		"VNET_NL_CMD_DEV_UP_NTF":   fmt.Sprint(CmdDevUpNtf),
		"VNET_NL_CMD_DEV_DOWN_NTF": fmt.Sprint(CmdDevDownNtf),
		"VNET_NL_A_STRING":         fmt.Sprint(AttrString),
		"VNET_NL_A_U32":            fmt.Sprint(AttrU32),
		"VNET_NL_A_FLAG":           fmt.Sprint(AttrFlag),
		"VNET_NL_A_DEV_IFINDEX":    fmt.Sprint(AttrDevIfindex),
		"VNET_NL_A_DEV_NAME":       fmt.Sprint(AttrDevName),
	}
	if diff := cmp.Diff(s.Constants(), got); diff != "" {
		t.Fatalf("spec and constants differ (-spec +constants):\n%s", diff)
	}
}
