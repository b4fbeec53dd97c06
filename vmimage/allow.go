package vmimage

import (
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// AllowList makes the list of findings that do not fail a run. A list remembers
// what it allowed, so that each run needs its own.
func AllowList(c *config.Config) (*klog.AllowList, error) { return klog.NewAllowList(c.Allow), nil }
