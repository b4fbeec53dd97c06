package vm

import "github.com/kmodtest/kmodtest/internal/wire"

// listen reads what a guest writes to the port of the host's frames: each byte
// says that a question waits in the mailbox, and means nothing else.
func (v *VM) listen() {
	b := make([]byte, 256)
	for {
		if _, err := v.port.Read(b); err != nil {
			return
		}
		select {
		case v.bell <- struct{}{}:
		default: // it has been rung already
		}
	}
}

// Bell delivers a value after a guest has put a question into the mailbox.
func (v *VM) Bell() <-chan struct{} { return v.bell }

// Mail calls f with the guest's mailbox, unless the guest is closed.
func (v *VM) Mail(f func(*wire.Mailbox)) {
	v.frames.mailMu.Lock()
	defer v.frames.mailMu.Unlock()
	if v.frames.mail != nil {
		f(v.frames.mail)
	}
}

// Inputs are what the guest's fuzz tests announced last; none once the guest is
// closed.
func (v *VM) Inputs() ([]wire.Input, error) {
	v.frames.mailMu.Lock()
	defer v.frames.mailMu.Unlock()
	if v.frames.inputs == nil {
		return nil, nil
	}
	return v.frames.inputs.All()
}
