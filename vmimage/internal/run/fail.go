package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// calls are the calls of all modules, each at its number.
func (o *Options) calls() []calls.Site {
	var all []calls.Site
	for _, m := range o.Modules {
		all = append(all, m.Calls...)
	}
	return all
}

// injector has calls fail in a guest as its tests ask for it.
type injector struct {
	sites  []calls.Site
	memory func(context.Context) (*vm.Memory, error)
	before map[string]uint64 // how often each had failed before
}

var errNoStubs = errors.New("the modules are not made for that here: say -faults, or faults = true in [tests] of kmodtest.toml")

// fail answers a question of a test.
func (f *injector) fail(ctx context.Context, q wire.Fail) (uint64, error) {
	only, err := calls.ParseOnly(q.Call)
	if err != nil {
		return 0, err
	}
	site, err := f.find(only)
	if err != nil {
		return 0, err
	}
	m, err := f.memory(ctx)
	if err != nil {
		return 0, err
	}
	reached, err := calls.Read(m, len(f.sites))
	if err != nil {
		return 0, err
	}
	shot := calls.Shot{Site: site, Context: only.Context}
	if q.Over {
		err := graft.Write(m, calls.Arm(f.sites, shot)) // none of them
		return reached[site].Failed - f.before[q.Call], err
	}
	if f.before == nil {
		f.before = make(map[string]uint64)
	}
	f.before[q.Call] = reached[site].Failed
	shot.At = reached[site].In(only.Context) + max(only.At, 1)
	return 0, graft.Write(m, calls.Arm(f.sites, shot))
}

// find finds the one call that is meant.
func (f *injector) find(only calls.Only) (int, error) {
	if len(f.sites) == 0 {
		return 0, errNoStubs
	}
	found, names := -1, []string(nil)
	for i, s := range f.sites {
		if s.Fails != "" && only.Fits(s) {
			found, names = i, append(names, s.Name())
		}
	}
	switch len(names) {
	case 0:
		return 0, errors.New("no module makes such a call, or it is not known to fail: kmodtest sweep lists those there are")
	case 1:
		return found, nil
	}
	return 0, fmt.Errorf("%d calls are there: name one of %s", len(names), strings.Join(names, ", "))
}
