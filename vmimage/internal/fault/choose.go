package fault

import (
	"cmp"
	"slices"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
)

// shot is a failure that is due.
type shot struct {
	calls.Shot
	// of is how often the scenario makes the call in the context.
	of uint64
	// first is the failure after which this one comes; nil if it is the only one.
	first *calls.Shot
}

// all are the failures, in the order in which they come.
func (s shot) all() []calls.Shot {
	if s.first == nil {
		return []calls.Shot{s.Shot}
	}
	return []calls.Shot{*s.first, s.Shot}
}

// done is how many occurrences of a call were had by earlier scenarios, by context.
type done map[calls.Context]uint64

// choose picks the failures that a scenario is good for, the most interesting first:
// what a module cannot do without has most behind it that has to be undone.
func (s *sweeper) choose(reached []calls.Reached) []shot {
	var shots []shot
	for i, r := range reached {
		site := s.sites[i]
		if site.Fails == "" || !s.o.Only.Fits(site) {
			continue
		}
		if s.done[i] == nil {
			s.done[i] = make(done)
		}
		for _, c := range []calls.Context{calls.Process, calls.Interrupt} {
			times := r.In(c)
			for _, at := range occurrences(s.o.Only, c, s.done[i][c], times) {
				shots = append(shots, shot{Shot: calls.Shot{Site: i, At: at, Context: c}, of: times})
			}
			s.done[i][c] = max(s.done[i][c], times)
		}
	}
	slices.SortStableFunc(shots, func(a, b shot) int { return -cmp.Compare(rank(s.sites[a.Site]), rank(s.sites[b.Site])) })
	return shots
}

func rank(s calls.Site) int {
	if s.Required {
		return 1
	}
	return 0
}

// occurrences picks those to fail of the new ones: the first and the last, or the one
// that is asked for.
func occurrences(o *calls.Only, c calls.Context, before, times uint64) []uint64 {
	if o != nil && (o.At > 0 || o.Context != calls.Process) && o.Context != c {
		return nil
	}
	if o != nil && o.At > 0 {
		if before < o.At && o.At <= times {
			return []uint64{o.At}
		}
		return nil
	}
	switch {
	case times <= before:
		return nil
	case times == before+1:
		return []uint64{times}
	}
	return []uint64{before + 1, times}
}

// pairs picks second failures: of the calls that were made after the first one, while
// its caller cleaned up, each the first time. Of two failures of one call that lead to
// the same one is enough.
func (s *sweeper) pairs(firsts []first) []shot {
	type pair struct{ a, b int }
	seen := make(map[pair]bool)
	var shots []shot
	for _, f := range firsts {
		if f.state != Clean {
			continue // it goes on as ever, or is red without a second one
		}
		for _, next := range f.next {
			p := pair{f.shot.Site, next}
			if seen[p] || s.sites[next].Fails == "" || !s.o.Then.Fits(s.sites[next]) {
				continue
			}
			seen[p] = true
			shots = append(shots, shot{Shot: calls.Shot{Site: next, At: 1, Second: true}, of: 1, first: &f.shot})
		}
	}
	return shots
}

// first is a failure that was had alone.
type first struct {
	shot  calls.Shot
	state State
	// next are the calls that were made after it.
	next []int
}
