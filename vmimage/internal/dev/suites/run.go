package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/kmodtest/kmodtest/vmimage"
)

// runner runs suites with a command.
type runner struct{ kmodtest, keep string }

// run runs a suite on a kernel, through the front door, and returns a verdict for
// each package. That tests fail is no error.
func (r runner) run(ctx context.Context, s Suite, kernel string) ([]vmimage.Verdict, error) {
	name := strings.NewReplacer("/", "_").Replace(s.Module) + "-" + kernel
	dir := filepath.Join(r.keep, name)
	if err := r.get(ctx, s, dir); err != nil {
		return nil, err
	}
	config, err := s.config(kernel)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "kmodtest.toml"), config, 0o644); err != nil {
		return nil, err
	}
	verdicts, log := filepath.Join(r.keep, name+".json"), filepath.Join(r.keep, name+".log")
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	args := append([]string{"test", "-kernel", kernel, "-verdict", verdicts, "-v"}, s.Args...)
	cmd := exec.CommandContext(ctx, r.kmodtest, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	runErr := cmd.Run()
	f, err := os.Open(verdicts)
	if err != nil {
		b, _ := os.ReadFile(log)
		return nil, fmt.Errorf("%w (kmodtest: %w)\n%s", err, runErr, b)
	}
	defer f.Close()
	return vmimage.ReadVerdicts(f)
}

// get copies the module from the cache of the go command, which fetches and
// verifies it, to dir: a suite may write to its own directory.
func (r runner) get(ctx context.Context, s Suite, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", s.Module+"@"+s.Version)
	cmd.Dir = os.TempDir()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("fetch %s: %w\n%s%s", s.Module, err, out, stderr.Bytes())
	}
	var got struct{ Dir string }
	if err := json.Unmarshal(out, &got); err != nil {
		return fmt.Errorf("fetch %s: %w", s.Module, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(got.Dir)); err != nil {
		return fmt.Errorf("copy %s: %w", s.Module, err)
	}
	// The cache is read-only, and so is the copy of its directories.
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755)
	})
}

// unseen are variables that change what tests do, by no choice of the suite's: on a
// machine of a CI service some are skipped, and others want more than one processor.
var unseen = []string{"CI", "GITHUB_ACTIONS", "GOMAXPROCS", "GODEBUG", "GOGC", "GOMEMLIMIT"}

// config is the suite's kmodtest.toml.
func (s Suite) config(kernel string) ([]byte, error) {
	guest := maps.Clone(s.Guest)
	if guest == nil {
		guest = make(map[string]any)
	}
	maps.Copy(guest, s.ByKernel[kernel])
	env := make(map[string]any)
	for _, name := range unseen {
		env[name] = false
	}
	if own, ok := guest["env"].(map[string]any); ok {
		maps.Copy(env, own)
	}
	guest["env"] = env
	tables := map[string]any{"guest": guest}
	if s.Tests != nil {
		tables["tests"] = s.Tests
	}
	b, err := toml.Marshal(tables)
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return b, nil
}
