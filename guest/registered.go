package guest

// Registered returns what exists now and did not before the load: what the unload
// contract would call a leftover if it stayed. It is what the module offers, as far
// as the kernel shows it, for tests that are to work with any module.
func (m *Module) Registered() ([]Leftover, error) {
	after, err := Snapshot(m.before.kinds...)
	if err != nil {
		return nil, err
	}
	return m.before.Left(after), nil
}
