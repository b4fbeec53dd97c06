package dkms

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// Source is the unpacked source of a DKMS package.
type Source struct {
	// Dir holds dkms.conf.
	Dir string
	// Name tells people what it is: "v4l2loopback-dkms 0.12.7-2".
	Name string
	// Needs are the sources of packages that have to be there before.
	Needs []Source
	// Headers are directories of packages with headers that it is built with, as
	// kbuild.Recipe has them.
	Headers []string
}

// Fetch gets a package of a suite by its Debian name, "v4l2loopback-dkms", and
// the DKMS packages that it depends on, with the headers that come with those.
func Fetch(ctx context.Context, o kernel.Options, suite, name string) (Source, error) {
	isDKMS := func(n string) bool { return strings.HasSuffix(n, "-dkms") }
	all, err := kernel.GetPackage(ctx, o, suite, name, isDKMS)
	if err != nil {
		return Source{}, err
	}
	var sources []Source
	var headers []string
	for _, u := range all {
		if u.Package.Name != name && !isDKMS(u.Package.Name) {
			include := filepath.Join(u.Dir, "usr/include")
			if _, err := os.Stat(include); err == nil {
				headers = append(headers, include)
			}
			continue
		}
		s, err := find(u.Dir, u.Package.Name+" "+u.Package.Version)
		if err != nil {
			return Source{}, err
		}
		sources = append(sources, s)
	}
	last := len(sources) - 1
	sources[last].Needs, sources[last].Headers = sources[:last], headers
	return sources[last], nil
}

// Unpack gets the package in a .deb file.
func Unpack(ctx context.Context, o kernel.Options, path string) (Source, error) {
	dir, err := kernel.UnpackDeb(ctx, o, path)
	if err != nil {
		return Source{}, err
	}
	return find(dir, filepath.Base(path))
}

// find finds the source of a package where Debian's have it.
func find(dir, name string) (Source, error) {
	found, err := filepath.Glob(filepath.Join(dir, "usr/src/*", FileName))
	if err != nil {
		return Source{}, err
	}
	switch len(found) {
	case 0:
		return Source{}, fmt.Errorf("find %s in %s: it has none below usr/src; it is no DKMS package", FileName, name)
	case 1:
		return Source{Dir: filepath.Dir(found[0]), Name: name}, nil
	}
	return Source{}, errors.New("find " + FileName + " in " + name + ": it has several: " + strings.Join(found, ", "))
}
