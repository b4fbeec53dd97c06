package vmimage

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// shape describes a type as JSON sees it: names and kinds, all the way down.
func shape(t reflect.Type, prefix string, into map[string]string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		shape(t.Elem(), prefix+"[]", into)
	case reflect.Struct:
		for f := range t.Fields() {
			shape(f.Type, prefix+"."+f.Name+" "+f.Tag.Get("json"), into)
		}
	default:
		into[prefix] = t.Kind().String()
	}
}

// The public verdict is the judge's, field for field.
func TestVerdictShape(t *testing.T) {
	public, judge := make(map[string]string), make(map[string]string)
	shape(reflect.TypeFor[Verdict](), "", public)
	shape(reflect.TypeFor[verdict.Verdict](), "", judge)
	delete(judge, ".Modprobed -") // between a run and its bundle, and nobody else's
	if diff := cmp.Diff(judge, public); diff != "" {
		t.Errorf("types (-judge +public):\n%s", diff)
	}
}

func TestPublicVerdict(t *testing.T) {
	v := verdict.Verdict{
		Schema: verdict.Schema, Release: "6.12", Exit: 1, Console: []byte("console"), Log: []byte("log"),
		Tests:    []verdict.TestResult{{Name: "TestA", State: verdict.Fail, Output: "\x16 text"}},
		Findings: []verdict.Finding{{Kind: "warn", Title: "WARNING in f", Where: &verdict.Place{File: "a.c", Line: 3}}},
		Problems: []verdict.Problem{{Kind: verdict.ProblemLoaded, Module: "m", Text: "module m was still loaded"}},
	}
	got, err := publicVerdict(v)
	if err != nil {
		t.Fatal(err)
	}
	if got.Green() || got.Tests[0].State != "fail" || got.Findings[0].Where.String() != "a.c:3" || string(got.Console) != "console" {
		t.Errorf("verdict %+v", got)
	}
	// What one writes, another reads.
	var lines bytes.Buffer
	for range 2 {
		if err := json.NewEncoder(&lines).Encode(got); err != nil {
			t.Fatal(err)
		}
	}
	all, err := ReadVerdicts(&lines)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d verdicts, %v", len(all), err)
	}
	got.Console, got.Log = nil, nil
	if diff := cmp.Diff(got, all[1]); diff != "" {
		t.Errorf("verdict (-written +read):\n%s", diff)
	}
}

// A file that says nothing is no green run.
func TestReadVerdicts(t *testing.T) {
	for text, want := range map[string]string{
		"":              "read verdict 1: EOF",
		`{"schema":99}`: "it is of schema 99",
		`{"schema":1}{`: "read verdict 2: unexpected EOF",
	} {
		if _, err := ReadVerdicts(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
