package guest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A State is what can be seen of a kernel's registrations at one moment: for
// each kind of thing, the names of those that exist. The unload contract
// compares two of them. All kinds that depend on a network namespace are those
// of the initial one.
type State struct {
	lists map[string][]*listing
	// kinds are the rtnl link kinds that were asked about.
	kinds []string

	// own are the modules whose leftovers are looked for, excused what may be
	// somebody else's; see accused.
	own     []string
	excused []Leftover
}

// A Leftover is a thing that the module registered and did not take back.
type Leftover struct {
	// Kind says what it is, for instance "generic netlink family".
	Kind string
	// Name is its name, for instance "vnet_nl".
	Name string
}

func (l Leftover) String() string { return l.Kind + " " + l.Name }

// Snapshot returns the state of the running kernel. linkKinds are rtnl link
// kinds to look for; the kernel cannot list them.
func Snapshot(linkKinds ...string) (*State, error) {
	if err := errOutside(); err != nil {
		return nil, err
	}
	s := &State{kinds: linkKinds, lists: make(map[string][]*listing)}
	return s, s.look(allKinds(linkKinds))
}

// lookLimit is how long a look at the kernel may take. Walking a list with the
// entry of a module that is gone may kill the thread that walks, with the locks
// of the list held: nobody would ever return to say so.
const lookLimit = 10 * time.Second

// broken is the first look that never came back. No other is tried after it: it
// would wait for the same lock, and a thread that waits for a lock of the kernel
// keeps its process from ending.
var broken atomic.Pointer[error]

// look reads the given kinds again.
func (s *State) look(sources []source) error {
	type result struct {
		lists map[string][]*listing
		err   error
	}
	if err := broken.Load(); err != nil {
		return fmt.Errorf("not looked, for an earlier look has not come back: %w", *err)
	}
	done := make(chan result, 1)
	var at atomic.Pointer[source]
	log, err := openKmsg()
	if err != nil {
		return err
	}
	defer log.close()
	// A new goroutine never runs on a thread that another one has locked: it
	// sees the initial namespace even when the caller is inside of NS.Do.
	go func() {
		var errs []error
		found := make(map[string][]*listing)
		kernel.Lock()
		defer kernel.Unlock()
		kernel.look++
		for _, src := range sources {
			at.Store(&src)
			done := announce(src.kind)
			lists, err := src.read(kernel.tree)
			done()
			if err != nil {
				errs = append(errs, fmt.Errorf("look for %s: %w", src.kind, err))
				continue
			}
			found[src.kind] = lists
		}
		done <- result{found, errors.Join(errs...)}
	}()
	r, ok := receive(done, lookLimit)
	if !ok {
		err := fmt.Errorf("look for %s: the kernel has not answered for %v: its list may be broken by a module that is gone%s",
			at.Load().kind, lookLimit, indentLog(clip(log.lines(), 10)))
		broken.CompareAndSwap(nil, &err)
		return err
	}
	maps.Copy(s.lists, r.lists)
	return r.err
}

// Left returns what exists in after and did not exist in s, in a fixed order.
func (s *State) Left(after *State) []Leftover {
	var left []Leftover
	for _, kind := range slices.Sorted(maps.Keys(after.lists)) {
		names := newNames(s.lists[kind], after.lists[kind])
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			left = append(left, Leftover{kind, name})
		}
	}
	return left
}

// newNames returns what after names and before does not.
func newNames(before, after []*listing) []string {
	changed := slices.DeleteFunc(slices.Clone(after), func(l *listing) bool { return slices.Contains(before, l) })
	if len(changed) == 0 {
		return nil
	}
	known := make(map[string]bool)
	for _, l := range before {
		for _, name := range l.names {
			known[name] = true
		}
	}
	var names []string
	for _, l := range changed {
		for _, name := range l.names {
			if !known[name] {
				names = append(names, name)
			}
		}
	}
	return names
}

// settle looks until nothing is left that s did not have, or the time is over,
// and returns what is left. Much of what an unload takes down is freed later,
// by RCU or a work queue: hence a wait, and a wait with an end.
func (s *State) settle(limit time.Duration) ([]Leftover, error) {
	after, err := Snapshot(s.kinds...)
	if err != nil {
		return nil, err
	}
	left := s.accused(s.Left(after))
	if len(left) == 0 {
		return nil, nil
	}
	poll(limit, func() bool {
		suspects := make(map[string]bool)
		for _, l := range left {
			suspects[l.Kind] = true
		}
		err = after.look(slices.DeleteFunc(allKinds(s.kinds), func(src source) bool {
			return !suspects[src.kind]
		}))
		left = s.accused(s.Left(after))
		return err != nil || len(left) == 0
	})
	return left, err
}

// A source lists the things of one kind.
type source struct {
	kind string
	read func(*tree) ([]*listing, error)
}

// kernel is the tree of the running kernel.
var kernel = struct {
	sync.Mutex
	*tree
}{tree: newTree("")}

var kernelThreads = make(threads)

// allKinds returns every source, in the order of a reader's interest.
func allKinds(linkKinds []string) []source {
	return slices.Concat(
		[]source{
			{genlFamily, asked(genlFamily, (*sockets).genlNames)},
			{linkKind, asked(linkKind, func(s *sockets) ([]string, error) { return s.knownLinkKinds(linkKinds) })},
		},
		textSources, dirSources,
		[]source{{"kernel thread", kernelThreads.list}},
	)
}

const linkKind = "rtnl link kind"

// asked is a source that asks the kernel by other means than files.
func asked(kind string, ask func(*sockets) ([]string, error)) func(*tree) ([]*listing, error) {
	return func(t *tree) ([]*listing, error) {
		names, err := ask(&t.sockets)
		if err != nil {
			return nil, err
		}
		return t.remember(kind, names), nil
	}
}

// listed puts leftovers one per line.
func listed(left []Leftover) string {
	var b strings.Builder
	for _, l := range left {
		b.WriteString("\n    ")
		b.WriteString(l.String())
	}
	return b.String()
}
