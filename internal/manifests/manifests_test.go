// Package manifests holds the manifests of docs/ to what Kubernetes takes. It is a Go
// module of its own, which the nightly run tests: what it needs takes a minute to
// compile.
package manifests

import (
	"os"
	"testing"

	batch "k8s.io/api/batch/v1"
	"sigs.k8s.io/yaml"
)

// The manifest that the pages show is one that Kubernetes takes: every field of it
// is known, and what makes a Job an indexed one is there.
func TestManifest(t *testing.T) {
	b, err := os.ReadFile("../../docs/fanout/job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var job batch.Job
	if err := yaml.UnmarshalStrict(b, &job); err != nil {
		t.Fatal(err)
	}
	s := job.Spec
	switch {
	case job.APIVersion != "batch/v1" || job.Kind != "Job" || job.Name == "":
		t.Errorf("it is no Job: %s %s", job.APIVersion, job.Kind)
	case s.CompletionMode == nil || *s.CompletionMode != batch.IndexedCompletion || s.Completions == nil:
		t.Error("it is no indexed Job")
	case s.BackoffLimitPerIndex == nil || s.Template.Spec.RestartPolicy != "Never":
		t.Error("backoffLimitPerIndex is for pods that are never restarted")
	}
	known := make(map[string]bool)
	for _, v := range s.Template.Spec.Volumes {
		known[v.Name] = true
	}
	for _, c := range s.Template.Spec.Containers {
		for _, m := range c.VolumeMounts {
			if !known[m.Name] {
				t.Errorf("container %s mounts %s, which is no volume", c.Name, m.Name)
			}
		}
	}
}
