package matrix

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// Kernel is a kernel of a matrix.
type Kernel struct {
	Name  string
	Suite string
	Spec  kernel.Spec
}

// Job is a kernel with the packages that are to be tested on it.
type Job struct {
	Kernel   Kernel
	Packages []Package
}

// Choose returns the kernels that names mean, as Session.KernelNames tells, and
// those of the archive that no list holds.
func Choose(ctx context.Context, s *session.Session, names []string) ([]Kernel, error) {
	names, err := s.KernelNames(names)
	if err != nil {
		return nil, err
	}
	var chosen []Kernel
	for _, name := range names {
		spec, err := s.FindSpec(ctx, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, Kernel{Name: name, Suite: spec.Suite, Spec: spec})
	}
	return chosen, nil
}

// Shard is one part of a matrix that several machines share. The zero value is
// the whole.
type Shard struct{ Index, Count int }

// ParseShard parses "i/n", with i from 1 to n.
func ParseShard(s string) (Shard, error) {
	i, n, ok := strings.Cut(s, "/")
	var sh Shard
	var err1, err2 error
	sh.Index, err1 = strconv.Atoi(i)
	sh.Count, err2 = strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || sh.Index < 1 || sh.Index > sh.Count {
		return Shard{}, fmt.Errorf("parse shard %q: want I/N with I from 1 to N", s)
	}
	return sh, nil
}

// Plan deals the cells kernel x package out to the shards in turn: equal lists
// give equal plans on every machine. A shard without a cell is an error, since a
// machine that tests nothing must not look green.
func Plan(kernels []Kernel, pkgs []Package, s Shard) ([]Job, error) {
	if len(kernels) == 0 || len(pkgs) == 0 {
		return nil, errors.New("plan matrix: no kernels or no packages")
	}
	var jobs []Job
	n := 0
	for _, k := range kernels {
		j := Job{Kernel: k}
		for _, p := range pkgs {
			if s.Count == 0 || n%s.Count == s.Index-1 {
				j.Packages = append(j.Packages, p)
			}
			n++
		}
		if len(j.Packages) > 0 {
			jobs = append(jobs, j)
		}
	}
	if len(jobs) == 0 {
		return nil, fmt.Errorf("plan matrix: nothing is left for shard %d/%d: there are %d cells", s.Index, s.Count, n)
	}
	return jobs, nil
}
