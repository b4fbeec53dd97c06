package calls

import (
	"debug/dwarf"
	"fmt"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
)

// taskLayout is where a task keeps its number and name. The module's own debug
// information says so, as the headers of the very kernel have it; -1 is unknown.
type taskLayout struct{ pid, comm int64 }

func newTaskLayout(o *graft.Object) taskLayout {
	unknown := taskLayout{-1, -1}
	d, err := o.DWARF()
	if err != nil {
		return unknown
	}
	r := d.Reader()
	for {
		e, err := r.Next()
		if e == nil || err != nil {
			return unknown
		}
		if name, _ := e.Val(dwarf.AttrName).(string); e.Tag != dwarf.TagStructType || name != "task_struct" || !e.Children {
			if e.Tag != dwarf.TagCompileUnit {
				r.SkipChildren()
			}
			continue
		}
		l := unknown
		for {
			m, err := r.Next()
			if m == nil || err != nil || m.Tag == 0 {
				return l
			}
			name, _ := m.Val(dwarf.AttrName).(string)
			at, ok := m.Val(dwarf.AttrDataMemberLoc).(int64)
			switch {
			case ok && name == "pid":
				l.pid = at
			case ok && name == "comm":
				l.comm = at
			}
			r.SkipChildren()
		}
	}
}

// copy copies them from the task at rcx to the record at r11, by way of rax.
func (l taskLayout) copy(b *code) {
	fmt.Fprintf(b, "\tmovl $-1, %d(%%r11)\n\tmovb $0, %d(%%r11)\n", recordPID, recordComm)
	if l.pid >= 0 {
		fmt.Fprintf(b, "\tmovl %d(%%rcx), %%eax\n\tmovl %%eax, %d(%%r11)\n", l.pid, recordPID)
	}
	if l.comm >= 0 {
		for i := int64(0); i < 16; i += 8 {
			fmt.Fprintf(b, "\tmovq %d(%%rcx), %%rax\n\tmovq %%rax, %d(%%r11)\n", l.comm+i, recordComm+i)
		}
	}
}
