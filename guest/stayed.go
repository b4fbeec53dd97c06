package guest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// stays remembers where modules are that are loaded: most that stay once stay for
// long.
var stays places

// places are where modules are, by name.
type places struct {
	sync.Mutex
	at map[string]stay
}

type stay struct {
	inode uint64
	wire.Loaded
}

// now returns where the modules are that are loaded now: those of a list as
// /proc/modules, whose folders are in sys.
//
// A module that went and came again may be elsewhere although /proc/modules has the
// same line for it: that tells where its code is, and since 6.4 its variables are
// apart from that (struct module_memory in include/linux/module.h). But its folder is
// another one, and no inode is given out twice in a row (kernfs_new_node in
// fs/kernfs/dir.c).
func (p *places) now(list, sys string) ([]wire.Loaded, error) {
	data, err := os.ReadFile(list)
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	p.Lock()
	defer p.Unlock()
	now := make(map[string]stay)
	var all []wire.Loaded
	for line := range strings.Lines(string(data)) {
		name, _, ok := strings.Cut(line, " ")
		if !ok {
			continue
		}
		var st unix.Stat_t
		err := unix.Stat(sys+"/"+name, &st)
		if errors.Is(err, unix.ENOENT) {
			continue // it went meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("find module %s: %w", name, err)
		}
		s, ok := p.at[name]
		if !ok || s.inode != st.Ino {
			sections, err := sectionsIn(sys, name, holding)
			if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
				continue // the same
			}
			if err != nil {
				return nil, err
			}
			s = stay{st.Ino, wire.Loaded{Module: name, Sections: sections}}
		}
		// What is being loaded has not all of its files yet.
		if strings.Contains(line, " Live ") {
			now[name] = s
		}
		all = append(all, s.Loaded)
	}
	p.at = now
	return all, nil
}
