package session

import (
	"maps"
	"slices"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// envChanges are what the configuration says of the environment in the guest.
func envChanges(c *config.Config) []run.EnvVar {
	var changes []run.EnvVar
	for _, name := range slices.Sorted(maps.Keys(c.Guest.Env)) {
		value, set := c.Guest.Env[name].(string)
		changes = append(changes, run.EnvVar{Name: name, Value: value, Remove: !set})
	}
	return changes
}
