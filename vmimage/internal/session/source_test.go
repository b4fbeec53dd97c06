package session

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// The source that a binary carries is all that the guest's programs are made of:
// a package that one of them is given later has to come along.
func TestSource(t *testing.T) {
	dir, err := source(t.Context(), &cache.Store{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"./cmd/guestinit", "./cmd/guestbase"} {
		for _, where := range []string{dir, "../../.."} {
			cmd := exec.Command("go", "list", "-deps", program)
			cmd.Dir = where
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "github.com/kmodtest/kmodtest/cmd/") {
				t.Errorf("%s in %s: %v\n%s", program, where, err, out)
			}
		}
	}
}

// Which operand of "return p, g.Wait()" is read first is not specified: p may be
// what it was before the functions that g waits for have filled it in.
func TestNoReturnBesideWait(t *testing.T) {
	err := filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "build" || d.Name() == "testdata") {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			r, ok := n.(*ast.ReturnStmt)
			if !ok || len(r.Results) < 2 {
				return true
			}
			for _, e := range r.Results {
				call, ok := e.(*ast.CallExpr)
				if !ok {
					continue
				}
				if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Wait" {
					t.Errorf("%s: a result beside Wait()", fset.Position(r.Pos()))
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
