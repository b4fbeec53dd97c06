package cover

import (
	"debug/dwarf"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
)

// without says which files of the module have code that counts nothing, and why;
// empty is none that is known of.
func without(o *graft.Object, counting []function) string {
	d, err := o.DWARF()
	if err != nil {
		if len(counting) == 0 {
			return "none of its functions counts, and without debug information nothing says which files it was made of"
		}
		return ""
	}
	var assembly, c []string
	for r := d.Reader(); ; {
		unit, err := r.Next()
		if unit == nil || err != nil {
			break
		}
		name, _ := unit.Val(dwarf.AttrName).(string)
		producer, _ := unit.Val(dwarf.AttrProducer).(string)
		base := filepath.Base(name)
		stem := strings.TrimSuffix(base, filepath.Ext(base))
		switch {
		case strings.HasPrefix(producer, "GNU AS"):
			assembly = append(assembly, base)
		case strings.HasSuffix(stem, ".mod"), stem == "module-common":
			// modpost made it.
		case slices.ContainsFunc(counting, func(f function) bool {
			return strings.TrimSuffix(filepath.Base(f.unit), filepath.Ext(f.unit)) == stem
		}):
		case hasCode(r):
			c = append(c, base)
			continue
		}
		r.SkipChildren()
	}
	var why []string
	if len(assembly) > 0 {
		why = append(why, fmt.Sprintf("%s is assembly, where no compiler counts", strings.Join(assembly, ", ")))
	}
	if len(c) > 0 {
		why = append(why, fmt.Sprintf("%s came out without counters: its makefile takes the options of the compiler away (KBUILD_CFLAGS :=, CFLAGS_REMOVE, a compiler of its own)", strings.Join(c, ", ")))
	}
	return strings.Join(why, "; ")
}

// hasCode reads the children of a unit, and tells whether one is a function with
// code.
func hasCode(r *dwarf.Reader) bool {
	found := false
	for {
		e, err := r.Next()
		if e == nil || err != nil || e.Tag == 0 {
			return found
		}
		if e.Tag == dwarf.TagSubprogram && (e.Val(dwarf.AttrLowpc) != nil || e.Val(dwarf.AttrRanges) != nil) {
			found = true
		}
		r.SkipChildren()
	}
}
