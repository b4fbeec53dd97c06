package matrix

import (
	"errors"
	"fmt"
)

// Answer is what a probe says about a build.
type Answer int

// The answers. Unknown is for a build that says nothing about the test: the
// module does not build there, or the kernel does not boot.
const (
	Green Answer = iota
	Red
	Unknown
)

// ErrEnds says that the ends of a bisection are not what they should be.
var ErrEnds = errors.New("the ends are not good and bad")

// Bisect returns the range in which n builds, oldest first, turn red: the last
// green one and the first red one. Between them there are only builds of which
// the probe knows nothing. The ends are probed first, since a search between
// wrong ends finds something every time; where nothing is known of an end, the
// next build takes its place.
func Bisect(n int, probe func(i int) (Answer, error)) (good, bad int, err error) {
	if n < 2 {
		return 0, 0, fmt.Errorf("bisect %d builds: at least two are needed", n)
	}
	unknown := make(map[int]bool)
	end := func(i, step int, want Answer) (int, error) {
		for ; i >= 0 && i < n; i += step {
			switch a, err := probe(i); {
			case err != nil:
				return 0, err
			case a == want:
				return i, nil
			case a != Unknown:
				return 0, fmt.Errorf("%w: number %d of %d is %v, not %v", ErrEnds, i+1, n, a, want)
			}
			unknown[i] = true
		}
		return 0, fmt.Errorf("%w: no build is %v", ErrEnds, want)
	}
	if good, err = end(0, 1, Green); err != nil {
		return 0, 0, err
	}
	if bad, err = end(n-1, -1, Red); err != nil {
		return 0, 0, err
	}
	for {
		i := middle(good, bad, unknown)
		if i < 0 {
			return good, bad, nil
		}
		a, err := probe(i)
		switch {
		case err != nil:
			return good, bad, err
		case a == Green:
			good = i
		case a == Red:
			bad = i
		default:
			unknown[i] = true
		}
	}
}

// middle is the build nearest to the middle between good and bad that may still
// say something, -1 if there is none.
func middle(good, bad int, unknown map[int]bool) int {
	mid := (good + bad) / 2
	for d := 0; d < bad-good; d++ {
		for _, i := range []int{mid - d, mid + d} {
			if i > good && i < bad && !unknown[i] {
				return i
			}
		}
	}
	return -1
}

func (a Answer) String() string { return [...]string{"green", "red", "unknown"}[a] }
