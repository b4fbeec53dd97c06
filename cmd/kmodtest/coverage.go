package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/kmodtest/kmodtest/vmimage"
)

// coverage writes the coverage of the modules and their calls, if that was asked for:
// goArgs are what was given to go test. kmodtest test puts those of several packages
// together.
func (a *app) coverage(ctx context.Context, s *vmimage.Session, goArgs []string) error {
	file := a.env(handOverVariable)
	if file == "" {
		return a.coverageOf(ctx, s, "", goArgs)
	}
	var errs []error
	if a.settings.Get("ccover") != "" {
		errs = append(errs, s.KeepCoverage(ctx, filepath.Dir(file)))
	}
	if a.settings.Get("calltrace") != "" {
		errs = append(errs, s.KeepCalls(filepath.Dir(file)))
	}
	return errors.Join(errs...)
}

// coverageOf writes them with what other processes have kept in dir.
func (a *app) coverageOf(ctx context.Context, s *vmimage.Session, dir string, goArgs []string) error {
	var errs []error
	if a.settings.Get("calltrace") != "" {
		errs = append(errs, s.WriteCalls(dir))
	}
	if a.settings.Get("ccover") != "" {
		c := a.console()
		if hasFlag(goArgs, "json") {
			c.Stdout = a.stderr // the other is for a program
		}
		errs = append(errs, s.WriteCoverage(ctx, dir, c))
	}
	return errors.Join(errs...)
}

// nothingRan tells whether all that is wrong is that no guest has come to anything.
func nothingRan(err error) bool {
	return errors.Is(err, vmimage.ErrNoCoverage) || errors.Is(err, vmimage.ErrNoCalls)
}
