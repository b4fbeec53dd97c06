package run

import (
	"context"
	"fmt"
	"os"

	"github.com/kmodtest/kmodtest/internal/modarchive"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// findModules sets the archive of the kernel's own modules, unless the caller has,
// and looks whether it has those that are to be loaded.
func (o *Options) findModules(ctx context.Context) error {
	if o.ModuleArchive == "" && o.Store != nil {
		var err error
		if o.ModuleArchive, err = o.Kernel.ModuleArchive(ctx, o.Store, o.Notice); err != nil {
			return err
		}
	}
	if len(o.Modprobe) == 0 {
		return nil
	}
	if o.ModuleArchive == "" {
		return fmt.Errorf("load modules %v: kernel %s came without modules of its own", o.Modprobe, o.Kernel.Release)
	}
	f, err := os.Open(o.ModuleArchive)
	if err != nil {
		return fmt.Errorf("load modules %v: %w", o.Modprobe, err)
	}
	defer f.Close()
	a, err := modarchive.Open(modarchive.ReadFrom(f))
	if err != nil {
		return err
	}
	for _, name := range o.Modprobe {
		found, err := a.Find(name)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return &kernel.NoModuleError{Module: name, Release: o.Kernel.Release, Flavour: o.Kernel.Flavour, Profile: o.Kernel.Profile, Others: kernel.WhoHas(ctx, o.Store, name)}
		}
	}
	return nil
}
