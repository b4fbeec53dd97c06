package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
)

// qmpConn speaks QEMU's machine protocol (docs/interop/qmp-spec.rst of QEMU).
type qmpConn struct {
	mu    sync.Mutex
	conn  net.Conn
	r     *bufio.Reader
	ready bool

	rights []byte // the descriptor that goes with the next command
}

func newQMP(c net.Conn) *qmpConn { return &qmpConn{conn: c, r: bufio.NewReader(c)} }

// qmpError is an error that QEMU answered with.
type qmpError struct {
	Class string `json:"class"`
	Desc  string `json:"desc"`
}

// run executes a command and decodes its result into result unless that is nil.
func (q *qmpConn) run(ctx context.Context, command string, arguments, result any) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	// A deadline is the only way to interrupt a read.
	stop := context.AfterFunc(ctx, func() { _ = q.conn.Close() })
	defer stop()
	if !q.ready {
		rights := q.rights
		q.rights = nil
		if _, err := q.r.ReadBytes('\n'); err != nil {
			return fmt.Errorf("read QMP greeting: %w", err)
		}
		if err := q.exchange("qmp_capabilities", nil, nil); err != nil {
			return err
		}
		q.ready, q.rights = true, rights
	}
	return q.exchange(command, arguments, result)
}

func (q *qmpConn) exchange(command string, arguments, result any) error {
	req := map[string]any{"execute": command}
	if arguments != nil {
		req["arguments"] = arguments
	}
	b, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("encode QMP command %s: %w", command, err)
	}
	if err := q.write(append(b, '\n')); err != nil {
		return fmt.Errorf("send QMP command %s: %w", command, err)
	}
	for {
		line, err := q.r.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("read answer to QMP command %s: %w", command, err)
		}
		var resp struct {
			Return json.RawMessage `json:"return"`
			Error  *qmpError       `json:"error"`
			Event  string          `json:"event"`
		}
		if err := json.Unmarshal(line, &resp); err != nil {
			return fmt.Errorf("decode answer to QMP command %s: %w", command, err)
		}
		switch {
		case resp.Event != "":
			continue
		case resp.Error != nil:
			return fmt.Errorf("QMP command %s: %s", command, resp.Error.Desc)
		case result != nil:
			if err := json.Unmarshal(resp.Return, result); err != nil {
				return fmt.Errorf("decode answer to QMP command %s: %w", command, err)
			}
		}
		return nil
	}
}
