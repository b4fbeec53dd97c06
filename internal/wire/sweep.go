package wire

import "strings"

// Sweep is a guest's question, through the Mailbox: does anything in the kernel
// still point into memory that was a module's?
type Sweep struct {
	// Module was unloaded; with Refused, the kernel refused to load it.
	Module  string `json:"module"`
	Refused bool   `json:"refused,omitempty"`
	// Lay are the addresses that the sections of Module had, by name; none if it
	// was refused.
	Lay map[string]uint64 `json:"lay,omitempty"`
	// Stayed are the modules that are still loaded.
	Stayed []Loaded `json:"stayed,omitempty"`
	// Final tells that the guest will not look again after this unload: what is
	// found is told now, and not a second time.
	Final bool `json:"final,omitempty"`
	// Heap asks for what the live objects of the heap hold, and for nothing else.
	Heap bool `json:"heap,omitempty"`
	// Namespaces asks whether network namespaces are on their way out, and for
	// nothing else.
	Namespaces bool `json:"namespaces,omitempty"`
	// Note is what the kernel says of its own place in memory: the note VMCOREINFO
	// of /proc/kcore. A process tells it once: it stays the same.
	Note string `json:"note,omitempty"`
	// Symbols is a part of /proc/kallsyms, which the host asked for, and Last
	// tells that it is the last one.
	Symbols string `json:"symbols,omitempty"`
	Last    bool   `json:"last,omitempty"`
	// Took is for how many microseconds this process has waited for sweeps so far,
	// and prepared them.
	Took int64 `json:"took,omitempty"`
	// Spent is the test that left the kernel in a state in which nothing more can
	// be tried. The host ends the guest instead of an answer.
	Spent string `json:"spent,omitempty"`
	// Log are records as /dev/kmsg gives them: which reports of the kernel's are in
	// them is asked, and nothing else.
	Log string `json:"log,omitempty"`
	// After is what was found to be wrong when all tests were over, and nothing is
	// asked.
	After []After `json:"after,omitempty"`
	// Unable is why this kernel cannot be swept.
	Unable string `json:"unable,omitempty"`
	// Fail asks for a call of a module to fail, and for nothing else.
	Fail *Fail `json:"fail,omitempty"`
	// Left is what the guest's own look has found: it was not there before the
	// modules Own were loaded, with the parameters Params, and is there now that they
	// are gone. The guest asks what ties it to them, on behalf of Test, and for
	// nothing else.
	Left   []Left   `json:"left,omitempty"`
	Own    []string `json:"own,omitempty"`
	Params []string `json:"params,omitempty"`
	Test   string   `json:"test,omitempty"`
}

// After is something that was wrong when all tests were over, with the test and the
// module that it came of, if they are known.
type After struct {
	Test   string `json:"test,omitempty"`
	Module string `json:"module,omitempty"`
	Text   string `json:"text"`
	// Failed tells that it could not be found out.
	Failed bool `json:"failed,omitempty"`
}

// Fail is a call of a module into the kernel that is to fail.
type Fail struct {
	// Call is "FILE:LINE [FUNCTION] [interrupt] [#N]"; N counts from now on.
	Call string `json:"call"`
	// Over ends it.
	Over bool `json:"over,omitempty"`
}

// Left is one thing that is there: its kind, as package guest has them, and name.
type Left struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// Loaded is where the sections of a loaded module are, by name.
type Loaded struct {
	Module   string            `json:"module"`
	Sections map[string]uint64 `json:"sections"`
}

// Swept is the answer to a Sweep.
type Swept struct {
	// Want tells that the host needs the kernel's symbols first: it does once for
	// each kernel.
	Want bool `json:"want,omitempty"`
	// Unable is why the host cannot sweep.
	Unable string `json:"unable,omitempty"`
	// Error is what went wrong.
	Error string `json:"error,omitempty"`
	// Heap tells that the heap can be looked through.
	Heap bool `json:"heap,omitempty"`
	// Going tells that network namespaces are on their way out.
	Going bool `json:"going,omitempty"`
	// Failed is how often a call failed whose Fail is over.
	Failed uint64 `json:"failed,omitempty"`
	// Ties say for each of Left what ties it to the modules, empty if nothing does.
	Ties []string `json:"ties,omitempty"`
	// Held are the pointers that were found and that no earlier answer told.
	Held []Held `json:"held,omitempty"`
	// Reports are the titles of those in Sweep.Log that are not allowed.
	Reports []string `json:"reports,omitempty"`
}

// Held is something that still points into a module that is gone.
type Held struct {
	// Kind says what holds, if that can be told: "netdevice notifier chain".
	Kind string `json:"kind,omitempty"`
	// Holder is the place of the pointer: dcbnl_nb+0x8.
	Holder string `json:"holder"`
	// Also are further places that point to the same object.
	Also []string `json:"also,omitempty"`
	// Target is what it points to: faulty_nb+0x0 [faulty].
	Target string `json:"target"`
	// Due tells that the kernel will follow it by itself, before long.
	Due bool `json:"due,omitempty"`
	// Where is the line of C that defines the target, if that is known.
	Where string `json:"where,omitempty"`
}

// String tells it in one line.
func (h Held) String() string {
	s := h.Holder + " points to " + h.Target
	if h.Kind != "" {
		s = h.Kind + ": " + s
	}
	if h.Where != "" {
		s += " (" + h.Where + ")"
	}
	if len(h.Also) > 0 {
		s += ", and so does " + strings.Join(h.Also, ", ")
	}
	return s
}
