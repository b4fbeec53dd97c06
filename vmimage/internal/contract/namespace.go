package contract

import (
	"context"
	"fmt"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// namespacesGoing tells whether the kernel is taking network namespaces down:
// cleanup_net in net/core/net_namespace.c is queued, or holds pernet_ops_rwsem, as
// it does until the last device of the namespaces is free.
func (s *Server) namespacesGoing(ctx context.Context, q wire.Sweep) (bool, error) {
	l, err := s.look(q)
	if err != nil {
		return false, err
	}
	a, err := l.syms.need("net_cleanup_work", "pernet_ops_rwsem")
	if err != nil {
		return false, err
	}
	// struct work_struct and struct rw_semaphore start with what matters.
	const pending = 1 // WORK_STRUCT_PENDING
	for _, at := range a {
		if at&7 != 0 {
			return false, fmt.Errorf("look for network namespaces: %#x is no place of a word", at)
		}
	}
	return l.space.word(a[0])&pending != 0 || l.space.word(a[1]) != 0, ctx.Err()
}
