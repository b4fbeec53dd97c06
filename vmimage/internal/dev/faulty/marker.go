package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// marker stands on the line of C that a report should name.
const marker = "/* FAULT */"

// dir is where a module's sources are, below the root of kmodtest's source.
func dir(module string) string {
	return "tests/faulty/" + strings.TrimPrefix(module, "faulty_")
}

// Place returns "file:line" of the marked line of a module, relative to root.
// No line number is written down anywhere: it would be wrong after the next
// change.
func Place(root, module string) (string, error) {
	file := filepath.Join(dir(module), module+".c")
	b, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return "", fmt.Errorf("find marked line: %w", err)
	}
	line := 0
	for l := range strings.Lines(string(b)) {
		line++
		if strings.Contains(l, marker) {
			return fmt.Sprintf("%s:%d", file, line), nil
		}
	}
	return "", fmt.Errorf("find marked line: %s has none", file)
}
