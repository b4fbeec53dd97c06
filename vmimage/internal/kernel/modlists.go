package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kmodtest/kmodtest/internal/modarchive"
)

// addLists adds the lists that depmod(8) makes when a package is installed, which
// these packages never are, and those that the package has itself: programs look
// for them in /lib/modules.
func (k Kernel) addLists(w *modarchive.Writer, mods []modarchive.Module) error {
	for _, l := range []struct {
		name string
		text string
	}{
		{"modules.dep", depList(mods)}, {"modules.alias", aliasList(mods)}, {"modules.softdep", softdepList(mods)},
		{modarchive.DevnameList, devnameList(mods)},
	} {
		if err := w.AddFile(l.name, []byte(l.text)); err != nil {
			return err
		}
	}
	for _, name := range []string{"modules.order", "modules.builtin", "modules.builtin.modinfo"} {
		b, err := os.ReadFile(filepath.Join(k.Modules, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // an older kernel, or one of the user's own
		}
		if err != nil {
			return err
		}
		if err := w.AddFile(name, b); err != nil {
			return err
		}
	}
	return nil
}

// depList is modules.dep: for each module all that it depends on, the nearest
// first, so that loading them from the end on works.
func depList(mods []modarchive.Module) string {
	byName := make(map[string]modarchive.Module)
	for _, m := range mods {
		byName[m.Name] = m
	}
	var b strings.Builder
	for _, m := range mods {
		// In a plan, which is in the order of loading, each comes after its own.
		var order []string
		seen := make(map[string]bool)
		var visit func(m modarchive.Module)
		visit = func(m modarchive.Module) {
			for _, d := range m.Depends {
				dep, ok := byName[modarchive.Canonical(d)]
				if ok && !seen[dep.Name] {
					seen[dep.Name] = true
					visit(dep)
					order = append(order, dep.Path)
				}
			}
		}
		seen[m.Name] = true
		visit(m)
		b.WriteString(m.Path + ":")
		for i := range order {
			b.WriteString(" " + order[len(order)-1-i])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// aliasList is modules.alias.
func aliasList(mods []modarchive.Module) string {
	var b strings.Builder
	b.WriteString("# Aliases extracted from modules themselves.\n")
	for _, m := range mods {
		for _, alias := range m.Aliases {
			fmt.Fprintf(&b, "alias %s %s\n", modarchive.Canonical(alias), m.Name)
		}
	}
	return b.String()
}

// softdepList is modules.softdep.
func softdepList(mods []modarchive.Module) string {
	var b strings.Builder
	b.WriteString("# Soft dependencies extracted from modules themselves.\n")
	for _, m := range mods {
		if len(m.Pre)+len(m.Post) == 0 {
			continue
		}
		b.WriteString("softdep " + m.Name)
		for _, l := range []struct {
			word  string
			names []string
		}{{"pre:", m.Pre}, {"post:", m.Post}} {
			if len(l.names) > 0 {
				b.WriteString(" " + l.word + " " + strings.Join(l.names, " "))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// devnameList is modules.devname: the device nodes that are there before their
// modules, so that who opens one makes the kernel load the module.
func devnameList(mods []modarchive.Module) string {
	var b strings.Builder
	b.WriteString("# Device nodes to trigger on-demand module loading.\n")
	for _, m := range mods {
		var node, number string
		for _, alias := range m.Aliases {
			if n, ok := strings.CutPrefix(alias, "devname:"); ok {
				node = n
			}
			for prefix, kind := range map[string]string{"char-major-": "c", "block-major-": "b"} {
				// MODULE_ALIAS_CHARDEV and its like; "*" stands for all minors.
				major, minor, ok := strings.Cut(strings.TrimPrefix(alias, prefix), "-")
				if ok && strings.HasPrefix(alias, prefix) && minor != "*" {
					number = kind + major + ":" + minor
				}
			}
		}
		if node != "" && number != "" {
			fmt.Fprintf(&b, "%s %s %s\n", m.Name, node, number)
		}
	}
	return b.String()
}
