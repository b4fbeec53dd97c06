package smoke

// Shard is one part of the cells kernel x module, which several machines share. The
// zero value is the whole.
//
// Cells are numbered with the kernel counting fastest, for which modules there are
// is known only once a kernel's build is done: so a machine builds for the kernels
// alone of which it has cells.
type Shard struct{ Index, Count int }

// has tells whether the cell of a kernel and a module belongs to the shard.
func (s Shard) has(kernel, kernels, module int) bool {
	return s.Count == 0 || (kernel+module*kernels)%s.Count == s.Index-1
}

// mayHave tells whether any cell of the kernel does.
func (s Shard) mayHave(kernel, kernels int) bool {
	for module := range s.Count {
		if s.has(kernel, kernels, module) {
			return true
		}
	}
	return s.Count == 0
}
