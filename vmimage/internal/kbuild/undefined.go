package kbuild

import (
	"regexp"
	"slices"
)

// undefined matches modpost's words on a symbol that nothing exports: those of
// today, and those until 7.0.
var undefined = regexp.MustCompile(`(?:symbol '([^']+)'|"([^"]+)" \[[^\]]*\]) undefined!`)

// Undefined returns the symbols that a build lacked.
func Undefined(output string) (symbols []string) {
	for _, m := range undefined.FindAllStringSubmatch(output, -1) {
		for _, name := range m[1:] {
			if name != "" && !slices.Contains(symbols, name) {
				symbols = append(symbols, name)
			}
		}
	}
	return symbols
}
