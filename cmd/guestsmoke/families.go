package main

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/internal/misuse"
	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	getFamily  = 3  // CTRL_CMD_GETFAMILY
	getPolicy  = 10 // CTRL_CMD_GETPOLICY
	familyID   = 1  // CTRL_ATTR_FAMILY_ID
	familyName = 2  // CTRL_ATTR_FAMILY_NAME
	nobody     = 65534
)

// describe asks the kernel for a family and its policies.
func describe(s *socket, name string) (misuse.Family, error) {
	attrs, err := attributes(func(ae *netlink.AttributeEncoder) { ae.String(familyName, name) })
	if err != nil {
		return misuse.Family{}, err
	}
	answers, err := s.ask(unix.GENL_ID_CTRL, 0, append([]byte{getFamily, 2, 0, 0}, attrs...))
	if err != nil || len(answers) != 1 || len(answers[0]) < unix.GENL_HDRLEN {
		return misuse.Family{}, fmt.Errorf("ask for family %s: %d answers: %w", name, len(answers), err)
	}
	f, err := misuse.ParseFamily(answers[0][unix.GENL_HDRLEN:])
	if err != nil {
		return f, err
	}
	if attrs, err = attributes(func(ae *netlink.AttributeEncoder) { ae.Uint16(familyID, f.ID) }); err != nil {
		return f, err
	}
	answers, err = s.ask(unix.GENL_ID_CTRL, unix.NLM_F_DUMP, append([]byte{getPolicy, 2, 0, 0}, attrs...))
	if err == unix.ENODATA {
		return f, nil // it has no policy at all
	}
	if err != nil {
		return f, fmt.Errorf("ask for policy of %s: %w", name, err)
	}
	for _, a := range answers {
		if len(a) < unix.GENL_HDRLEN {
			return f, fmt.Errorf("ask for policy of %s: %w", name, errDamaged)
		}
		if err := f.AddPolicy(a[unix.GENL_HDRLEN:]); err != nil {
			return f, err
		}
	}
	return f, nil
}

// misuseFamily sends requests of all kinds until the time is over.
func misuseFamily(t *testing.T, tr *trail, u *smoketest.Use, name string, seed uint64, until time.Time) {
	root, err := dial(unix.NETLINK_GENERIC)
	if err != nil {
		t.Fatal(err)
	}
	defer root.close()
	f, err := describe(root, name)
	if err != nil {
		t.Error(err)
		return
	}
	start := time.Now()
	defer func() { u.Seconds += time.Since(start).Seconds() }()
	send := func(s *socket, step string, r misuse.Request) (goOn bool) {
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
		_, err := s.ask(f.ID, flags, r.Data)
		tr.end()
		tr.judge(t, step, err)
		u.Requests++
		// A second that is not answered would cost the time of all others.
		return err != errNoAnswer && err != errNoEnd
	}
	n := 0
	for r := range misuse.Requests(&f, seed) {
		n++
		if !send(root, stepName(name, n, "", r), r) {
			break
		}
	}
	plain := func(s *socket, where string) {
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
func elsewhere(f func(s *socket, where string)) error {
	s, err := onThread(func() (*socket, error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return nil, fmt.Errorf("make network namespace: %w", err)
		}
		return dial(unix.NETLINK_GENERIC)
	})
	if err != nil {
		return err
	}
	defer s.close()
	f(s, " in a new network namespace")
	return nil
}

// asNobody calls f on a thread that has no privilege.
func asNobody(f func(s *socket, where string)) error {
	_, err := onThread(func() (*socket, error) {
		// Of this thread alone, and not of the process as unix.Setresuid does.
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			return nil, fmt.Errorf("become nobody: %w", errno)
		}
		s, err := dial(unix.NETLINK_GENERIC)
		if err != nil {
			return nil, err
		}
		defer s.close()
		f(s, " as nobody")
		return nil, nil
	})
	return err
}

// onThread calls f on a thread that is not used for anything else after it.
func onThread(f func() (*socket, error)) (s *socket, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		s, err = f()
	}()
	<-done
	return s, err
}
