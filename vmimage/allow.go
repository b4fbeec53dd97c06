package vmimage

import (
	"fmt"

	"github.com/kmodtest/kmodtest/vmimage/config"
	"github.com/kmodtest/kmodtest/vmimage/klog"
)

// AllowList makes the list of findings that do not fail a run. A list remembers
// what it allowed, so that each run needs its own.
func AllowList(c *config.Config) (*klog.AllowList, error) {
	l := new(klog.AllowList)
	for _, e := range c.Allow {
		a, err := klog.NewAllow(e.Kind, e.Match, e.Kernels, e.Reason)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", c.Path, e.Line, err)
		}
		l.Entries = append(l.Entries, a)
	}
	return l, nil
}
