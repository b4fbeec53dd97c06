package modarchive

import "fmt"

// Step is a module to load.
type Step struct {
	Module
	// Optional tells that the load goes on if this module refuses: it is a soft
	// dependency, or there for one.
	Optional bool
	// Asked tells that it is the module that was asked for, which parameters
	// are meant for.
	Asked bool
}

// Plan returns what modprobe(8) would load for m, in that order: what m depends
// on, its soft dependencies, and m. What is built in is left out.
func (a *Archive) Plan(m Module) ([]Step, error) {
	p := planner{a: a, seen: make(map[string]bool)}
	if err := p.add(m, false); err != nil {
		return nil, fmt.Errorf("plan load of module %s: %w", m.Name, err)
	}
	for i := range p.steps {
		p.steps[i].Asked = p.steps[i].Name == m.Name
	}
	return p.steps, nil
}

type planner struct {
	a     *Archive
	seen  map[string]bool
	steps []Step
}

// add follows __kmod_module_get_probe_list of libkmod: soft dependencies before,
// hard dependencies, the module, soft dependencies after.
func (p *planner) add(m Module, optional bool) error {
	if p.seen[m.Name] || m.Builtin() {
		return nil
	}
	p.seen[m.Name] = true
	if err := p.soft(m.Pre); err != nil {
		return err
	}
	for _, name := range m.Depends {
		dep, ok, err := p.a.byName(Canonical(name))
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s depends on %s, which this kernel lacks", m.Name, name)
		}
		if err := p.add(dep, optional); err != nil {
			return err
		}
	}
	p.steps = append(p.steps, Step{Module: m, Optional: optional})
	return p.soft(m.Post)
}

// soft adds modules that nothing breaks without.
func (p *planner) soft(names []string) error {
	for _, name := range names {
		found, err := p.a.Find(name)
		if err != nil {
			return err
		}
		for _, m := range found {
			if err := p.add(m, true); err != nil {
				return err
			}
		}
	}
	return nil
}
