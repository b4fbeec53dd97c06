package fault

import (
	"debug/dwarf"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
)

// proto is what a function returns, as the compiler of the module was told: by the
// headers of the very kernel.
type proto struct {
	known   bool
	pointer bool
	boolean bool
	number  bool
	void    bool
}

// agrees tells whether a function may fail as the table says. Of one that the
// debug information says nothing of, nothing speaks against it.
func (p proto) agrees(c Convention) bool {
	if !p.known {
		return true
	}
	switch c {
	case Null, ErrPtr:
		return p.pointer
	case Errno:
		return p.number
	case False:
		return p.boolean
	case Zero:
		return p.number || p.pointer
	}
	return false
}

// prototypes are the functions that a module declares and does not define.
func prototypes(o *graft.Object) map[string]proto {
	d, err := o.DWARF()
	if err != nil {
		return nil
	}
	all := make(map[string]proto)
	r := d.Reader()
	for {
		e, err := r.Next()
		if e == nil || err != nil {
			return all
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		declared, _ := e.Val(dwarf.AttrDeclaration).(bool)
		if e.Tag != dwarf.TagSubprogram || !declared || name == "" {
			continue
		}
		p := proto{known: true, void: true}
		if off, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok {
			t, err := d.Type(off)
			if err != nil {
				continue
			}
			p = returns(t)
		}
		all[name] = p
	}
}

func returns(t dwarf.Type) proto {
	for {
		switch u := t.(type) {
		case *dwarf.TypedefType:
			t = u.Type
			continue
		case *dwarf.QualType:
			t = u.Type
			continue
		case *dwarf.PtrType:
			return proto{known: true, pointer: true}
		case *dwarf.BoolType:
			return proto{known: true, boolean: true}
		case *dwarf.IntType, *dwarf.UintType, *dwarf.CharType, *dwarf.EnumType:
			return proto{known: true, number: true}
		}
		return proto{known: true}
	}
}
