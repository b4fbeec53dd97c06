package bundle

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Bundle is a run that was not green.
type Bundle struct {
	// Options are the run's.
	Options run.Options
	// Package is how people name the package that was tested.
	Package string
	// Allow are the entries of the allow list.
	Allow []klog.Allow
	// Verdict is the run's; nil if Err says that there is none.
	Verdict *verdict.Verdict
	Err     error
	// Sweep, if not nil, says how a call was made to fail there and how that is judged,
	// as package fault has it; Options.Words are what makes it fail.
	Sweep []byte
	// EnvDropped are the names of the variables of the run's environment that the
	// bundle does not keep; what Open sets.
	EnvDropped []string
}

// manifest is bundle.json: the part of a Bundle that is no file of its own.
// Paths are those inside the bundle; Dir and Files are as they were on the
// machine that wrote it, and as they are in the guest.
type manifest struct {
	Version    int           `json:"version"`
	Package    string        `json:"package"`
	Kernel     kernelInfo    `json:"kernel"`
	Modules    []moduleInfo  `json:"modules"`
	Preload    []string      `json:"preload,omitempty"`
	Programs   []string      `json:"programs,omitempty"`
	Args       []string      `json:"args"`
	Dir        string        `json:"dir"`
	Env        []string      `json:"env"`
	EnvDropped []string      `json:"env_dropped,omitempty"`
	Modprobe   []string      `json:"modprobe,omitempty"`
	Setup      []string      `json:"setup,omitempty"`
	Teardown   []string      `json:"teardown,omitempty"`
	Files      []string      `json:"files,omitempty"`
	SourceRoot string        `json:"source_root"`
	Accel      vm.Accel      `json:"accel"`
	MemoryMiB  int           `json:"memory_mib"`
	CPUs       int           `json:"cpus"`
	KernelArgs []string      `json:"kernel_args,omitempty"`
	Devices    []string      `json:"devices,omitempty"`
	Isolation  run.Isolation `json:"isolation,omitempty"`
	Allow      []klog.Allow  `json:"allow,omitempty"`

	Words []graft.Word    `json:"words,omitempty"`
	Sweep json.RawMessage `json:"sweep,omitempty"`
}

type kernelInfo struct {
	Name    string `json:"name"`
	Series  string `json:"series"`
	Flavour string `json:"flavour"`
	Release string `json:"release"`
	Digest  string `json:"digest"`
	Symbols bool   `json:"symbols"`
	// Modules tells that the kernel's own modules are there.
	Modules bool `json:"modules,omitempty"`
}

type moduleInfo struct {
	Name       string   `json:"name"`
	Vermagic   string   `json:"vermagic"`
	Srcversion string   `json:"srcversion"`
	SourceDir  string   `json:"source_dir"`
	Digest     string   `json:"digest"`
	Depends    []string `json:"depends,omitempty"`
}

const version = 1

// The files of a bundle.
const (
	manifestFile = "bundle.json"
	verdictFile  = "verdict.json"
	imageFile    = "image/initramfs.cpio"
	kernelFile   = "kernel/vmlinuz"
	configFile   = "kernel/config"
	symbolsFile  = "kernel/System.map"
	modulesFile  = "kernel/modules"
	binaryFile   = "test/binary"
	rootDir      = "root"
)

func moduleFile(name string) string   { return "modules/" + name + ".ko" }
func debugFile(name string) string    { return "modules/debug/" + name + ".ko" }
func buildLogFile(name string) string { return "modules/" + name + ".build.log" }

// hasModules tells whether the bundle has the kernel's own modules: they are the
// larger part of it, and most runs load none.
func (b Bundle) hasModules() bool {
	return b.Options.ModuleArchive != "" && (b.Verdict == nil || b.Verdict.Modprobed)
}

func (b Bundle) manifest() manifest {
	o := b.Options
	m := manifest{
		Version: version, Package: b.Package, Args: o.Args, Dir: o.Dir, Files: o.Files, SourceRoot: o.SourceRoot,
		Accel: o.Accel, MemoryMiB: o.MemoryMiB, CPUs: o.CPUs, Devices: o.Devices, KernelArgs: o.KernelArgs, Isolation: o.Isolation, Allow: b.Allow, Words: o.Words, Sweep: b.Sweep,
		Kernel: kernelInfo{
			Name: o.Kernel.Name, Series: o.Kernel.Series, Flavour: o.Kernel.Flavour, Release: o.Kernel.Release,
			Digest: o.Kernel.Digest, Symbols: o.Kernel.Symbols != "", Modules: b.hasModules(),
		},
	}
	m.Env, m.EnvDropped = o.KeptEnv()
	m.Modprobe, m.Setup, m.Teardown = o.Modprobe, o.Setup, o.Teardown
	m.Files = append(slices.Clone(m.Files), slices.Sorted(maps.Keys(o.Placed))...)
	for _, mod := range o.Modules {
		i := moduleInfo{Name: mod.Name, Vermagic: mod.Vermagic, Srcversion: mod.Srcversion, SourceDir: mod.SourceDir, Digest: mod.Digest}
		for _, d := range mod.DependsPaths {
			i.Depends = append(i.Depends, "modules/depends/"+filepath.Base(d))
		}
		m.Modules = append(m.Modules, i)
	}
	for _, p := range o.Preload {
		m.Preload = append(m.Preload, "modules/depends/"+filepath.Base(p))
	}
	for _, p := range o.Programs {
		m.Programs = append(m.Programs, "programs/"+filepath.Base(p))
	}
	return m
}

