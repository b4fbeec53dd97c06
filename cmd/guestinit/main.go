// Command guestinit is /init of a kmodtest guest.
//
// It prepares the file systems, greets the host, takes a job from it (package
// wire), unpacks the payload, runs the job's processes, hands back their output,
// the kernel log and the files that they wrote, and powers the machine off. It
// refuses to run anywhere but as the first process of a guest.
//
// Under the name modprobe it loads modules of the kernel's own.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/sysmon"
	"github.com/kmodtest/kmodtest/internal/wire"
)

// port is the serial port that carries the host's frames.
const port = "/dev/ttyS1"

func main() {
	if isModprobe() {
		os.Exit(modprobe(os.Args[1:], os.Stdout, os.Stderr))
	}
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guestinit: this is the init of a kmodtest guest; it runs as process 1 only")
		os.Exit(2)
	}
	// The guest has little memory, and this process lives for seconds.
	debug.SetGCPercent(400)
	// A thread that forwards output must never wait for another of this process
	// that holds Go's only processor and is itself kept waiting by the tests.
	runtime.GOMAXPROCS(8)
	if err := run(); err != nil {
		// Without a host to tell, the console is the last resort.
		fmt.Fprintln(os.Stderr, "guestinit:", err)
	}
	powerOff()
}

func run() error {
	if err := mountAll(); err != nil {
		return err
	}
	if err := guestenv.Check(); err != nil {
		return err
	}
	ring, err := openRing()
	if err != nil {
		return err
	}
	in := &initProcess{out: wire.NewWriter(ring)}
	if err := in.prepare(); err != nil {
		return in.tell(err)
	}
	if err := in.serve(); err != nil {
		return in.tell(err)
	}
	return nil
}

// tell brings an error to the host.
func (in *initProcess) tell(err error) error {
	if werr := in.out.Write(wire.Error, []byte(err.Error())); werr != nil {
		return fmt.Errorf("%w (and the host cannot be told: %v)", err, werr)
	}
	return nil
}

// prepare makes the guest ready to talk to the host.
func (in *initProcess) prepare() error {
	if err := tune(); err != nil {
		return err
	}
	// If it fails, the guest is slower and nothing else.
	_ = sysmon.Slow()
	tty, err := openPort(port)
	if err != nil {
		return err
	}
	in.frames = wire.NewReader(tty)
	return nil
}

// initProcess is the state of the guest's init.
type initProcess struct {
	out    *wire.Writer
	frames *wire.Reader
	kmsg   *kmsg
	procs  *reaper
	dev    payloadDevice
	// ready are the pipes of the first step; nil once it took them.
	ready *pipes

	unwatched bool // see wire.Job
}

// serve talks to the host: greeting, job, processes, outputs, summary.
func (in *initProcess) serve() error {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return fmt.Errorf("read uname: %w", err)
	}
	var err error
	if in.kmsg, err = openKmsg(in.out); err != nil {
		return err
	}
	// The boot log goes first: a guest that is frozen and restored after the
	// greeting must not tell it again.
	if err := in.kmsg.drain(); err != nil {
		return err
	}
	// What needs nothing of the job is done before the greeting: a restored
	// guest gets it for free.
	if in.dev, err = openPayloadDevice(); err != nil {
		return err
	}
	defer in.dev.close()
	if err := exposeModules(); err != nil {
		return err
	}
	if err := serveRequests(); err != nil {
		return err
	}
	if in.ready, err = in.openPipes(stepOutput); err != nil {
		return err
	}
	if err := in.out.WriteJSON(wire.Hello, wire.Greeting{
		Version: wire.Version, Release: unix.ByteSliceToString(uts.Release[:]),
	}); err != nil {
		return err
	}
	job, err := in.readJob()
	if err != nil {
		return err
	}
	if err := setClock(time.Unix(0, job.Now)); err != nil {
		return err
	}
	if err := seedRandom(job.Seed); err != nil {
		return err
	}
	if err := in.dev.unpack(job.PayloadSize); err != nil {
		return err
	}
	for _, d := range job.Dirs {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return fmt.Errorf("make output directory: %w", err)
		}
	}
	files, err := newSender(in.out)
	if err != nil {
		return err
	}
	if err := guestenv.Write(job.Info); err != nil {
		return err
	}
	for _, ko := range job.Preload {
		if err := loadModule(ko); err != nil {
			return err
		}
	}
	if err := modprobeAll(job.Modprobe); err != nil {
		return err
	}
	in.procs = newReaper()
	go in.obey()
	over := make(chan struct{})
	defer close(over)
	in.unwatched = job.Unwatched
	if !in.unwatched {
		go in.kmsg.follow()
		go in.beat(over)
	}
	files.watch(job)
	for i, s := range job.Steps {
		var st wire.ExitStatus
		if job.Interactive && i == len(job.Steps)-1 {
			st = in.runInteractive(s, job)
		} else {
			st = in.runStep(s)
		}
		if err := in.out.WriteJSON(wire.Exited, st); err != nil {
			return err
		}
		if s.Setup && (st.Code != 0 || st.Error != "") {
			break
		}
	}
	if err := files.sendAll(job); err != nil {
		return err
	}
	return in.finish(job)
}

// readJob waits for the host's job, for as long as the host likes: the guest
// may be frozen here.
func (in *initProcess) readJob() (*wire.Job, error) {
	f, err := in.frames.Read()
	if err != nil {
		return nil, fmt.Errorf("read job: %w", err)
	}
	if f.Type != wire.Start {
		return nil, fmt.Errorf("read job: frame of type %d", f.Type)
	}
	job := new(wire.Job)
	return job, f.Decode(job)
}

// finish writes the summary, after which nothing happens in the guest.
func (in *initProcess) finish(job *wire.Job) error {
	in.procs.killAll()
	if !in.unwatched {
		if err := kmemleak.look(); err != nil {
			return err
		}
	}
	if err := in.kmsg.settle(); err != nil {
		return err
	}
	sum, err := summarize(job.Info)
	if err != nil {
		return err
	}
	sum.LostKmsg = in.kmsg.lost()
	return in.out.WriteJSON(wire.Done, sum)
}
