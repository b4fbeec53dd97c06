package main

// exclusions are modules that are no innocents by design: each takes long, or ends
// the guest, and says so.
var exclusions = map[string]string{}

// found are the modules that are red, rightly: each was looked at.
var found = []struct {
	module string
	// text matches what the test says.
	text string
	// reason is what is wrong, and where in the kernel's source.
	reason string
}{}
