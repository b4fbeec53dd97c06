package main

import (
	"go/ast"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

var wallsAnalyzer = &analysis.Analyzer{
	Name: "walls",
	Doc:  "hold the walls between the rooms of the repository",
	Run: func(pass *analysis.Pass) (any, error) {
		for _, w := range walls {
			if anyMatches(w.in, room(pass.Pkg)) && !anyMatches(w.except, room(pass.Pkg)) {
				w.check(pass)
			}
		}
		return nil, nil
	},
}

func (w wall) check(pass *analysis.Pass) {
	for _, f := range pass.Files {
		if w.tests && strings.HasSuffix(pass.Fset.Position(f.FileStart).Filename, "_test.go") {
			continue
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err == nil && anyMatches(w.imports, inModule(path)) {
				pass.Reportf(spec.Pos(), "import of %s: %s", path, w.why)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			if fn, ok := pass.TypesInfo.Uses[id].(*types.Func); ok && slices.Contains(w.calls, fn.FullName()) {
				pass.Reportf(id.Pos(), "use of %s: %s", fn.FullName(), w.why)
			}
			return true
		})
	}
}

// room is the path of a package in the module. Its tests are part of it, those in
// a package of their own, too.
func room(p *types.Package) string {
	path, _, _ := strings.Cut(p.Path(), " ") // "p [p.test]"
	if strings.HasSuffix(p.Name(), "_test") {
		path = strings.TrimSuffix(path, "_test")
	}
	return inModule(path)
}

func inModule(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func anyMatches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

// matches tells whether a package's path is what a pattern names; see wall.
func matches(pattern, path string) bool {
	dir, below := strings.CutSuffix(pattern, "...")
	if !below {
		return pattern == path
	}
	return dir == "" || strings.HasPrefix(path+"/", dir)
}
