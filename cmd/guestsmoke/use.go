package main

import (
	"path"
	"slices"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/guest"
	"github.com/kmodtest/kmodtest/internal/smoketest"
)

// Kinds of things as package guest calls them.
const (
	kindFamily = "generic netlink family"
	kindLink   = "rtnl link kind"
	kindDevice = "network device"
)

// testUse loads the module, uses all that it offers, and unloads it.
func testUse(t *testing.T) {
	o := readOrder(t)
	if m := tryLoad(t, o); m != nil {
		use(t, o, m)
		if t.Failed() {
			return // it may be in use still; the first fault is what counts
		}
		if err := m.UnloadWithin(freeLimit); err != nil {
			t.Fatalf("after it was used: %v", err)
		}
	}
}

// use uses what a loaded module offers, as far as the kernel tells of it.
func use(t *testing.T, o order, m *guest.Module) {
	t.Helper()
	things, err := m.Registered()
	if err != nil {
		t.Fatal(err)
	}
	tr, err := newTrail(smoketest.UseName, o.only)
	if err != nil {
		t.Fatal(err)
	}
	var u smoketest.Use
	// What has many requests to try gets what the others leave.
	until := time.Now().Add(o.time)
	var paths []string
	for _, thing := range things {
		switch thing.Kind {
		case kindFamily:
			if path.Dir(thing.Name) == "." { // family/group is a multicast group
				u.Families = append(u.Families, thing.Name)
			}
		case kindLink:
			u.Kinds = append(u.Kinds, thing.Name)
		case kindDevice:
			u.Devices = append(u.Devices, path.Base(thing.Name))
		default:
			if path.IsAbs(thing.Name) {
				paths = append(paths, thing.Name)
			}
		}
	}
	tryPaths(t, tr, &u, o, paths, until)
	for _, name := range u.Devices {
		tryDevice(t, tr, &u, name)
	}
	for _, kind := range u.Kinds {
		tryKind(t, tr, &u, kind, until)
	}
	for i, name := range u.Families {
		left := time.Until(until) / time.Duration(len(u.Families)-i)
		misuseFamily(t, tr, &u, name, o.seed, time.Now().Add(left))
	}
	slices.Sort(u.Notes)
	u.Notes = slices.Compact(u.Notes)
	answer(t, smoketest.Answer{Use: &u})
}
