package vmimage

import (
	"context"
	"errors"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Tool finds a program that the host side runs, in PATH and where Debian puts
// what is not in an unprivileged user's.
func Tool(name string) (path string, err error) { return kernel.Tool(name) }

// Keyring is the file with the keys that may sign the archive.
func (s *Session) Keyring() string { return s.s.Kernels.KeyringPath() }

// Archive tells where kernels come from; it fetches nothing. If apt does not know
// that, tool tells whether it is for want of a program.
func (s *Session) Archive(ctx context.Context) (where string, tool bool, err error) {
	where, err = kernel.Archive(ctx, s.s.Kernels)
	return where, errors.As(err, new(*kernel.MissingToolError)), err
}

// KVM tells whether guests run under KVM. That its device opens says little, so the
// default kernel is booted if it is cached; tried is false if it is not. The error
// wraps fs.ErrNotExist or fs.ErrPermission if the device cannot be opened.
func (s *Session) KVM(ctx context.Context) (works, tried bool, err error) {
	if err := vm.KVMAccessible(); err != nil {
		return false, false, err
	}
	// Nothing is fetched for a look at the machine, and no module is built.
	look := &session.Session{Options: s.s.Options, Config: s.s.Config, Kernels: s.s.Kernels}
	look.Kernels.Offline = true
	config := *s.s.Config
	config.Modules, config.Trees = nil, nil
	look.Config = &config
	p, err := look.Prepare(ctx, "", false)
	if err != nil {
		return false, false, nil
	}
	return p.Accel == vm.KVM, true, nil
}
