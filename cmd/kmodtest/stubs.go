package main

import "context"
import "flag"
import "os"
import "encoding/json"

func writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil { return err }
	return os.WriteFile(name, append(b, '\n'), 0o644)
}
func todo(context.Context, *app, *flag.FlagSet, []string) error { return nil }
var buildCommand = command{name: "build", run: todo}
var shellCommand = command{name: "shell", run: todo}
var kernelsCommand = command{name: "kernels", run: todo}
var cacheCommand = command{name: "cache", run: todo}
var doctorCommand = command{name: "doctor", run: todo}
