package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"

	"github.com/hugelgupf/vmtest/qemu"
	"golang.org/x/sys/unix"
)

// VM is a running guest.
type VM struct {
	// Console delivers the kernel console, Terminal is the interactive port.
	// Console ends with the guest.
	Console, Terminal net.Conn
	// Frames carries the frames both ways. It ends with the guest, too.
	Frames io.ReadWriter

	frames *frames  // Frames
	port   net.Conn // carries Frames to the guest
	bell   chan struct{}
	ring   ringFile
	shares bool // its memory with a file
	qmp    *qmpConn
	stderr *tail
	tpm    *tpm // nil if there is none
	kill   context.CancelCauseFunc
	line   string
	pid    int // of QEMU; 0 if it is not known
	exited chan struct{}
	err    error
}

// errKVM says that KVM gave up on the guest.
var errKVM = errors.New("KVM cannot run this guest: run it in emulation, with -accel tcg")

// Start starts a guest. When ctx is done, QEMU is killed. QEMU dies with the
// calling process, however that ends.
func Start(ctx context.Context, c Config) (*VM, error) { return start(ctx, c, false) }

// start starts QEMU: to boot the guest, or to wait for one to be restored.
func start(ctx context.Context, c Config, restore bool) (_ *VM, err error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("start guest: %w", err)
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		return nil, fmt.Errorf("start guest: %w (it is in Debian's package util-linux)", err)
	}
	v := &VM{stderr: new(tail), exited: make(chan struct{}), bell: make(chan struct{}, 1)}
	ctx, v.kill = context.WithCancelCause(ctx)
	v.stderr.onKVMError = func() { v.kill(errKVM) }

	o := &qemu.Options{
		// setpriv makes the kernel kill QEMU when this process is gone; vmtest
		// gives no access to the attributes of the process that it starts.
		QEMUCommand:  setpriv + " --pdeathsig KILL -- " + c.QEMU,
		SerialOutput: []io.WriteCloser{v.stderr},
	}
	// A guest that is restored has its kernel in its memory. For QEMU it is a file of
	// ten megabytes to read and to copy, for nobody: what fw_cfg offers is no part of
	// the state (hw/nvram/fw_cfg.c), and the ROM that boots from it has memory of its
	// own in machines of before QEMU 2.0 only (option_rom_has_mr).
	if !restore {
		o.Kernel, o.KernelArgs, o.Initramfs = c.Kernel, c.cmdline(), c.Initrd
	}
	var pc portConns
	defer func() {
		// QEMU has its own copies, if it was started.
		for _, f := range o.ExtraFiles {
			f.Close()
		}
		if err != nil {
			v.kill(err)
			v.tpm.discard()
			pc.close()
			if v.frames != nil {
				v.frames.close()
			}
		}
	}()
	if err := pc.open(o); err != nil {
		return nil, fmt.Errorf("start guest: %w", err)
	}
	fd := pc.fds()
	fr, ring, err := newFrames(pc.conns[1], v.exited)
	if err != nil {
		return nil, fmt.Errorf("start guest: %w", err)
	}
	v.frames, v.Frames = fr, fr
	if v.ring.info, err = ring.Stat(); err != nil {
		return nil, fmt.Errorf("start guest: %w", err)
	}
	fd.ring = o.AddFile(ring)
	v.ring.fd = fd.ring
	if c.Payload != nil {
		// vmtest closes the files that it passes on, so it gets a copy.
		n, err := unix.FcntlInt(c.Payload.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("start guest: pass on payload device: %w", err)
		}
		fd.payload = o.AddFile(os.NewFile(uintptr(n), "payload device"))
	}
	modules, size, err := c.openModules()
	if err != nil {
		return nil, fmt.Errorf("start guest: %w", err)
	}
	if modules != nil {
		fd.modules, fd.modulesSize = o.AddFile(modules), size
	}
	wanted := c.build(fd)
	if wanted.tpm {
		if v.tpm, err = newTPM(ctx, setpriv); err != nil {
			return nil, fmt.Errorf("start guest: make TPM: %w", err)
		}
		fd.tpm = o.AddFile(v.tpm.socket)
	}
	for _, size := range wanted.disks {
		disk, err := sharedFile("kmodtest disk", size)
		if err != nil {
			return nil, fmt.Errorf("start guest: make disk: %w", err)
		}
		fd.disks = append(fd.disks, o.AddFile(disk))
	}
	v.shares = c.RAM != "" && !restore
	o.AppendQEMU(c.args(fd, !restore)...)
	if restore {
		o.AppendQEMU("-incoming", "defer")
	}
	v.Console, v.port, v.Terminal = pc.conns[0], pc.conns[1], pc.conns[2]
	go v.listen()
	v.qmp = newQMP(pc.conns[3])

	started := make(chan error, 1)
	go v.run(ctx, o, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start QEMU: %w", err)
	}
	return v, nil
}

