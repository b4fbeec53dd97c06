package guest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/wire"
)

// What the looks at the kernel find came while the module was there, and stayed. It
// may be somebody else's all the same: of the kernel itself, of a device that was
// found late, of the test. The host, which has the module's file, says what ties it
// to the module (vmimage/internal/contract). What nothing ties to it is a remark.

// A tied is a leftover and what ties it to the modules.
type tied struct {
	Leftover
	why string
}

// askTies asks the host what ties left to the modules own, which were loaded with
// params, on behalf of a test. Where it cannot answer, all of left accuses them:
// what nobody has looked at clears nobody.
func askTies(test string, own, params []string, left []Leftover) (accused []tied, remarks []Leftover, err error) {
	if len(left) == 0 {
		return nil, nil, nil
	}
	q := wire.Sweep{Test: test, Own: own, Params: params}
	for _, l := range left {
		q.Left = append(q.Left, wire.Left{Kind: l.Kind, Name: l.Name})
	}
	var a wire.Swept
	err = ask(q, &a, sweepLooks)
	if err == nil && a.Error+a.Unable != "" {
		err = fmt.Errorf("ask the host what ties it to the module: %s%s", a.Error, a.Unable)
	}
	if err == nil && len(a.Ties) != len(left) {
		err = fmt.Errorf("ask the host what ties it to the module: %d answers to %d questions", len(a.Ties), len(left))
	}
	accused, remarks = untie(left, a.Ties, err)
	return accused, remarks, err
}

// untie parts what is tied from what is not.
func untie(left []Leftover, ties []string, err error) (accused []tied, remarks []Leftover) {
	for i, l := range left {
		switch {
		case err != nil:
			accused = append(accused, tied{l, "nobody could be asked"})
		case ties[i] != "":
			accused = append(accused, tied{l, ties[i]})
		default:
			remarks = append(remarks, l)
		}
	}
	return accused, remarks
}

// accusing puts leftovers one per line, with what ties them.
func accusing(all []tied) string {
	var b strings.Builder
	for _, l := range all {
		fmt.Fprintf(&b, "\n    %v (%s)", l.Leftover, l.why)
	}
	return b.String()
}

// withDependencies adds to modules what is loaded before them.
func withDependencies(modules []string) ([]string, error) {
	info, err := guestenv.Read()
	if err != nil {
		return nil, err
	}
	all := slices.Clone(modules)
	for _, name := range modules {
		for _, dep := range info.Modules[name].Depends {
			if dep = moduleName(dep); !slices.Contains(all, dep) {
				all = append(all, dep)
			}
		}
	}
	return all, nil
}

// checkLeft is the part of the unload contract that compares lists.
func (m *Module) checkLeft(what string) {
	m.t.Helper()
	if m.spent {
		return // a list may lead into the module
	}
	m.before.own = append([]string{m.Name}, m.pulled...)
	left, err := m.before.settle(settleLimit())
	if err == nil && slices.ContainsFunc(left, func(l Leftover) bool { return l.Kind == moduleKind }) {
		// It may have come back meanwhile.
		if err = m.removeReturned(); err == nil {
			left, err = m.before.settle(settleLimit())
		}
	}
	m.lenient = len(m.before.excused) > 0
	if m.over && m.lenient {
		m.t.Logf("not judged, for the test loaded modules that are in use still:%s", listed(m.before.excused))
	}
	if err != nil {
		m.t.Errorf("check unload of module %s: %v", m.Name, err)
	}
	own, err := withDependencies(m.before.own)
	if err != nil {
		m.t.Errorf("check unload of module %s: %v", m.Name, err)
	}
	accused, remarks, err := askTies(m.t.Name(), own, m.Params, left)
	if err != nil {
		m.t.Errorf("check unload of module %s: %v", m.Name, err)
	}
	if len(accused) > 0 {
		m.t.Errorf("%s:%s", what, accusing(accused))
	}
	if len(remarks) > 0 {
		m.t.Logf("%s, and nothing ties it to the module:%s", what, listed(remarks))
	}
}
