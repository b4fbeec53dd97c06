package report

import (
	"fmt"
	"path"
)

// Merge puts the results of several machines together. Kernels of the same name
// become one, with the packages of all shards. A package that two results hold
// is an error: which of them counts cannot be told. dirs are the results'
// directories relative to the new report's: bundles are found there.
func Merge(results []Result, dirs []string) (Result, error) {
	var all Result
	for i, r := range results {
		if all.Start.IsZero() || r.Start.Before(all.Start) {
			all.Start = r.Start
		}
		all.Elapsed = max(all.Elapsed, r.Elapsed)
		all.Jobs += r.Jobs
		for _, k := range r.Kernels {
			for n := range k.Runs {
				if b := k.Runs[n].Bundle; b != "" {
					k.Runs[n].Bundle = path.Join(dirs[i], b)
				}
			}
			if err := all.merge(k); err != nil {
				return Result{}, fmt.Errorf("merge reports: %w", err)
			}
		}
	}
	return all, nil
}

func (r *Result) merge(k Kernel) error {
	for i := range r.Kernels {
		have := &r.Kernels[i]
		if have.Name != k.Name {
			continue
		}
		for _, run := range k.Runs {
			if have.run(run.Package) != nil {
				return fmt.Errorf("kernel %s, package %s: two results", k.Name, run.Package)
			}
			have.Runs = append(have.Runs, run)
		}
		for _, p := range k.Phases {
			have.Add(p)
		}
		if have.Failure == nil {
			have.Failure = k.Failure
		}
		return nil
	}
	r.Kernels = append(r.Kernels, k)
	return nil
}