// Open reads the bundle that was unpacked into dir; see [Unpack]. The verdict is
// that of the run that was kept.
func Open(dir string) (Bundle, error) {
	var m manifest
	if err := readJSON(filepath.Join(dir, manifestFile), &m); err != nil {
		return Bundle{}, fmt.Errorf("read bundle: %w", err)
	}
	if m.Version != version {
		return Bundle{}, fmt.Errorf("read bundle: its version is %d, this kmodtest reads %d", m.Version, version)
	}
	if err := m.check(); err != nil {
		return Bundle{}, fmt.Errorf("read bundle: %w", err)
	}
	in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	b := Bundle{Package: m.Package, Allow: m.Allow, EnvDropped: m.EnvDropped, Sweep: m.Sweep, Options: run.Options{
		Kernel: kernel.Kernel{
			Name: m.Kernel.Name, Series: m.Kernel.Series, Flavour: m.Kernel.Flavour, Release: m.Kernel.Release, Digest: m.Kernel.Digest,
			Image: in(kernelFile), Config: in(configFile),
		},
		SourceRoot: m.SourceRoot, Binary: in(binaryFile), Args: m.Args, Dir: m.Dir, Env: m.Env, Files: m.Files, Root: in(rootDir),
		Accel: m.Accel, MemoryMiB: m.MemoryMiB, CPUs: m.CPUs, Devices: m.Devices, KernelArgs: m.KernelArgs, Isolation: m.Isolation, Modprobe: m.Modprobe,
		Setup: m.Setup, Teardown: m.Teardown, Words: m.Words,
	}}
	b.Options.Image.Path, b.Options.Image.Digest = in(imageFile), "bundle"
	if m.Kernel.Modules {
		b.Options.ModuleArchive = in(modulesFile)
	}
	if m.Kernel.Symbols {
		b.Options.Kernel.Symbols = in(symbolsFile)
	}
	for _, i := range m.Modules {
		var mod run.Module
		mod.Name, mod.Vermagic, mod.Srcversion, mod.SourceDir, mod.Digest = i.Name, i.Vermagic, i.Srcversion, i.SourceDir, i.Digest
		mod.Path, mod.Debug = in(moduleFile(i.Name)), in(debugFile(i.Name))
		for _, d := range i.Depends {
			mod.DependsPaths = append(mod.DependsPaths, in(d))
		}
		b.Options.Modules = append(b.Options.Modules, mod)
	}
	for _, p := range m.Preload {
		b.Options.Preload = append(b.Options.Preload, in(p))
	}
	for _, p := range m.Programs {
		b.Options.Programs = append(b.Options.Programs, in(p))
	}
	for i := range m.Allow {
		if err := m.Allow[i].Compile(); err != nil {
			return Bundle{}, fmt.Errorf("read bundle: allow: %w", err)
		}
	}
	b.Options.Allow = klog.NewAllowList(m.Allow)
	if _, err := os.Stat(in(verdictFile)); err == nil {
		b.Verdict = new(verdict.Verdict)
		if err := readJSON(in(verdictFile), b.Verdict); err != nil {
			return Bundle{}, fmt.Errorf("read bundle: %w", err)
		}
	}
	return b, nil
}

// check refuses paths that lead out of the bundle, which comes from elsewhere.
func (m manifest) check() error {
	inside := slices.Concat(m.Preload, m.Programs)
	for _, i := range m.Modules {
		inside = append(append(inside, moduleFile(i.Name)), i.Depends...)
	}
	for _, p := range append([]string{m.Dir}, m.Files...) {
		if !filepath.IsAbs(p) {
			return fmt.Errorf("%q is not absolute", p)
		}
		inside = append(inside, strings.TrimLeft(p, "/"))
	}
	for _, p := range inside {
		if !filepath.IsLocal(p) {
			return fmt.Errorf("%q leads out of the bundle", p)
		}
	}
	return nil
}

func readJSON(name string, v any) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return nil
}
