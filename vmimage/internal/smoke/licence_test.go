package smoke

import (
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// A stranger's licence is no fault of his module; that there is none is one.
func TestAllowed(t *testing.T) {
	mine := klog.Allow{Kind: "warn", Reason: "known"}
	if err := mine.Compile(); err != nil {
		t.Fatal(err)
	}
	all, err := allowed([]klog.Allow{mine})
	if err != nil {
		t.Fatal(err)
	}
	for title, want := range map[string]bool{
		"module license 'http://www.openafs.org/dl/license10.html' taints kernel": true,
		"module license 'Proprietary' taints kernel":                              true,
		"module license 'unlicense' taints kernel":                                true,
		"module license 'unspecified' taints kernel":                              false,
		"kernel tainted by a forced module":                                       false,
	} {
		f := klog.Finding{Kind: klog.KindTaint, Title: title, Raw: "m: " + title + ".\n"}
		if got := klog.NewAllowList(all).Allows(&f, "6.1"); (got != nil) != want {
			t.Errorf("%s: allowed by %v, want %v", title, got, want)
		}
	}
	if f := (klog.Finding{Kind: klog.KindWarn}); klog.NewAllowList(all).Allows(&f, "6.1") == nil {
		t.Error("what the project allows is not allowed")
	}
}
