package matrix

import (
	"fmt"
	"slices"
	"strings"
)

// Flags is a command line of go test, taken apart.
type Flags struct {
	// Packages are the package patterns; none means those of the project.
	Packages []string
	// Build goes to go test -c, Test to the test binary.
	Build []string
	Test  []string
	// Verbose and JSON say how the output is told.
	Verbose, JSON bool
}

// kind is what a flag of go test is to a matrix.
type kind int

const (
	testBool   kind = iota // a flag of the binary without a separate value
	testValue              // one with a value
	buildBool              // a flag of go build
	buildValue             //
	tellBool               // how the matrix tells what it does
)

// goFlags are the flags of go test that a matrix understands.
var goFlags = map[string]kind{
	"run": testValue, "skip": testValue, "count": testValue, "timeout": testValue, "cpu": testValue, "parallel": testValue,
	"bench": testValue, "benchtime": testValue, "shuffle": testValue,
	"short": testBool, "failfast": testBool, "benchmem": testBool, "fullpath": testBool,
	"tags": buildValue, "ldflags": buildValue, "gcflags": buildValue, "asmflags": buildValue, "mod": buildValue, "modfile": buildValue, "p": buildValue,
	"a": buildBool, "x": buildBool, "trimpath": buildBool, "race": buildBool,
	"v": tellBool, "json": tellBool,
}

// refused are flags of go test that cannot mean anything here, and why.
var refused = map[string]string{
	"msan": "nobody has tried it in a guest",
	"asan": "nobody has tried it in a guest",
	"exec": "the matrix runs the binary in guests",
	"c":    "the matrix compiles by itself",
	"o":    "the matrix compiles by itself",
	"list": "go test -list lists them",
	"vet":  "the matrix does not vet: go vet does",
	"fuzz": "fuzzing takes one kernel: use kmodtest test",
}

func init() {
	for _, f := range []string{"cover", "covermode", "coverpkg", "coverprofile", "cpuprofile", "memprofile", "blockprofile", "mutexprofile", "trace", "outputdir"} {
		refused[f] = "every kernel would write the same file: use kmodtest test -kernel"
	}
}

// ParseFlags takes the arguments of go test apart. Packages may stand in front
// of flags or between them; what follows -args goes to the binary as it is.
func ParseFlags(args []string) (Flags, error) {
	f := Flags{Test: []string{"-test.paniconexit0", "-test.v=test2json"}}
	given := make(map[string]bool)
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			continue // it only parts these flags from others
		}
		name, value, hasValue := strings.Cut(args[i], "=")
		if !strings.HasPrefix(name, "-") {
			f.Packages = append(f.Packages, args[i])
			continue
		}
		name = strings.TrimPrefix(strings.TrimLeft(name, "-"), "test.")
		if name == "args" {
			return f.finish(given, args[i+1:]), nil
		}
		k, known := goFlags[name]
		switch {
		case refused[name] != "":
			return Flags{}, fmt.Errorf("flag -%s: %s", name, refused[name])
		case !known:
			return Flags{}, fmt.Errorf("flag -%s: not one of go test's that a matrix knows: %s", name, knownFlags())
		}
		given[name] = true
		if (k == testValue || k == buildValue) && !hasValue {
			if i++; i == len(args) {
				return Flags{}, fmt.Errorf("flag -%s: it needs a value", name)
			}
			value = args[i]
		} else if !hasValue {
			value = "true"
		}
		switch k {
		case testBool, testValue:
			f.Test = append(f.Test, "-test."+name+"="+value)
		case buildBool, buildValue:
			f.Build = append(f.Build, "-"+name+"="+value)
		case tellBool:
			f.Verbose = f.Verbose || name == "v" && value != "false"
			f.JSON = f.JSON || name == "json" && value != "false"
		}
	}
	return f.finish(given, nil), nil
}

// finish adds what go test adds to every binary's command line.
func (f Flags) finish(given map[string]bool, rest []string) Flags {
	if !given["timeout"] {
		f.Test = append(f.Test, "-test.timeout=10m0s")
	}
	f.Test = append(f.Test, rest...)
	return f
}

func knownFlags() string {
	var names []string
	for n := range goFlags {
		names = append(names, "-"+n)
	}
	slices.Sort(names)
	return strings.Join(append(names, "-args"), " ")
}
