package main

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// surfaceAnalyzer holds the API of the public packages: who uses it needs no
// other module and nothing of internal/.
var surfaceAnalyzer = &analysis.Analyzer{
	Name: "surface",
	Doc:  "find foreign and internal types in the API of public packages",
	Run: func(pass *analysis.Pass) (any, error) {
		if !anyMatches(public, room(pass.Pkg)) || strings.HasSuffix(pass.Pkg.Name(), "_test") {
			return nil, nil
		}
		scope := pass.Pkg.Scope()
		for _, name := range scope.Names() {
			o := scope.Lookup(name)
			// A test file may export something to the tests beside it.
			if !ast.IsExported(name) || strings.HasSuffix(pass.Fset.Position(o.Pos()).Filename, "_test.go") {
				continue
			}
			s := surface{pkg: pass.Pkg, seen: make(map[types.Type]bool), told: make(map[string]bool)}
			s.typ(o.Type())
			for _, leak := range s.leaks {
				pass.Reportf(o.Pos(), "%s shows %s, which is no type of the standard library or a public package", name, leak)
			}
		}
		return nil, nil
	},
}

// surface walks over what a user of one exported name can reach.
type surface struct {
	pkg   *types.Package
	seen  map[types.Type]bool
	told  map[string]bool
	leaks []string
}

func (s *surface) typ(t types.Type) {
	if t == nil || s.seen[t] {
		return
	}
	s.seen[t] = true
	switch t := t.(type) {
	case *types.Alias: // another name, no other type
		s.typ(t.Rhs())
	case *types.Named:
		s.named(t.Obj())
		for a := range t.TypeArgs().Types() {
			s.typ(a)
		}
		s.params(t.TypeParams())
		if t.Obj().Pkg() == s.pkg {
			for m := range t.Methods() {
				if m.Exported() {
					s.typ(m.Type())
				}
			}
			s.typ(t.Underlying())
		}
	case *types.Struct:
		for f := range t.Fields() {
			// The methods of an embedded type are the struct's, whatever its name.
			if f.Exported() || f.Embedded() {
				s.typ(f.Type())
			}
		}
	case *types.Interface:
		for e := range t.EmbeddedTypes() {
			s.typ(e)
		}
		for m := range t.ExplicitMethods() {
			if m.Exported() {
				s.typ(m.Type())
			}
		}
	case *types.Signature:
		s.params(t.TypeParams())
		for v := range t.Params().Variables() {
			s.typ(v.Type())
		}
		for v := range t.Results().Variables() {
			s.typ(v.Type())
		}
	case *types.Union:
		for term := range t.Terms() {
			s.typ(term.Type())
		}
	case *types.TypeParam:
		s.typ(t.Constraint())
	case *types.Map:
		s.typ(t.Key())
		s.typ(t.Elem())
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
		s.typ(t.Elem())
	}
}

func (s *surface) params(l *types.TypeParamList) {
	for p := range l.TypeParams() {
		s.typ(p)
	}
}

// named records a type that the API may not show.
func (s *surface) named(o *types.TypeName) {
	if o.Pkg() == nil || o.Pkg() == s.pkg { // error, any
		return
	}
	path := o.Pkg().Path()
	first, _, _ := strings.Cut(path, "/")
	name := path + "." + o.Name()
	if !strings.Contains(first, ".") || anyMatches(public, inModule(path)) || leaks[name] != "" || s.told[name] {
		return
	}
	s.told[name] = true
	s.leaks = append(s.leaks, name)
}
