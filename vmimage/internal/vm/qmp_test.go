package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"
)

// qemuSide plays QEMU's part: it greets, then answers each command with the
// next of the answers. It sends the commands, those for the monitor as they are.
func qemuSide(t *testing.T, c net.Conn, answers ...string) <-chan []string {
	t.Helper()
	seen := make(chan []string, 1)
	go func() {
		defer c.Close()
		var names []string
		defer func() { seen <- names }()
		if _, err := c.Write([]byte(`{"QMP": {"version": {}}}` + "\r\n")); err != nil {
			return
		}
		r := bufio.NewReader(c)
		for _, a := range append([]string{`{"return": {}}`}, answers...) {
			line, err := r.ReadBytes('\n')
			if err != nil {
				return
			}
			var cmd struct {
				Execute   string
				Arguments struct {
					Line string `json:"command-line"`
				}
			}
			if json.Unmarshal(line, &cmd) != nil {
				return
			}
			if cmd.Arguments.Line != "" {
				cmd.Execute = cmd.Arguments.Line
			}
			names = append(names, cmd.Execute)
			if _, err := c.Write([]byte(a + "\r\n")); err != nil {
				return
			}
		}
	}()
	return seen
}

func TestQMP(t *testing.T) {
	host, guest := net.Pipe()
	seen := qemuSide(t, guest,
		// An event may come before any answer.
		`{"event": "STOP", "data": {}}`+"\r\n"+`{"return": {"status": "running", "running": true}}`,
		`{"error": {"class": "GenericError", "desc": "no such thing"}}`)
	q := newQMP(host)
	var info struct{ Running bool }
	if err := q.run(t.Context(), "query-status", nil, &info); err != nil || !info.Running {
		t.Errorf("query-status: %v, %+v", err, info)
	}
	err := q.run(t.Context(), "no-such-thing", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "no-such-thing: no such thing") {
		t.Errorf("error = %v, want QEMU's words", err)
	}
	if got := strings.Join(<-seen, " "); got != "qmp_capabilities query-status no-such-thing" {
		t.Errorf("commands = %q", got)
	}
}

// TestQMPCancel proves that a QEMU which does not answer holds nobody up.
func TestQMPCancel(t *testing.T) {
	host, guest := net.Pipe()
	defer guest.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := newQMP(host).run(ctx, "query-status", nil, nil); err == nil {
		t.Error("no error without an answer")
	}
}
