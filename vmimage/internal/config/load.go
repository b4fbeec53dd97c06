package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"
)

// Find looks for the configuration file in dir and its parents. It returns
// fs.ErrNotExist if there is none.
func Find(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", FileName, err)
	}
	for d := dir; ; d = filepath.Dir(d) {
		p := filepath.Join(d, FileName)
		if fi, err := os.Stat(p); err == nil && fi.Mode().IsRegular() {
			return p, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("find %s in %s and its parents: %w", FileName, dir, os.ErrNotExist)
		}
	}
}

// Load reads the file at path. Kernels come from defaults, the configuration
// of kmodtest itself, where the file names none.
func Load(path string, defaults []byte) (*Config, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c, at, err := parse(path, b)
	if err != nil {
		return nil, err
	}
	c.Path, c.Dir = path, filepath.Dir(path)
	for i := range c.Modules {
		if m := &c.Modules[i]; m.Prebuilt != "" {
			m.Prebuilt = c.abs(m.Prebuilt)
			continue
		}
		c.Modules[i].Dir = c.abs(c.Modules[i].Dir)
		if fi, err := os.Stat(c.Modules[i].Dir); err != nil || !fi.IsDir() {
			return nil, &Error{path, at.line(fmt.Sprintf("module[%d].dir", i)), fmt.Sprintf("module %s: %s is no directory", c.Modules[i].Name, c.Modules[i].Dir)}
		}
	}
	for i := range c.Trees {
		c.Trees[i].Dir = c.abs(c.Trees[i].Dir)
		if fi, err := os.Stat(c.Trees[i].Dir); err != nil || !fi.IsDir() {
			return nil, &Error{path, at.line(fmt.Sprintf("tree[%d]", i)), fmt.Sprintf("tree: %s is no directory", c.Trees[i].Dir)}
		}
	}
	for i := range c.Tests.Files {
		c.Tests.Files[i] = c.abs(c.Tests.Files[i])
	}
	for name, file := range c.Tests.Placed {
		c.Tests.Placed[name] = c.abs(file)
	}
	for i := range c.Tests.Outputs {
		c.Tests.Outputs[i] = c.abs(c.Tests.Outputs[i])
	}
	if len(c.Kernels) == 0 {
		d, err := Default(defaults)
		if err != nil {
			return nil, err
		}
		c.Kernels = d.Kernels
	}
	return c, nil
}

// Default is the configuration of a package without a file: no module, and the
// kernels of defaults.
func Default(defaults []byte) (*Config, error) {
	c, _, err := parse("built-in "+FileName, defaults)
	if err != nil {
		return nil, err
	}
	return &Config{Kernels: c.Kernels}, nil
}

func (c *Config) abs(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(c.Dir, p)
}

func parse(path string, b []byte) (*Config, positions, error) {
	c := new(Config)
	if err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(c); err != nil {
		return nil, nil, decodeError(path, err)
	}
	at := findPositions(b)
	if err := c.Tests.readFiles(); err != nil {
		return nil, nil, &Error{path, at.line("tests.files"), err.Error()}
	}
	if err := c.validate(path, at); err != nil {
		return nil, nil, err
	}
	return c, at, nil
}
