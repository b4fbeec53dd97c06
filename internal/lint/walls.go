package main

// module is what the rooms below are relative to.
const module = "github.com/kmodtest/kmodtest"

// stages is where the stages of a run are.
const stages = "vmimage/internal/"

// commands are programs, and what only they use.
var commands = []string{"cmd/...", "internal/unit", "internal/usercache", stages + "dev/..."}

// wall keeps imports and calls out of rooms.
//
// A room is a package, by its path in this module; "name/..." is a folder with all
// below it, and "..." everything. What has a dot in front of its first slash is
// somebody else's. The tests of a package belong to its room.
type wall struct {
	why     string
	in      []string // rooms that the wall stands around
	except  []string // rooms among those that it leaves out
	imports []string // what may not be imported there
	calls   []string // functions of the standard library that may not be named there, as path.Name
	// tests tells that test files may.
	tests bool
}

var walls = []wall{
	{
		why:     "only vm knows QEMU, through vmtest",
		in:      []string{"..."},
		except:  []string{stages + "vm"},
		imports: []string{"github.com/hugelgupf/vmtest/..."},
	},
	{
		why: "only guestbase, which initramfs runs, makes images, through mkuimage",
		in:  []string{"..."},
		// The recorder of golden traces makes a guest of its own.
		except:  []string{stages + "initramfs", "cmd/guestbase", stages + "dev/record", stages + "dev/record/guest"},
		imports: []string{"github.com/u-root/..."},
	},
	{
		why: "what runs in the guest knows nothing of the host",
		in: []string{
			"vnetnl/...", "guest/...", "cmd/guestinit/...", "cmd/guestsmoke/...", "cmd/vnetctl/...", "examples/...", "tests", "tests/faulty/cases", "tests/fuzzed",
			"internal/edges", "internal/guestenv", "internal/marks", "internal/misuse", "internal/modarchive", "internal/smoketest", "internal/sysmon", "internal/wire",
		},
		imports: []string{"vmimage/...", "cmd/..."},
	},
	{
		why:     "a client is of use without kmodtest",
		in:      []string{"vnetnl"},
		imports: []string{"guest/...", "internal/..."},
	},
	{
		why:     "the framework does not know what it tests",
		in:      []string{"vmimage/...", "guest/...", "cmd/kmodtest/...", "cmd/guestinit/...", "internal/edges", "internal/guestenv", "internal/marks", "internal/misuse", "internal/modarchive", "internal/sysmon", "internal/wire"},
		except:  []string{stages + "dev/..."},
		imports: []string{"vnetnl/...", "kmod/...", "tests/...", "examples/..."},
	},
	{
		why:    "libraries read no environment; cmd/kmodtest does",
		in:     []string{"..."},
		except: commands,
		calls:  []string{"os.Getenv", "os.LookupEnv", "os.ExpandEnv", "syscall.Getenv"},
		tests:  true,
	},
	{
		why:    "the working directory belongs to the process, not to a library",
		in:     []string{"..."},
		except: commands,
		calls:  []string{"os.Chdir", "syscall.Chdir", "golang.org/x/sys/unix.Chdir"},
		tests:  true,
	},
}

// public are the packages whose exported names mention nothing but the standard
// library, each other, and what is in leaks.
var public = []string{"vmimage", "guest", "guest/rtnl", "vnetnl"}

// leaks are types of others that public packages may mention, with the reason.
var leaks = map[string]string{
	// Package genltest, which stands in for a kernel, makes no other connections.
	"github.com/mdlayher/genetlink.Conn":           "a test of a client brings its own connection",
	"github.com/mdlayher/genetlink.Family":         "what the kernel tells of a family has no other form",
	"github.com/mdlayher/netlink.AttributeEncoder": "a kind of link has attributes that rtnl has not heard of",
}