// run starts QEMU and waits for its end on one thread: the kernel takes the
// death of the thread that started a process for the death of its parent.
func (v *VM) run(ctx context.Context, o *qemu.Options, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := v.tpm.start(); err != nil {
		started <- err
		return
	}
	q, err := o.Start(ctx)
	if err != nil {
		v.kill(err)
		_ = v.tpm.wait() // QEMU's error is the one to tell
		started <- err
		return
	}
	v.line, v.pid = q.CmdlineQuoted(), childOfThread()
	started <- nil
	err = q.Wait()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil && v.stderr.Len() > 0 {
		err = fmt.Errorf("%w\nQEMU said:\n%s", err, v.stderr)
	}
	if said := v.tpm.wait(); err != nil && said != "" {
		err = fmt.Errorf("%w\n%s", err, said)
	}
	v.err = err
	v.kill(nil)
	close(v.exited)
}

// Wait waits for QEMU's end. It returns nil if the guest ended by itself.
func (v *VM) Wait() error {
	<-v.exited
	return v.err
}

// Exited is closed when QEMU has ended.
func (v *VM) Exited() <-chan struct{} { return v.exited }

// Kill ends the guest and waits for QEMU's end. Wait returns cause then.
func (v *VM) Kill(cause error) {
	v.kill(cause)
	<-v.exited
	for _, c := range []net.Conn{v.Console, v.port, v.Terminal, v.qmp.conn} {
		c.Close()
	}
	v.frames.close()
}

// CommandLine is QEMU's command line, quoted for a shell.
func (v *VM) CommandLine() string { return v.line }

// portConns are the host's ends of the guest's ports.
type portConns struct {
	conns [4]net.Conn
	first int
}

func (p *portConns) open(o *qemu.Options) error {
	for i := range p.conns {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("make socket pair: %w", err)
		}
		host := os.NewFile(uintptr(pair[0]), "host end")
		conn, err := net.FileConn(host)
		host.Close()
		guest := os.NewFile(uintptr(pair[1]), "guest end")
		if err != nil {
			guest.Close()
			return fmt.Errorf("use socket pair: %w", err)
		}
		p.conns[i] = conn
		n := o.AddFile(guest)
		if i == 0 {
			p.first = n
		}
	}
	return nil
}

func (p *portConns) fds() fds {
	return fds{console: p.first, frames: p.first + 1, terminal: p.first + 2, qmp: p.first + 3}
}

func (p *portConns) close() {
	for _, c := range p.conns {
		if c != nil {
			c.Close()
		}
	}
}

// tail keeps the end of what QEMU prints.
type tail struct {
	mu         sync.Mutex
	b          []byte
	onKVMError func()
}

const tailSize = 16 << 10

// Write implements io.Writer. It never fails and never blocks: vmtest couples
// all of QEMU's outputs.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	// QEMU only pauses the guest after this (kvm_cpu_exec in its
	// accel/kvm/kvm-all.c): without a reader the run would wait for ever.
	if bytes.Contains(t.b, []byte("KVM internal error")) || bytes.Contains(t.b, []byte("failed to initialize kvm")) {
		t.onKVMError()
	}
	if n := len(t.b) - tailSize; n > 0 {
		t.b = t.b[n:]
	}
	return len(p), nil
}

// Close implements io.Closer.
func (t *tail) Close() error { return nil }

// Len is the number of bytes kept.
func (t *tail) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.b)
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.b))
}
