package kernel

import "context"

func toolchain(ctx context.Context, o Options, r Resolved, k Kernel) (Toolchain, []Package, error) {
	return Toolchain{}, nil, nil
}
