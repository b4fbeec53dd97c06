package vm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// tpmProgram emulates a TPM for QEMU, which has none of its own
// (docs/specs/tpm.rst of QEMU).
const tpmProgram = "swtpm"

// tpm is the process behind the device of that name.
type tpm struct {
	cmd    *exec.Cmd
	dir    string   // of its state, which starts empty
	socket *os.File // QEMU's end
	stderr bytes.Buffer
}

// newTPM prepares a TPM that ends when QEMU closes its end of the socket, and dies
// with the thread that starts it.
func newTPM(ctx context.Context, setpriv string) (_ *tpm, err error) {
	program, err := exec.LookPath(tpmProgram)
	if err != nil {
		return nil, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make socket pair: %w", err)
	}
	t := &tpm{socket: os.NewFile(uintptr(pair[0]), "QEMU's end")}
	other := os.NewFile(uintptr(pair[1]), "the TPM's end")
	if t.dir, err = os.MkdirTemp("", "kmodtest-tpm"); err != nil {
		t.socket.Close()
		other.Close()
		return nil, err
	}
	const first = 3 // of the descriptors that a process inherits beside the usual ones
	t.cmd = exec.CommandContext(ctx, setpriv, "--pdeathsig", "KILL", "--", program, "socket", "--tpm2", "--terminate",
		"--tpmstate", "dir="+t.dir, "--ctrl", fmt.Sprintf("type=unixio,clientfd=%d", first))
	t.cmd.ExtraFiles = []*os.File{other}
	t.cmd.Stdout, t.cmd.Stderr = &t.stderr, &t.stderr
	return t, nil
}

// start starts it. nil is no TPM.
func (t *tpm) start() error {
	if t == nil {
		return nil
	}
	err := t.cmd.Start()
	t.cmd.ExtraFiles[0].Close()
	if err != nil {
		return fmt.Errorf("start %s: %w", tpmProgram, err)
	}
	return nil
}

// discard gives up one that may not have been started.
func (t *tpm) discard() {
	if t == nil || t.cmd.Process != nil {
		return
	}
	t.cmd.ExtraFiles[0].Close() // a second time, if it could not be started
	_ = os.RemoveAll(t.dir)
}

// wait waits for its end after QEMU's, and returns what it complained of.
func (t *tpm) wait() string {
	if t == nil || t.cmd.Process == nil {
		return ""
	}
	err := t.cmd.Wait()
	_ = os.RemoveAll(t.dir) // what is left of it is in the system's own folder for that
	said := strings.TrimSpace(t.stderr.String())
	if err == nil && said == "" {
		return ""
	}
	return fmt.Sprintf("%s: %v: %s", tpmProgram, err, said)
}
