package session

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
)

// modulePath is the path of kmodtest's own Go module.
const modulePath = "github.com/kmodtest/kmodtest"

// findSource returns the directory of kmodtest's own source: the first of the
// hints that holds it, or what the go command knows of it in dir. It is needed
// to build the image.
func findSource(ctx context.Context, goCommand, dir string, hints []string) (string, error) {
	for _, h := range hints {
		if h == "" {
			continue
		}
		b, err := os.ReadFile(h + "/go.mod")
		if err == nil && strings.HasPrefix(string(b), "module "+modulePath+"\n") {
			return h, nil
		}
	}
	cmd := exec.CommandContext(ctx, goCommand, "list", "-m", "-f", "{{.Dir}}", modulePath)
	cmd.Dir = dir
	if out, err := cmd.Output(); err == nil {
		if d := strings.TrimSpace(string(out)); d != "" {
			return d, nil
		}
	}
	return "", errors.New("find kmodtest's source, which the guest's image is built from: run `go get " + modulePath + "`, or name its directory in KMODTEST_SOURCE")
}
