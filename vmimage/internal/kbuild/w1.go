package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// envExtraWarnings is W=1 without a command line: kbuild exports it to itself.
const envExtraWarnings = "KBUILD_EXTRA_WARN=1"

// runsMake reports whether a command is make and nothing else, directly or from a
// shell, in whose quotes dkms.conf may have it. Only such a command gets W=1: a
// ./configure, or a command around make, takes what the compiler and modpost say for
// its answer. OpenAFS ends its build where a line begins with WARNING, as those of
// modpost -W do.
func runsMake(args []string) bool {
	if len(args) == 3 && args[1] == "-c" {
		if strings.ContainsAny(args[2], ";|&<>`\n") {
			return false
		}
		args = strings.Fields(args[2])
	}
	return len(args) > 0 && strings.Trim(args[0], "'\"\\") == "make"
}

// warningFiles hold kbuild's warnings, under an older and a newer name.
var warningFiles = []string{"scripts/Makefile.extrawarn", "scripts/Makefile.warn"}

// lenient returns the compiler options that keep the warnings of W=1 from
// being errors under the -Werror of a tree. A warning that the tree asks for
// by name stays what the tree makes of it. ok tells whether W=1 can be had
// without changing what builds.
func lenient(ctx context.Context, k kernel.Kernel, t tools, makefiles string) (flags []string, ok bool, err error) {
	if !strings.Contains(makefiles, "-Werror") {
		return nil, true, nil
	}
	var names []string
	for _, file := range warningFiles {
		data, err := os.ReadFile(filepath.Join(k.SourceDir, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, false, fmt.Errorf("read warnings of kbuild: %w", err)
		}
		names = append(names, parseExtraWarnings(data)...)
	}
	if len(names) == 0 {
		return nil, false, nil // a kbuild that nobody knows yet
	}
	// A warning that the compiler does not know would be an error.
	known, err := t.command([]string{t.cc, "-Q", "--help=warnings"}).Run(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("list warnings of the compiler: %w", err)
	}
	for _, name := range names {
		if !strings.Contains(known, " -W"+name+" ") && !strings.Contains(known, " -W"+name+"\t") {
			continue
		}
		if !regexp.MustCompile(`-W(error=)?` + regexp.QuoteMeta(name) + `\b`).MatchString(makefiles) {
			flags = append(flags, "-Wno-error="+name)
		}
	}
	return flags, true, nil
}

// warningName matches -Wextra, -Wno-main and $(call cc-disable-warning, main),
// and leaves out options with a value.
var warningName = regexp.MustCompile(`(?:-W(?:no-)?|cc-disable-warning, *)([a-z][a-z0-9-]*)([=a-z0-9-]*)`)

// parseExtraWarnings returns the warnings that differ between W=1 and a plain
// build: those that the block of W=1 in scripts/Makefile.extrawarn switches on,
// and those that its else branch switches off. Clang's are not gcc's.
func parseExtraWarnings(makefile []byte) (names []string) {
	var blocks []string
	for line := range bytes.Lines(makefile) {
		l, _, _ := strings.Cut(string(line), "#")
		l = strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(l, "if"):
			if len(blocks) > 0 || strings.Contains(l, "findstring 1,") {
				blocks = append(blocks, l)
			}
			continue
		case len(blocks) == 0:
			continue
		case l == "endif":
			blocks = blocks[:len(blocks)-1]
			continue
		}
		if slices.ContainsFunc(blocks, func(b string) bool { return strings.Contains(b, "CLANG") || strings.Contains(b, "clang") }) {
			continue
		}
		for _, m := range warningName.FindAllStringSubmatch(l, -1) {
			if m[2] == "" && !slices.Contains(names, m[1]) {
				names = append(names, m[1])
			}
		}
	}
	return names
}
