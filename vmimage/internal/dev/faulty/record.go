package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// trace is what a kernel said when a row was run, as a golden file of package
// klog without its expectations: go test ./vmimage/internal/klog -update fills them in.
func trace(row Row, k kernel.Kernel, v verdict.Verdict) (name string, data []byte, err error) {
	about := fmt.Sprintf("SOURCE: faulty_%s by %s of the faults table\nKERNEL: %s\n", row.Module, row.Test, k.Release)
	name = k.Series + "-" + row.Module
	if k.Flavour == "" {
		name = "own-" + name // a kernel of one's own, not Debian's
	}
	// The guest's own records are the better source, while it lives. From the
	// module's arrival on: there are files with boots.
	if log := sinceLoad(v.Log, row.Module); shows(kmsgRecords(log), row.Kind) {
		return name + ".txt", slices.Concat([]byte(about+"FORMAT: kmsg\n\n"), log), nil
	}
	if log := sinceLoad(v.Console, row.Module); shows(klog.ParseConsole(log), row.Kind) {
		return name + ".txt", slices.Concat([]byte(about+"\n"), log), nil
	}
	return "", nil, fmt.Errorf("record a trace of faulty_%s: neither the kernel log nor the console has a finding of kind %s", row.Module, row.Kind)
}

// sinceLoad returns the lines of a log from the first that names the module.
func sinceLoad(log []byte, module string) []byte {
	at := regexp.MustCompile(`(?m)^.*\bfaulty_` + regexp.QuoteMeta(module) + `\b`).FindIndex(log)
	if at == nil {
		return log
	}
	return log[at[0]:]
}

func kmsgRecords(log []byte) []klog.Record {
	var recs []klog.Record
	for _, b := range klog.SplitKmsg(log) {
		if r, err := klog.ParseKmsg(b); err == nil {
			recs = append(recs, r)
		}
	}
	return recs
}

func shows(recs []klog.Record, kind klog.Kind) bool {
	return slices.ContainsFunc(klog.Scan(recs), func(f klog.Finding) bool { return f.Kind == kind })
}

// record writes the trace of a row that the kernel log tells of.
func (r *Runner) record(row Row, v verdict.Verdict) error {
	if r.Record == "" || row.Kind == "" || row.Module == "" || row.Green {
		return nil
	}
	name, data, err := trace(row, r.lab.Prepared.Kernel, v)
	if err != nil {
		return err
	}
	// Where the source was is nobody's business, and differs.
	data = bytes.ReplaceAll(data, []byte(r.lab.Root()+"/"), []byte("/src/"))
	if err := os.WriteFile(filepath.Join(r.Record, name), data, 0o644); err != nil {
		return fmt.Errorf("record trace: %w", err)
	}
	return nil
}

// keep writes what a row told, and what its guest did.
func (r *Runner) keep(row Row, v verdict.Verdict, out []byte) error {
	if r.Keep == "" {
		return nil
	}
	if err := os.MkdirAll(r.Keep, 0o755); err != nil {
		return fmt.Errorf("keep output: %w", err)
	}
	base := filepath.Join(r.Keep, r.lab.Prepared.Kernel.Series+"-"+strings.TrimPrefix(row.Test, "Test"))
	for suffix, b := range map[string][]byte{".txt": out, ".console": v.Console, ".kmsg": v.Log} {
		if err := os.WriteFile(base+suffix, b, 0o644); err != nil {
			return fmt.Errorf("keep output: %w", err)
		}
	}
	return nil
}
