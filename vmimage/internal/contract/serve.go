package contract

import (
	"context"
	"fmt"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// Serve answers the question that waits in the mailbox, if there is one.
func (s *Server) Serve(ctx context.Context, m *wire.Mailbox) {
	var q wire.Sweep
	waits, err := m.Question(&q)
	if !waits {
		return
	}
	var a wire.Swept
	if err == nil && q.Spent != "" {
		s.Spent(q.Spent)
		return
	}
	if err != nil {
		a.Error = fmt.Sprintf("read question: %v", err)
	} else {
		a = s.Answer(ctx, q)
	}
	if err := m.Answer(a); err != nil {
		// Too much to tell at once: say what fits.
		_ = m.Answer(wire.Swept{Error: err.Error()})
	}
}
