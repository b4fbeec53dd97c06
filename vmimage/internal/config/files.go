package config

import (
	"errors"
	"fmt"
	"path/filepath"
)

// readFiles makes Files or Placed of FileKeys.
func (t *Tests) readFiles() error {
	switch keys := t.FileKeys.(type) {
	case nil:
	case []any:
		for _, k := range keys {
			name, ok := k.(string)
			if !ok {
				return fmt.Errorf("tests: files has %v, which is no path", k)
			}
			t.Files = append(t.Files, name)
		}
	case map[string]any:
		t.Placed = make(map[string]string)
		for name, value := range keys {
			file, ok := value.(string)
			if !ok || file == "" {
				return fmt.Errorf("tests: files: %s is %v, which is no path", name, value)
			}
			if !filepath.IsAbs(name) || filepath.Clean(name) == "/" {
				return fmt.Errorf("tests: files: %q is no absolute path in the guest", name)
			}
			t.Placed[filepath.Clean(name)] = file
		}
	default:
		return errors.New("tests: files is neither a list of paths nor a table of them")
	}
	t.FileKeys = nil
	return nil
}
