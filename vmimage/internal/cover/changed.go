package cover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// CheckCommit returns an error unless git knows the commit in dir.
func CheckCommit(ctx context.Context, dir, commit string) error {
	cmd := kernel.Command{Dir: dir, Args: []string{"git", "rev-parse", "--verify", "--quiet", "--end-of-options", commit + "^{commit}"}}
	if _, err := cmd.Run(ctx); err != nil {
		return fmt.Errorf("find lines that changed since %s: git knows no such commit in %s: %w", commit, dir, err)
	}
	return nil
}

// Changed are the lines of the profiles' files that differ from those of a commit,
// by file: what git has of it in the working tree. All lines of a file that the
// commit does not have are new, whether git knows the file by now or not.
func Changed(ctx context.Context, all []Profile, commit string) (map[string][]int, error) {
	changed := make(map[string][]int)
	for _, p := range all {
		for _, name := range slices.Sorted(maps.Keys(p.Files)) {
			if _, ok := changed[name]; ok {
				continue
			}
			lines, err := changedLines(ctx, name, p.Files[name], commit)
			if err != nil {
				return nil, fmt.Errorf("find lines that changed since %s: %w", commit, err)
			}
			changed[name] = lines
		}
	}
	return changed, nil
}

func changedLines(ctx context.Context, name string, f *File, commit string) ([]int, error) {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return nil, nil // the build has made it
	}
	git := func(args ...string) (string, error) {
		return kernel.Command{Dir: filepath.Dir(name), Args: append([]string{"git"}, args...)}.Run(ctx)
	}
	// The name of a commit must not pass for an option.
	had, err := git("ls-tree", "--name-only", "--end-of-options", commit, "--", filepath.Base(name))
	if err != nil {
		return nil, err
	}
	if had == "" {
		return slices.Sorted(maps.Keys(f.Lines)), nil
	}
	diff, err := git("diff", "--no-color", "--no-ext-diff", "--unified=0", "--end-of-options", commit, "--", filepath.Base(name))
	return added(diff), err
}

var hunk = regexp.MustCompile(`(?m)^@@ -[0-9,]+ \+(\d+)(?:,(\d+))? @@`)

// added are the lines that a diff without context adds.
func added(diff string) []int {
	lines := []int{}
	for _, m := range hunk.FindAllStringSubmatch(diff, -1) {
		first, _ := strconv.Atoi(m[1])
		n := 1
		if m[2] != "" {
			n, _ = strconv.Atoi(m[2])
		}
		for i := range n {
			lines = append(lines, first+i)
		}
	}
	return lines
}

// Place is a line of a file.
type Place struct {
	File string
	Line int
}

// MissedOf are those of the lines that did not run.
func MissedOf(all []Profile, changed map[string][]int) []Place {
	var out []Place
	for _, p := range all {
		for _, name := range slices.Sorted(maps.Keys(p.Files)) {
			for _, n := range changed[name] {
				if l := p.Files[name].Lines[n]; l != nil && l.Count == 0 {
					out = append(out, Place{name, n})
				}
			}
		}
	}
	return out
}

// Ranges writes lines as "12-14, 20".
func Ranges(lines []int) string {
	var parts []string
	for i := 0; i < len(lines); {
		j := i
		for j+1 < len(lines) && lines[j+1] == lines[j]+1 {
			j++
		}
		if i == j {
			parts = append(parts, strconv.Itoa(lines[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", lines[i], lines[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}
