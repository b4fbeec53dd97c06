package main

import (
	"context"
	"path/filepath"

	"github.com/kmodtest/kmodtest/vmimage"
)

// coverage writes the coverage of the modules, if that was asked for: goArgs are
// what was given to go test. kmodtest test puts that of several packages together.
func (a *app) coverage(ctx context.Context, s *vmimage.Session, goArgs []string) error {
	if file := a.env(handOverVariable); file != "" && a.settings.Get("ccover") != "" {
		return s.KeepCoverage(ctx, filepath.Dir(file))
	}
	return a.coverageOf(ctx, s, "", goArgs)
}

// coverageOf writes it with what other processes have kept in dir.
func (a *app) coverageOf(ctx context.Context, s *vmimage.Session, dir string, goArgs []string) error {
	if a.settings.Get("ccover") == "" {
		return nil
	}
	c := a.console()
	if hasFlag(goArgs, "json") {
		c.Stdout = a.stderr // the other is for a program
	}
	return s.WriteCoverage(ctx, dir, c)
}
