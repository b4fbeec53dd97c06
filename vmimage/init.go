package vmimage

import "github.com/kmodtest/kmodtest/vmimage/internal/scaffold"

// ProjectFile is a file of a project that [InitProject] made or found.
type ProjectFile struct {
	// Path is absolute.
	Path string
	// Kept tells that it was there already and is as it was.
	Kept bool
}

// InitProject writes what the folder dir, an absolute path, lacks of a project that
// is tested with kmodtest: kmodtest.toml, a first test, go.mod, a workflow for
// GitHub Actions. It overwrites nothing. version is that of kmodtest for go.mod,
// "v1.2.3", or empty; goVersion that of Go, "1.26.0". It is an error if nothing in
// dir tells how to build a module.
func InitProject(dir, version, goVersion string) ([]ProjectFile, error) {
	files, _, err := scaffold.Init(scaffold.Options{Dir: dir, Version: version, Go: goVersion})
	var all []ProjectFile
	for _, f := range files {
		all = append(all, ProjectFile(f))
	}
	return all, err
}
