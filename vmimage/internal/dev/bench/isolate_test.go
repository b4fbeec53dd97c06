package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// TestQuickTests chooses the top-level tests that passed in the least time.
func TestQuickTests(t *testing.T) {
	got := quickTests([]verdict.TestResult{
		{Name: "TestA", State: verdict.Pass, Elapsed: time.Millisecond},
		{Name: "TestA/sub", State: verdict.Pass},
		{Name: "TestSlow", State: verdict.Pass, Elapsed: time.Second},
		{Name: "TestSkipped", State: verdict.Skip},
		{Name: "ExampleA", State: verdict.Pass},
		{Name: "TestB", State: verdict.Pass},
	}, 2)
	if diff := cmp.Diff([]string{"TestB", "TestA"}, got); diff != "" {
		t.Errorf("quick tests (-want +got):\n%s", diff)
	}
}
