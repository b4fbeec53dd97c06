package session

import "strings"

// GuestEnv is the part of the environment that a test may depend on and that
// means the same in the guest, for a program that runs in dir.
func GuestEnv(environ []string, dir string) []string {
	env := []string{"PATH=/bbin:/bin:/sbin:/usr/bin", "HOME=/root", "USER=root", "TMPDIR=/tmp", "PWD=" + dir, "TERM=linux"}
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case name == "GODEBUG", name == "GOTRACEBACK", name == "GOMAXPROCS", name == "GOGC", name == "TZ",
			strings.HasPrefix(name, "KMODTEST_"), strings.HasPrefix(name, "TEST_"), name == "GOCOVERDIR":
			env = append(env, kv)
		}
	}
	return env
}
