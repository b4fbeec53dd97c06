package wire

import (
	"encoding/json"
	"fmt"

	"github.com/kmodtest/kmodtest/internal/guestenv"
)

// Version is the version of the protocol: of the frames' types and of the
// messages. Host and guest have to agree; the guest's greeting tells it.
const Version = 6

// Greeting is what the guest tells of itself.
type Greeting struct {
	Version int    `json:"version"`
	Release string `json:"release"`
}

// Job tells the guest what to do.
type Job struct {
	// Now is the host's time in nanoseconds since 1970.
	Now int64 `json:"now"`
	// Seed is mixed into the guest's random pool.
	Seed []byte `json:"seed"`
	// PayloadSize is the length in bytes of the tar archive at the start of
	// the payload device, 0 if there is none. It is unpacked over /.
	PayloadSize int64 `json:"payload_size"`
	// Info is written to guestenv.InfoPath.
	Info guestenv.Info `json:"info"`
	// Preload are the .ko files to load first, in this order.
	Preload []string `json:"preload,omitempty"`
	// Modprobe are the modules of the kernel's own to load then, by name or
	// alias, with what they depend on.
	Modprobe []string `json:"modprobe,omitempty"`
	// Steps are the processes to run, one after the other.
	Steps []Step `json:"steps"`
	// Dirs are directories to make, which Outputs are written to.
	Dirs []string `json:"dirs,omitempty"`
	// Outputs are the files and directories to hand back at the end, if they
	// exist then.
	Outputs []string `json:"outputs,omitempty"`
	// Changed are directories of which the files are handed back that were
	// written since the payload was unpacked.
	Changed []string `json:"changed,omitempty"`
	// Globs are patterns of further files and directories to hand back.
	Globs []string `json:"globs,omitempty"`
	// Unwatched forwards no kernel log before the end, and no signs of life.
	Unwatched bool `json:"unwatched,omitempty"`
	// Interactive connects the last step to the third serial port.
	Interactive bool `json:"interactive,omitempty"`
	// Rows and Cols are the size of the user's terminal, if that is known.
	Rows uint16 `json:"rows,omitempty"`
	Cols uint16 `json:"cols,omitempty"`
}

// Step is one process.
type Step struct {
	Name string   `json:"name"`
	Args []string `json:"args"`
	Dir  string   `json:"dir"`
	Env  []string `json:"env"`
	// Setup says that the steps after this one need it: if it fails, they do not
	// run. What it starts lives on.
	Setup bool `json:"setup,omitempty"`
}

// ExitStatus tells how a step's process ended.
type ExitStatus struct {
	Step string `json:"step"`
	// Code is the exit status; it is -1 if a signal ended the process.
	Code   int    `json:"code"`
	Signal string `json:"signal,omitempty"`
	// Error is why the process could not be started.
	Error string `json:"error,omitempty"`
	// MaxRSS is the process's peak memory in KiB.
	MaxRSS int64 `json:"max_rss"`
}

// FileHeader announces a file. Size bytes of FileData follow.
type FileHeader struct {
	Path string `json:"path"`
	Mode uint32 `json:"mode"`
	Size int64  `json:"size"`
	// Early is set of a file that counts only if the guest dies: it comes again at
	// the end, unless it is gone by then.
	Early bool `json:"early,omitempty"`
}

// Summary is the guest's last word. It is written after every process of the
// guest has ended and the kernel log was read to its end.
type Summary struct {
	// Loaded are the modules, of those in Info, that were still loaded.
	Loaded []string `json:"loaded,omitempty"`
	// Modprobed tells that a module of the kernel's own was loaded.
	Modprobed bool `json:"modprobed,omitempty"`
	// LostKmsg counts reads of the kernel log that found records overwritten.
	LostKmsg int `json:"lost_kmsg,omitempty"`
	// MemTotal and MemAvailable are in KiB, from /proc/meminfo.
	MemTotal     int64 `json:"mem_total"`
	MemAvailable int64 `json:"mem_available"`
}

// Decode decodes the JSON payload of f into v.
func (f Frame) Decode(v any) error {
	if err := json.Unmarshal(f.Payload, v); err != nil {
		return fmt.Errorf("decode frame of type %d: %w: %v", f.Type, ErrDamaged, err)
	}
	return nil
}
