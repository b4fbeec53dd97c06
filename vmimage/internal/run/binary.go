package run

import (
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// CheckBinary returns an error unless the file at path can run in a guest, which
// has no shared libraries: a static ELF executable for x86-64.
func CheckBinary(path string) error {
	f, err := elf.Open(path)
	var format *elf.FormatError
	if errors.As(err, &format) {
		return fmt.Errorf("check test binary: %s is no ELF executable: compile it with GOOS=linux GOARCH=amd64", path)
	}
	if err != nil {
		return fmt.Errorf("check test binary: %w", err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 || f.Class != elf.ELFCLASS64 {
		return fmt.Errorf("check test binary: %s is for %s, the guest is x86-64: compile it with GOARCH=amd64",
			path, strings.TrimPrefix(f.Machine.String(), "EM_"))
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("check test binary: %s is dynamically linked, the guest has no shared libraries: compile it with CGO_ENABLED=0", path)
		}
	}
	return nil
}
