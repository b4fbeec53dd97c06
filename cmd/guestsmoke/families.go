package main

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/internal/misuse"
	"github.com/kmodtest/kmodtest/internal/smoketest"
	"golang.org/x/sys/unix"
)

const nobody = 65534

// misuseFamily sends requests of all kinds until the time is over.
func misuseFamily(t *testing.T, tr *trail, u *smoketest.Use, name string, seed uint64, until time.Time) {
	root, err := misuse.Dial(unix.NETLINK_GENERIC)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f, err := misuse.Describe(root, name)
	if err != nil {
		t.Error(err)
		return
	}
	start := time.Now()
	defer func() { u.Seconds += time.Since(start).Seconds() }()
	send := func(s *misuse.Socket, step string, r misuse.Request) (goOn bool) {
		if !tr.wants(step) {
			return true
		}
		if time.Now().After(until) {
			u.Short = true
			return false
		}
		var flags uint16
		if r.Dump {
			flags = unix.NLM_F_DUMP
		}
		tr.begin(step)
		_, err := s.Ask(f.ID, flags, r.Data)
		tr.end()
		tr.judge(t, step, err)
		u.Requests++
		// A second that is not answered would cost the time of all others.
		return !errors.Is(err, misuse.ErrNoAnswer) && !errors.Is(err, misuse.ErrNoEnd)
	}
	n := 0
	for r := range misuse.Requests(&f, seed) {
		n++
		if !send(root, stepName(name, n, "", r), r) {
			break
		}
	}
	plain := func(s *misuse.Socket, where string) {
		n := 0
		for r := range misuse.Requests(&f, seed) {
			n++
			if r.Plain && !send(s, stepName(name, n, where, r), r) {
				return
			}
		}
	}
	if err := elsewhere(plain); err != nil {
		t.Error(err)
	}
	if err := asNobody(plain); err != nil {
		t.Error(err)
	}
}

// stepName names a request. The bytes are in it: whoever reads of it can send it.
func stepName(family string, n int, where string, r misuse.Request) string {
	data := r.Data
	cut := ""
	if len(data) > 96 {
		data, cut = data[:96], fmt.Sprintf("… (%d bytes)", len(r.Data))
	}
	return fmt.Sprintf("genl %s #%d%s: %v: %x%s", family, n, where, r, data, cut)
}

// elsewhere calls f with a socket of a new network namespace, which ends with it.
func elsewhere(f func(s *misuse.Socket, where string)) error {
	s, err := onThread(func() (*misuse.Socket, error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return nil, fmt.Errorf("make network namespace: %w", err)
		}
		return misuse.Dial(unix.NETLINK_GENERIC)
	})
	if err != nil {
		return err
	}
	defer s.Close()
	f(s, " in a new network namespace")
	return nil
}

// asNobody calls f on a thread that has no privilege.
func asNobody(f func(s *misuse.Socket, where string)) error {
	_, err := onThread(func() (*misuse.Socket, error) {
		// Of this thread alone, and not of the process as unix.Setresuid does.
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			return nil, fmt.Errorf("become nobody: %w", errno)
		}
		s, err := misuse.Dial(unix.NETLINK_GENERIC)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		f(s, " as nobody")
		return nil, nil
	})
	return err
}

// onThread calls f on a thread that is not used for anything else after it.
func onThread(f func() (*misuse.Socket, error)) (s *misuse.Socket, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		s, err = f()
	}()
	<-done
	return s, err
}
