package run

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// EnvVar is a change of the environment in the guest.
type EnvVar struct {
	Name, Value string
	// Remove takes the variable away instead.
	Remove bool
}

// guestPath is where a guest has programs: u-root's commands come last.
const guestPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/bbin"

// ownEnv are the variables that a guest has values of its own for.
func ownEnv(dir string) []string {
	return []string{
		"PATH=" + guestPath, "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "TMPDIR=/tmp", "PWD=" + dir, "TERM=linux",
		"ZONEINFO=/usr/share/zoneinfo.zip", // the time zones of Go, see package initramfs
	}
}

// hostEnv are the variables, or where they end in "*" the beginnings of their
// names, that a guest does not get: they name places, people and programs of the
// host.
var hostEnv = []string{
	"_", "DBUS_*", "DISPLAY", "GPG_*", "HOSTNAME", "LD_*", "LS_COLORS", "MAIL", "OLDPWD", "SHLVL", "SSH_*", "SUDO_*", "TEMP",
	"TERMINFO*", "TMP", "WAYLAND_*", "XAUTHORITY", "XDG_*",
}

// harmlessEnv are the variables of the host that tell how a program behaves, and
// nothing of the user's: a bundle may keep them.
var harmlessEnv = []string{
	"CI", "GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK", "GORACE", "LANG", "LC_*", "TZ",
}

// GuestEnv is the environment in the guest of a test that go test would give
// environ on the host: all of it, but for what names things of the host. dir is
// its working directory.
func GuestEnv(environ []string, dir string) []string {
	env := ownEnv(dir)
	own := len(env)
	for _, kv := range environ {
		name, _, ok := strings.Cut(kv, "=")
		if ok && name != "" && !matches(hostEnv, name) && !hasVar(env[:own], name) {
			env = append(env, kv)
		}
	}
	return env
}

// env is the environment of the guest's processes.
func (o *Options) env() []string {
	env := slices.Clone(o.Env)
	for _, c := range o.EnvChanges {
		env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, c.Name+"=") })
		if !c.Remove {
			env = append(env, c.Name+"="+c.Value)
		}
	}
	return env
}

// KeptEnv is the part of the environment in the guest that may be written down:
// an environment holds secrets. dropped are the names of the rest.
func (o *Options) KeptEnv() (kept, dropped []string) {
	for _, kv := range o.env() {
		name, _, _ := strings.Cut(kv, "=")
		named := slices.ContainsFunc(o.EnvChanges, func(c EnvVar) bool { return c.Name == name })
		if named || hasVar(ownEnv(""), name) || matches(harmlessEnv, name) || strings.HasPrefix(name, "KMODTEST_") {
			kept = append(kept, kv)
		} else {
			dropped = append(dropped, name)
		}
	}
	return kept, dropped
}

func hasVar(env []string, name string) bool {
	return slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}

// matches tells whether name is in the list.
func matches(list []string, name string) bool {
	return slices.ContainsFunc(list, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return name == pattern || open && strings.HasPrefix(name, prefix)
	})
}

// zone is the file of the time zone that TZ names (tzset(3)), "" if there is none:
// then the guest's time is UTC.
func (o *Options) zone() string {
	for _, kv := range o.env() {
		name, ok := strings.CutPrefix(kv, "TZ=")
		name = strings.TrimPrefix(name, ":")
		if !ok || name == "" || !filepath.IsLocal(name) {
			continue
		}
		file := filepath.Join("/usr/share/zoneinfo", name)
		if fi, err := os.Stat(file); err == nil && fi.Mode().IsRegular() {
			return file
		}
	}
	return ""
}
