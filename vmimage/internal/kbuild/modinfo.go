package kbuild

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// Info is what a module file says about itself.
type Info struct {
	Name       string
	Vermagic   string
	Srcversion string
	Depends    []string
	// Before are the modules of its MODULE_SOFTDEP("pre: …").
	Before  []string
	License string
	// Params are the names of its parameters.
	Params []string
	// HasDebug tells that it carries DWARF.
	HasDebug bool
}

// Release is the kernel release that the module was built for.
func (i Info) Release() string {
	release, _, _ := strings.Cut(i.Vermagic, " ")
	return release
}

// Inspect reads a module file, which may be compressed.
func Inspect(path string) (Info, error) {
	data, err := kernel.ReadModule(path)
	if err != nil {
		return Info{}, err
	}
	info, err := parse(data)
	if err != nil {
		return Info{}, fmt.Errorf("read module %s: %w", path, err)
	}
	return info, nil
}

func parse(data []byte) (Info, error) {
	fields, err := kernel.Modinfo(data)
	if err != nil {
		return Info{}, err
	}
	one := func(key string) string {
		if v := fields[key]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	info := Info{
		Name: one("name"), Vermagic: one("vermagic"), Srcversion: one("srcversion"), License: one("license"),
		Depends: strings.FieldsFunc(one("depends"), func(r rune) bool { return r == ',' }),
	}
	for _, soft := range fields["softdep"] {
		pre := false
		for word := range strings.FieldsSeq(soft) {
			switch {
			case strings.HasSuffix(word, ":"):
				pre = word == "pre:"
			case pre:
				info.Before = append(info.Before, word)
			}
		}
	}
	for _, p := range fields["parmtype"] {
		name, _, _ := strings.Cut(p, ":")
		info.Params = append(info.Params, name)
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	info.HasDebug = f.Section(".debug_info") != nil
	return info, nil
}

// ReleaseError tells that a module was built for another kernel.
type ReleaseError struct {
	Path, Module, Kernel string
}

func (e *ReleaseError) Error() string {
	return fmt.Sprintf("check module %s: it was built for kernel %s and cannot be loaded into %s; build it for that kernel",
		e.Path, e.Module, e.Kernel)
}

// Check compares a built module with the kernel that is to load it.
func Check(path string, k kernel.Kernel) (Info, error) {
	info, err := Inspect(path)
	if err != nil {
		return Info{}, err
	}
	if info.Release() != k.Release {
		return info, &ReleaseError{Path: path, Module: info.Release(), Kernel: k.Release}
	}
	return info, nil
}

// Prebuilt wraps a module that the user built, after checking that k can load
// it. Debug information is used as it is; nothing is copied.
func Prebuilt(path string, k kernel.Kernel) (Module, error) {
	info, err := Check(path, k)
	if err != nil {
		return Module{}, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Module{}, fmt.Errorf("read module: %w", err)
	}
	return Module{
		Name: info.Name, Path: path, Debug: path, Vermagic: info.Vermagic,
		Srcversion: info.Srcversion, Depends: info.Depends, Before: info.Before, Digest: digest(data),
	}, nil
}
