package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// apt is the host's apt with a state of its own: its lists, its cache and an
// empty dpkg database below dir. What the host configured otherwise (proxies,
// credentials, time-outs) stays in force, since the private settings are read
// after the host's.
type apt struct {
	dir     string
	options []string
}

// source is one line of a private sources.list.
type source struct{ base, suite string }

// privateConf comes last among apt's configuration files. "#clear" takes away
// the hooks of the host, which would otherwise run on the host's own files.
const privateConf = `#clear APT::Update;
#clear APT::Default-Release;
#clear APT::Architectures;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::PDiffs "false";
// The store belongs to the user: apt's own user could not write to it.
APT::Sandbox::User "";
`

// open makes the private state. It is idempotent.
func (a apt) open() error {
	for _, d := range []string{"lists/partial", "cache/archives/partial", "log"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			return fmt.Errorf("make apt state: %w", err)
		}
	}
	conf := privateConf
	for _, kv := range [][2]string{
		{"Dir::State", ""}, {"Dir::State::lists", "lists/"}, {"Dir::State::status", "status"},
		{"Dir::State::extended_states", "extended_states"},
		{"Dir::Cache", "cache"}, {"Dir::Cache::archives", "archives/"},
		{"Dir::Cache::pkgcache", ""}, {"Dir::Cache::srcpkgcache", ""},
		{"Dir::Log", "log"},
	} {
		value := kv[1]
		if !strings.HasPrefix(kv[0], "Dir::Cache::") {
			value = filepath.Join(a.dir, value)
			if strings.HasSuffix(kv[1], "/") {
				value += "/"
			}
		}
		conf += fmt.Sprintf("%s %q;\n", kv[0], value)
	}
	if err := os.WriteFile(filepath.Join(a.dir, "apt.conf"), []byte(conf), 0o644); err != nil {
		return fmt.Errorf("write apt configuration: %w", err)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(a.dir, "status"), nil, 0o644),
		os.WriteFile(filepath.Join(a.dir, "preferences"), nil, 0o644))
}

// abandon removes the state again if there is nothing in it: a misspelt suite
// is no entry of the cache.
func (a apt) abandon() {
	for _, pattern := range []string{"lists/*Packages*", "debs/*"} {
		if found, _ := filepath.Glob(filepath.Join(a.dir, pattern)); len(found) > 0 {
			return
		}
	}
	_ = os.RemoveAll(a.dir)
}

// private are the options that replace the host's sources; hostSources leaves
// them out.
func (a apt) private() []string {
	return []string{
		"-oDir::Etc::sourcelist=" + filepath.Join(a.dir, "sources.list"),
		"-oDir::Etc::sourceparts=/dev/null",
		"-oDir::Etc::preferences=" + filepath.Join(a.dir, "preferences"),
		"-oDir::Etc::preferencesparts=/dev/null",
	}
}

func (a apt) run(ctx context.Context, dir string, args ...string) (string, error) {
	line := slices.Concat([]string{args[0], "-c" + filepath.Join(a.dir, "apt.conf"), "-q"}, a.private(), a.options, args[1:])
	return Command{Dir: dir, Args: line}.Run(ctx)
}

// hostSources lists what the host's own sources would fetch.
func (a apt) hostSources(ctx context.Context) (string, error) {
	return Command{Args: []string{"apt-get", "-c" + filepath.Join(a.dir, "apt.conf"),
		"update", "--print-uris"}}.Run(ctx)
}

// update fetches the indexes of sources and verifies their signatures.
func (a apt) update(ctx context.Context, keyring string, sources []source) error {
	if _, err := os.Stat(keyring); err != nil {
		return fmt.Errorf("find the archive's keyring %s: install the package debian-archive-keyring: %w", keyring, err)
	}
	var list strings.Builder
	for _, s := range sources {
		fmt.Fprintf(&list, "deb [arch=amd64 target=Packages signed-by=%s] %s %s main\n", keyring, s.base, s.suite)
	}
	if err := os.WriteFile(filepath.Join(a.dir, "sources.list"), []byte(list.String()), 0o644); err != nil {
		return fmt.Errorf("write apt sources: %w", err)
	}
	// Without this option apt keeps an old index when the new one cannot be
	// had, says so in a warning, and reports success.
	_, err := a.run(ctx, "", "apt-get", "update", "-oAPT::Update::Error-Mode=any")
	return err
}

// packages returns the content of the verified package indexes, one string
// per source.
func (a apt) packages(ctx context.Context) ([]string, error) {
	out, err := a.run(ctx, "", "apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages")
	if err != nil {
		return nil, fmt.Errorf("find package indexes: %w", err)
	}
	var texts []string
	for name := range strings.Lines(out) {
		// The host may keep indexes compressed in any way that apt knows.
		text, err := Command{Args: []string{aptHelper, "cat-file", strings.TrimSpace(name)}}.Run(ctx)
		if err != nil {
			return nil, fmt.Errorf("read package index: %w", err)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

const aptHelper = "/usr/lib/apt/apt-helper"
