package kbuild

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/kernel"
)

// Info is what a module file says about itself.
type Info struct {
	Name       string
	Vermagic   string
	Srcversion string
	Depends    []string
	License    string
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
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	if f.Type != elf.ET_REL {
		return Info{}, fmt.Errorf("not a kernel module: its ELF type is %v", f.Type)
	}
	section := f.Section(".modinfo")
	if section == nil {
		return Info{}, errors.New("not a kernel module: it has no .modinfo")
	}
	text, err := section.Data()
	if err != nil {
		return Info{}, fmt.Errorf("read .modinfo: %w", err)
	}
	info := Info{HasDebug: f.Section(".debug_info") != nil}
	for _, kv := range strings.Split(string(text), "\x00") {
		key, value, _ := strings.Cut(kv, "=")
		switch key {
		case "name":
			info.Name = value
		case "vermagic":
			info.Vermagic = value
		case "srcversion":
			info.Srcversion = value
		case "license":
			info.License = value
		case "depends":
			info.Depends = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
		case "parmtype":
			name, _, _ := strings.Cut(value, ":")
			info.Params = append(info.Params, name)
		}
	}
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
		Srcversion: info.Srcversion, Depends: info.Depends, Digest: digest(data),
	}, nil
}
