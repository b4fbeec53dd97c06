package fault

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
)

// journal is what a sweep of a kernel has found so far. It is kept until the sweep is
// over: one that was interrupted goes on where it was.
//
// It is that of a kernel, the modules and their stubs, the image, the guest's machine
// and the table of what can fail; what is in it, of a scenario: its program, arguments
// and environment. So nothing is taken for something else's. What is red is not kept,
// and is had again: its bundle went with the report that was to be.
type journal struct {
	store *cache.Store // nil keeps nothing
	name  string

	mu      sync.Mutex
	content journalContent
}

type journalContent struct {
	// Counts are those of the counting runs, by scenario; Entries are by scenario and
	// failure.
	Counts  map[string]counted `json:"counts"`
	Entries map[string]entry   `json:"entries"`
}

// counted is what a counting run has shown: the calls, and whether the module was
// refused.
type counted struct {
	Reached []calls.Reached `json:"reached"`
	Refused *Refusal        `json:"refused,omitempty"`
	// Took is how long the scenario ran.
	Took time.Duration `json:"took"`
}

// entry is a failure that was had.
type entry struct {
	Outcome Outcome `json:"outcome"`
	// Next are the numbers of the calls that were made after it.
	Next []int `json:"next,omitempty"`
}

// openJournal opens the journal of the kernel's sweep. Lines that are counted and
// calls that are recorded are in no journal, so that such a sweep has none.
func (s *sweeper) openJournal() (*journal, error) {
	j := &journal{content: journalContent{make(map[string]counted), make(map[string]entry)}}
	if s.run.Counted != nil || s.run.Recorded != nil {
		return j, nil
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	var mods []string
	for _, m := range s.run.Modules {
		mods = append(mods, m.Digest)
	}
	err := enc.Encode([]any{
		"sweep 3", s.run.Kernel.Digest, s.run.Image.Digest, mods, s.sites, s.run.Accel, s.run.MemoryMiB, s.run.CPUs, s.run.Devices, s.run.KernelArgs,
		s.run.Modprobe, s.run.Setup, s.run.Teardown, s.run.Limits, s.session.Config.Allow,
	})
	if err != nil {
		return nil, fmt.Errorf("open journal of the sweep: %w", err)
	}
	j.store, j.name = s.session.Kernels.Store, "sweep/"+hex.EncodeToString(h.Sum(nil)[:16])
	b, err := j.store.ReadState(j.name)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &j.content)
	}
	if err != nil {
		return nil, fmt.Errorf("read journal of an interrupted sweep: %w", err)
	}
	return j, nil
}

// key is what a scenario is known by.
func (sc Scenario) key() string {
	h := sha256.New()
	f, err := os.Open(sc.Binary)
	if err == nil {
		_, err = io.Copy(h, f)
		f.Close()
	}
	if err != nil {
		return "" // it will not run either
	}
	env := slices.Sorted(slices.Values(sc.Env))
	_ = json.NewEncoder(h).Encode([]any{sc.Name, sc.Args, env, sc.Told}) // texts can be encoded
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func (s shot) key() string {
	b, _ := json.Marshal(s.all()) // numbers can be encoded
	return string(b)
}

func (j *journal) counted(sc Scenario) (counted, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c, ok := j.content.Counts[sc.key()]
	return c, ok
}

func (j *journal) count(sc Scenario, c counted) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.content.Counts[sc.key()] = c
	return j.write()
}

func (j *journal) look(sc Scenario, s shot) (entry, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e, ok := j.content.Entries[sc.key()+" "+s.key()]
	return e, ok
}

// known are the failures of shots that were had.
func (j *journal) known(sc Scenario, shots []shot) []shot {
	return slices.DeleteFunc(slices.Clone(shots), func(s shot) bool { _, ok := j.look(sc, s); return !ok })
}

func (j *journal) note(sc Scenario, s shot, e entry) error {
	if e.Outcome.State.Red() || e.Outcome.State == Unsteady {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.content.Entries[sc.key()+" "+s.key()] = e
	return j.write()
}

// write replaces the file: there is never half of one.
func (j *journal) write() error {
	if j.store == nil {
		return nil
	}
	b, err := json.Marshal(j.content)
	if err != nil {
		return fmt.Errorf("write journal of the sweep: %w", err)
	}
	return j.store.WriteState(j.name, b)
}

// close forgets it all: the sweep is over.
func (j *journal) close() error {
	if j.store == nil {
		return nil
	}
	return j.store.RemoveState(j.name)
}
