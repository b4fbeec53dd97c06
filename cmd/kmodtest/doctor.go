package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/version"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest"
	"github.com/kmodtest/kmodtest/vmimage"
)

var doctorCommand = command{
	name:    "doctor",
	summary: "tell what this machine lacks, and the remedy",
	usage:   "[flags]",
	help: `doctor checks everything that a run needs of this machine. What is missing is told
with its remedy; with -fix it is installed, as root or through sudo. The status is
1 if something that is needed is missing. KVM is welcome, not needed.

Examples:

	kmodtest doctor
	kmodtest doctor -fix
`,
	run: runDoctor,
}

// finding is the outcome of one check.
type finding struct {
	name string
	// detail is what was found, or what is wrong.
	detail string
	// missing tells that it is not there, needed that nothing works without.
	missing, needed bool
	// pkg is the package to install, remedy what to do if that is no package.
	pkg, remedy string
}

// requirement is a program that the host side runs.
type requirement struct {
	program, pkg, use string
	optional          bool
}

var requirements = []requirement{
	{"qemu-system-x86_64", "qemu-system-x86", "runs the guests", false},
	{"setpriv", "util-linux", "ends QEMU when kmodtest ends", false},
	{"make", "make", "builds modules", false},
	{"objcopy", "binutils", "splits off a module's debug information", false},
	{"gcc", "gcc", "builds modules; one of another generation than the kernel's is left alone and the right one fetched", true},
	{"apt-get", "apt", "reads the archive's signed index", false},
	{"dpkg-deb", "dpkg", "unpacks kernels", false},
}

func runDoctor(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.settings.Register(fs, "doctor")
	fix := fs.Bool("fix", false, "install what is missing, as root or through sudo")
	if err := noArguments(fs, args); err != nil {
		return err
	}
	s, err := a.open()
	if err != nil {
		return err
	}
	found := examine(ctx, s)
	if pkgs := packages(found); *fix && len(pkgs) > 0 {
		if err := install(ctx, a.stderr, pkgs); err != nil {
			return err
		}
		found = examine(ctx, s)
	}
	bad := false
	for _, f := range found {
		mark := "ok     "
		if f.missing {
			mark = "absent "
			if f.needed {
				mark, bad = "MISSING", true
			}
		}
		printLine(a.stdout, "%s  %-24s %s", mark, f.name, f.detail)
		if f.missing && f.remedy != "" {
			printLine(a.stdout, "%35s→ %s", "", f.remedy)
		}
	}
	if pkgs := packages(found); len(pkgs) > 0 {
		printLine(a.stdout, "\nRemedy: %s %s", strings.Join(aptInstall, " "), strings.Join(pkgs, " "))
	}
	if bad {
		return exitError(1)
	}
	return nil
}

// examine runs every check.
func examine(ctx context.Context, s *vmimage.Session) []finding {
	found := []finding{goFinding(ctx, "")}
	for _, r := range requirements {
		f := finding{name: r.program, needed: !r.optional, pkg: r.pkg}
		path, err := vmimage.Tool(r.program)
		f.missing, f.detail = err != nil, path
		if err != nil {
			f.detail = "not in PATH: " + r.use
		}
		found = append(found, f)
	}
	return append(found, headersFinding(), keyringFinding(s), archiveFinding(ctx, s), spaceFinding(s.CacheDir()), kvmFinding(ctx, s))
}

