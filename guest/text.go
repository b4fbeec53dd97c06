package guest

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A textRange is where one section of a module's code was.
type textRange struct {
	module string
	start  uint64
	koSection
}

// textRanges looks up where the kernel put the sections of a loaded module.
func textRanges(name string, ko *koFile) ([]textRange, error) {
	var out []textRange
	for _, sec := range ko.text {
		data, err := os.ReadFile("/sys/module/" + name + "/sections/" + sec.name)
		if errors.Is(err, os.ErrNotExist) {
			continue // .exit.text of a kernel that cannot unload
		}
		if err != nil {
			return nil, fmt.Errorf("find text of module %s: %w", name, err)
		}
		start, err := strconv.ParseUint(strings.TrimSpace(string(data)), 0, 64)
		if err != nil {
			return nil, fmt.Errorf("find text of module %s: %w", name, err)
		}
		out = append(out, textRange{name, start, sec})
	}
	return out, nil
}

// nameIn gives a bare address of the module its symbol back, and reports
// whether it could.
func nameIn(text []textRange, symbol string) (string, bool) {
	if !isBare(symbol) {
		return symbol, false
	}
	addr, err := strconv.ParseUint(symbol[2:], 16, 64)
	if err != nil {
		return symbol, false
	}
	for _, r := range text {
		if addr >= r.start && addr < r.start+r.size {
			return fmt.Sprintf("%s [%s]", r.symbol(addr-r.start), r.module), true
		}
	}
	return symbol, false
}
