// Command chaos kills kmodtest with SIGKILL at random moments, of making and of
// using a snapshot, and checks each time that no QEMU is left behind and that
// the next run is right. It uses a cache of its own.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	n := flag.Int("n", 50, "`times` to kill")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "`seed` of the random moments")
	flag.Parse()
	if err := chaos(ctx, *n, *seed); err != nil {
		fmt.Fprintf(os.Stderr, "chaos: %v\n", err)
		os.Exit(1)
	}
}

// monkey is what the rounds share.
type monkey struct {
	kmodtest, cache, binary, dir string
}

func chaos(ctx context.Context, n int, seed uint64) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "kmodtest-chaos")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	m := &monkey{
		kmodtest: filepath.Join(temp, "kmodtest"), cache: filepath.Join(temp, "cache"),
		binary: filepath.Join(temp, "chaos.test"), dir: filepath.Join(root, "tests"),
	}
	for _, args := range [][]string{{"build", "-o", m.kmodtest, "./cmd/kmodtest"}, {"test", "-c", "-o", m.binary, "./tests"}} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", args[0], err, out)
		}
	}
	// How long an undisturbed run takes says where the moments may lie.
	start := time.Now()
	if err := m.run(ctx); err != nil {
		return fmt.Errorf("undisturbed run: %w", err)
	}
	whole := time.Since(start)
	start = time.Now()
	if err := m.run(ctx); err != nil {
		return fmt.Errorf("undisturbed run: %w", err)
	}
	warm := time.Since(start)
	fmt.Printf("seed %d; first run %.1f s, warm run %.1f s\n", seed, whole.Seconds(), warm.Seconds())

	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		// Every other round has to make the snapshot first.
		span := warm
		if i%2 == 0 {
			if err := os.RemoveAll(filepath.Join(m.cache, "snapshot")); err != nil {
				return err
			}
			span = warm + 5*time.Second
		}
		after := time.Duration(rng.Int64N(int64(span)))
		if err := m.kill(ctx, after); err != nil {
			return fmt.Errorf("round %d, killed after %v: %w", i+1, after, err)
		}
		if err := m.run(ctx); err != nil {
			return fmt.Errorf("round %d: the run after a kill after %v: %w", i+1, after, err)
		}
		if left, err := os.ReadDir(filepath.Join(m.cache, ".tmp")); err == nil {
			// The run after may leave its lock's directory; content is a leak.
			for _, e := range left {
				if strings.HasPrefix(e.Name(), "snapshot") {
					return fmt.Errorf("round %d: %s is left in the cache", i+1, e.Name())
				}
			}
		}
		fmt.Printf("round %d of %d: killed after %v, next run green\n", i+1, n, after.Round(time.Millisecond))
	}
	return nil
}

func (m *monkey) command() *exec.Cmd {
	cmd := exec.Command(m.kmodtest, "exec", m.binary, "-test.run=^TestFamily$", "-test.v")
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "KMODTEST_CACHE="+m.cache, "KMODTEST_ACCEL=tcg")
	return cmd
}

// run is an undisturbed run, which has to be green.
func (m *monkey) run(ctx context.Context) error {
	cmd := m.command()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	out, err := cmd.CombinedOutput()
	if err == nil && !bytes.Contains(out, []byte("--- PASS: TestFamily")) {
		err = fmt.Errorf("it passed without its test")
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// kill starts a run, kills it, and waits for its QEMUs to go.
func (m *monkey) kill(ctx context.Context, after time.Duration) error {
	cmd := m.command()
	if err := cmd.Start(); err != nil {
		return err
	}
	select {
	case <-time.After(after):
	case <-ctx.Done():
	}
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()         // its status is what was done to it
	if ctx.Err() != nil {
		return ctx.Err()
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		left, err := m.orphans()
		if err != nil {
			return err
		}
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("QEMU is left behind: %s", strings.Join(left, ", "))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// orphans are the processes that have this cache on their command line.
func (m *monkey) orphans() ([]string, error) {
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var left []string
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err == nil && bytes.Contains(b, []byte("qemu-system")) && bytes.Contains(b, []byte(m.cache)) {
			left = append(left, filepath.Base(filepath.Dir(n)))
		}
	}
	return left, nil
}
