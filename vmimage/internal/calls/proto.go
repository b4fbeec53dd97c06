package calls

import (
	"debug/dwarf"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
)

// Kind is how a value of a call is printed.
type Kind string

// The kinds of values.
const (
	KindNone     Kind = ""
	KindSigned   Kind = "signed"
	KindUnsigned Kind = "unsigned"
	KindBool     Kind = "bool"
	KindEnum     Kind = "enum"
	KindText     Kind = "text" // const char *
	KindPointer  Kind = "pointer"
	KindOther    Kind = "other" // a structure by value: in no register of its own
)

// Value is an argument of a function, or what it returns.
type Value struct {
	Name string `json:"name,omitempty"`
	Kind Kind   `json:"kind"`
	// Size is its size in bytes, Enum its names if it is one.
	Size int              `json:"size,omitempty"`
	Enum map[int64]string `json:"enum,omitempty"`
}

// proto is a function as the compiler of the module was told of it: by the headers of
// the very kernel.
type proto struct {
	known  bool
	result Value
	args   []Value
	// variadic tells that there are more arguments than those.
	variadic bool
}

// agrees tells whether a function may fail as the table says. Of one that the
// debug information says nothing of, nothing speaks against it.
func (p proto) agrees(c Convention) bool {
	if !p.known {
		return true
	}
	pointer := p.result.Kind == KindPointer || p.result.Kind == KindText
	number := p.result.Kind == KindSigned || p.result.Kind == KindUnsigned || p.result.Kind == KindEnum
	switch c {
	case Null, ErrPtr:
		return pointer
	case Errno:
		return number
	case False:
		return p.result.Kind == KindBool
	case Zero:
		return number || pointer
	}
	return false
}

// returns says in words what a function returns.
func (p proto) returns() string {
	switch p.result.Kind {
	case KindNone:
		return "nothing"
	case KindPointer, KindText:
		return "a pointer"
	case KindBool:
		return "a bool"
	case KindOther:
		return "a structure"
	}
	return "a number"
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
		// Compilers leave all of it out where all they want to say is who is called
		// (DW_TAG_call_site); that does not make it void.
		prototyped, _ := e.Val(dwarf.AttrPrototyped).(bool)
		off, ok := e.Val(dwarf.AttrType).(dwarf.Offset)
		if !prototyped && !ok {
			continue
		}
		p := proto{known: true}
		if ok {
			p.result = value(d, off)
		}
		if e.Children {
			p.arguments(d, r)
		}
		if have, ok := all[name]; !ok || len(have.args) < len(p.args) {
			all[name] = p
		}
	}
}

// arguments reads the children of a function.
func (p *proto) arguments(d *dwarf.Data, r *dwarf.Reader) {
	for {
		e, err := r.Next()
		if e == nil || err != nil || e.Tag == 0 {
			return
		}
		switch e.Tag {
		case dwarf.TagFormalParameter:
			var v Value
			if off, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok {
				v = value(d, off)
			}
			v.Name, _ = e.Val(dwarf.AttrName).(string)
			p.args = append(p.args, v)
		case dwarf.TagUnspecifiedParameters:
			p.variadic = true
		}
		r.SkipChildren()
	}
}

// value is a type as values of it are printed.
func value(d *dwarf.Data, off dwarf.Offset) Value {
	t, err := d.Type(off)
	if err != nil {
		return Value{Kind: KindOther}
	}
	for {
		switch u := t.(type) {
		case *dwarf.TypedefType:
			t = u.Type
			continue
		case *dwarf.QualType:
			t = u.Type
			continue
		case *dwarf.PtrType:
			return Value{Kind: pointerKind(u), Size: 8}
		case *dwarf.BoolType:
			return Value{Kind: KindBool, Size: 1}
		case *dwarf.IntType, *dwarf.CharType:
			return Value{Kind: KindSigned, Size: int(t.Size())}
		case *dwarf.UintType, *dwarf.UcharType:
			return Value{Kind: KindUnsigned, Size: int(t.Size())}
		case *dwarf.EnumType:
			v := Value{Kind: KindEnum, Size: int(u.ByteSize), Enum: make(map[int64]string)}
			for _, n := range u.Val {
				v.Enum[n.Val] = n.Name
			}
			return v
		case *dwarf.VoidType:
			return Value{}
		}
		return Value{Kind: KindOther, Size: int(t.Size())}
	}
}

// pointerKind tells names from other pointers: what is const char * has an end, by
// all habit. Whether char is signed changes between kernels (-funsigned-char).
func pointerKind(p *dwarf.PtrType) Kind {
	q, ok := p.Type.(*dwarf.QualType)
	if !ok || q.Qual != "const" {
		return KindPointer
	}
	switch c := q.Type.(type) {
	case *dwarf.CharType, *dwarf.UcharType:
		if c.Common().Name == "char" {
			return KindText
		}
	}
	return KindPointer
}
