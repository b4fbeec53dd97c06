package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// Row is one fault of tests/faulty/faults.toml.
type Row struct {
	// Fault says what it is, in the words of docs/faults.md.
	Fault string `toml:"fault"`
	// Module is the module of tests/faulty, "" for a fault of the test binary.
	Module string `toml:"module"`
	// Test sets it off: a test of tests/faulty/cases. Blamed is the test that
	// has to fail for it, if that is a subtest of Test or another one.
	Test   string   `toml:"test"`
	Blamed []string `toml:"blamed"`
	// Args are further kernel arguments, Env variables, CPUs processors.
	Args []string `toml:"args"`
	Env  []string `toml:"env"`
	CPUs int      `toml:"cpus"`
	// Timeout is -test.timeout; 0 leaves go test's own ten minutes.
	Timeout time.Duration `toml:"-"`
	Limit   string        `toml:"timeout"`
	// Unload is the setting -unload-timeout, in seconds; 0 leaves the default.
	Unload int `toml:"unload_seconds"`

	// Kind is what the kernel log holds; empty if the kernel says nothing, and
	// something else has to speak.
	Kind klog.Kind `toml:"kind"`
	// Text is an expression that the output of the test, or the reasons of the
	// run, must match.
	Text string `toml:"text"`
	// NoPlace is why no line of C can be named; empty means that the marked
	// line must be.
	NoPlace string `toml:"no_place"`
	// NoPlaceOn is NoPlace for some kernels.
	NoPlaceOn map[string]string `toml:"no_place_on"`
	// By says in a word who found it: kernel log, unload contract, …
	By string `toml:"by"`
	// Needs are options without which the kernel cannot tell: CONFIG_KASAN.
	// Unless is one with which another detector is there first, at another line.
	Needs  []string `toml:"needs"`
	Unless string   `toml:"unless"`
	// Green marks a row of noise: the verdict must be green. Remark is an expression
	// that a remark of the unload contract must match then.
	Green  bool   `toml:"green"`
	Remark string `toml:"remark"`
}

// Who finds a fault, where it matters.
const (
	byLog = "kernel log"
	byRun = "run"
)

// Rows reads the rows below the root of kmodtest's source.
func Rows(root string) ([]Row, error) {
	path := filepath.Join(root, "tests", "faulty", "faults.toml")
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	var t struct {
		Args []string `toml:"args"`
		Rows []Row    `toml:"fault"`
	}
	if err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(&t); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			return nil, fmt.Errorf("read faults: %s:\n%s", path, strict.String())
		}
		return nil, fmt.Errorf("read faults: %s: %w", path, err)
	}
	for i := range t.Rows {
		r := &t.Rows[i]
		if r.Args == nil {
			r.Args = t.Args
		}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("read faults: %s: %s: %w", path, r.Fault, err)
		}
	}
	return t.Rows, nil
}

// check completes a row and says what is wrong with it.
func (r *Row) check() error {
	if r.Fault == "" || r.Test == "" {
		return errors.New("a row needs a fault and a test")
	}
	if r.Kind == "" && r.By == "" {
		return errors.New("nobody finds it: kind or by is due")
	}
	if r.Kind != "" {
		if _, err := klog.ParseKind(string(r.Kind)); err != nil {
			return err
		}
	}
	if _, err := regexp.Compile(r.Text); err != nil {
		return fmt.Errorf("text: %w", err)
	}
	if _, err := regexp.Compile(r.Remark); err != nil {
		return fmt.Errorf("remark: %w", err)
	}
	if r.Limit == "" {
		return nil
	}
	var err error
	if r.Timeout, err = time.ParseDuration(r.Limit); err != nil {
		return fmt.Errorf("timeout: %w", err)
	}
	return nil
}
