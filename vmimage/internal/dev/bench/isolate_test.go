package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// TestQuickTests chooses the top-level tests that passed in next to no time.
func TestQuickTests(t *testing.T) {
	got := quickTests([]run.TestResult{
		{Name: "TestA", Status: "pass", Elapsed: time.Millisecond},
		{Name: "TestA/sub", Status: "pass"},
		{Name: "TestSlow", Status: "pass", Elapsed: time.Second},
		{Name: "TestSkipped", Status: "skip"},
		{Name: "ExampleA", Status: "pass"},
		{Name: "TestB", Status: "pass"},
	})
	if diff := cmp.Diff([]string{"TestA", "TestB"}, got); diff != "" {
		t.Errorf("quick tests (-want +got):\n%s", diff)
	}
}
