package kernel

import "errors"

// Lock pins kernels to exact packages.
type Lock struct{}

func (l *Lock) kernel(spec Spec) (Resolved, error) { return Resolved{}, errors.New("later") }

func (l *Lock) toolchain(suite, gen string) ([]Package, error) { return nil, errors.New("later") }
