package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateDocs = flag.Bool("update", false, "write the generated part of docs/configuration.md")

// docs/configuration.md has every key that is read, with the words that stand
// beside it in the code.
func TestConfigurationPage(t *testing.T) {
	const begin, end = "<!-- keys:begin -->", "<!-- keys:end -->"
	const name = "../../../docs/configuration.md"
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), begin)
	got, foot, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s lacks its marks", name)
	}
	p := &keys{comments: make(map[string]string)}
	for _, dir := range []string{".", "../klog"} {
		if err := p.read(dir); err != nil {
			t.Fatal(err)
		}
	}
	p.b.WriteString("\n\n| key | is | what it means |\n|---|---|---|\n")
	if err := p.write("", reflect.TypeFor[Config]()); err != nil {
		t.Fatal(err)
	}
	p.b.WriteString("\n")
	if *updateDocs {
		if err := os.WriteFile(name, []byte(head+begin+p.b.String()+end+foot), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(p.b.String(), got); diff != "" {
		t.Errorf("%s (-code +page); go test ./vmimage/internal/config -run TestConfigurationPage -update writes it:\n%s", name, diff)
	}
}

// keys writes a table of the keys that a struct is read from.
type keys struct {
	comments map[string]string // of Type.Field
	b        strings.Builder
}

// read takes the comments of the fields of a package's structs.
func (p *keys) read(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				return false
			}
			for _, field := range st.Fields.List {
				for _, id := range field.Names {
					p.comments[spec.Name.Name+"."+id.Name] = field.Doc.Text()
				}
			}
			return false
		})
	}
	return nil
}

// write writes the keys of a struct; prefix is that of its table.
func (p *keys) write(prefix string, t reflect.Type) error {
	for field := range t.Fields() {
		key := field.Tag.Get("toml")
		if field.Anonymous {
			if err := p.write(prefix, field.Type); err != nil {
				return err
			}
			continue
		}
		if key == "" || key == "-" {
			continue
		}
		ft, name := field.Type, prefix+key
		switch {
		case ft.Kind() == reflect.Slice && ft.Elem().Kind() == reflect.Struct:
			ft, name = ft.Elem(), "[["+name+"]]"
		case ft.Kind() == reflect.Struct:
			name = "[" + name + "]"
		}
		if ft.Kind() == reflect.Struct {
			if err := p.write(name+" ", ft); err != nil {
				return err
			}
			continue
		}
		text := p.comments[t.Name()+"."+field.Name]
		if text == "" {
			return fmt.Errorf("%s.%s has no comment", t.Name(), field.Name)
		}
		doc := new(comment.Parser).Parse(text)
		words := strings.Join(strings.Fields(string(new(comment.Printer).Text(doc))), " ")
		fmt.Fprintf(&p.b, "| `%s` | %s | %s |\n", name, kindOf(ft), strings.ReplaceAll(forReaders(t, field.Name, words), "|", `\|`))
	}
	return nil
}

// afterLoad is what only callers of Load need to know.
var afterLoad = regexp.MustCompile(`[;,] absolute after Load`)

// forReaders turns the comment of a field into words for those who write the file:
// the key stands beside them already, and others are called as they are there.
func forReaders(t reflect.Type, name, words string) string {
	words = strings.TrimPrefix(words, name+" ")
	for _, verb := range []string{"is ", "are "} {
		words = strings.TrimPrefix(words, verb)
	}
	words = afterLoad.ReplaceAllString(words, "")
	for _, f := range reflect.VisibleFields(t) {
		if key := f.Tag.Get("toml"); key != "" && key != "-" {
			words = regexp.MustCompile(`\b`+f.Name+`\b`).ReplaceAllString(words, "`"+key+"`")
		}
	}
	return words
}

// kindOf names a type as TOML does.
func kindOf(t reflect.Type) string {
	if t == reflect.TypeFor[Duration]() {
		return "time"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Int:
		return "integer"
	case reflect.Bool:
		return "boolean"
	case reflect.Slice:
		return "array of " + kindOf(t.Elem()) + "s"
	case reflect.Map:
		return "table"
	}
	return "array or table"
}