// goFinding checks the go command, which builds tests and the guest's image.
func goFinding(ctx context.Context, dir string) finding {
	want := kmodtest.GoVersion()
	f := finding{name: "go", needed: true, remedy: "install Go " + want + " or later, and put it into PATH"}
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOTOOLCHAIN")
	cmd.Dir = dir
	out, err := cmd.Output()
	var failed *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		f.missing, f.detail = true, "not in PATH: builds the tests and the guest's image"
		return f
	case errors.As(err, &failed):
		f.missing, f.detail = true, fmt.Sprintf("go env: %v: %s", err, bytes.TrimSpace(failed.Stderr))
		return f
	case err != nil:
		f.missing, f.detail = true, err.Error()
		return f
	}
	has, toolchain, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	f.detail = has
	if !goOlder(has, want) {
		return f
	}
	// An older go command fetches the toolchain that a go.mod asks for, unless it
	// may use its own only, or what is in PATH.
	choice, _, _ := strings.Cut(toolchain, "+")
	if choice == "auto" || strings.HasSuffix(toolchain, "+auto") {
		f.detail += ", which fetches Go " + want
		return f
	}
	f.missing, f.detail = true, fmt.Sprintf("%s, with GOTOOLCHAIN=%s: the guest's image needs Go %s", has, toolchain, want)
	f.remedy += "; or set GOTOOLCHAIN=auto, with which go fetches it"
	return f
}

// goOlder tells whether what go env GOVERSION says is older than the version of
// a go line. One that is no release ("devel go1.27-…") is what follows "go".
func goOlder(has, want string) bool {
	if _, after, ok := strings.Cut(has, "devel "); ok {
		has = after
	}
	has, _, _ = strings.Cut(has, " ")
	// A development version is later than all that it is named after.
	has, _, _ = strings.Cut(has, "-")
	return version.Compare(has, "go"+want) < 0
}

// headersFinding checks the C library's headers. A run does without, but Go uses
// cgo as soon as there is a gcc, which only recommends them.
func headersFinding() finding {
	f := finding{name: "stdlib.h", detail: "/usr/include/stdlib.h", pkg: "libc6-dev"}
	if _, err := os.Stat(f.detail); err != nil {
		f.missing, f.detail = true, "not in /usr/include: where there is a gcc, go build wants it for cgo"
	}
	return f
}

func keyringFinding(s *vmimage.Session) finding {
	f := finding{name: "archive keyring", detail: s.Keyring(), needed: true, pkg: "debian-archive-keyring"}
	if _, err := os.Stat(s.Keyring()); err != nil {
		f.missing, f.detail = true, fmt.Sprintf("%v: verifies the archive's index", err)
	}
	return f
}

// archiveFinding asks where kernels come from; it fetches nothing.
func archiveFinding(ctx context.Context, s *vmimage.Session) finding {
	f := finding{name: "Debian's archive", needed: true}
	where, tool, err := s.Archive(ctx)
	if f.detail = where; err != nil {
		f.missing, f.detail = true, err.Error()
		if !tool {
			f.pkg = "python-apt-common"
		}
	}
	return f
}

// packages are those that mend what is missing, each once.
func packages(found []finding) []string {
	var pkgs []string
	for _, f := range found {
		if f.missing && f.pkg != "" && !slices.Contains(pkgs, f.pkg) {
			pkgs = append(pkgs, f.pkg)
		}
	}
	return pkgs
}

// aptInstall installs what is named after it. What the packages recommend would
// be a desktop's worth: QEMU's windows and sounds.
var aptInstall = []string{"apt-get", "install", "--no-install-recommends"}

// install installs packages, as root or through a sudo that asks nothing.
func install(ctx context.Context, out io.Writer, pkgs []string) error {
	line := slices.Concat(aptInstall, []string{"-y"}, pkgs)
	update := []string{"apt-get", "update"}
	if os.Geteuid() != 0 {
		if exec.CommandContext(ctx, "sudo", "-n", "true").Run() != nil {
			return fmt.Errorf("install %[1]s: not root, and sudo wants a password or is not there: run as root: %[2]s %[1]s",
				strings.Join(pkgs, " "), strings.Join(aptInstall, " "))
		}
		line, update = append([]string{"sudo", "-n"}, line...), append([]string{"sudo", "-n"}, update...)
	}
	for _, args := range [][]string{update, line} {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("run %s: %w", strings.Join(args, " "), err)
		}
	}
	return nil
}
