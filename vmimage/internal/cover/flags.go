package cover

import (
	"regexp"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
)

// Instrument has a tree's modules count. What the compiler makes of inline
// functions of the kernel's headers is left out: they are not the module's.
func Instrument() *kbuild.Instrument {
	return &kbuild.Instrument{
		ID: "gcov 2",
		// objtool is told so by kbuild: gcc counts behind what does not return, too.
		Env: []string{"CONFIG_GCOV_KERNEL=y"},
		CFlags: func(kernel []string) []string {
			// gcc takes a list of regular expressions for names of files as the
			// compiler was told them: absolute, or relative to the kernel.
			exclude := []string{`^\./(include|arch)/`, `^(include|arch)/`}
			for _, dir := range kernel {
				exclude = append(exclude, "^"+regexp.QuoteMeta(strings.TrimSuffix(dir, "/"))+"/")
			}
			return []string{
				"-fprofile-arcs", "-ftest-coverage",
				// Every counter is then added to where it is, by one instruction.
				"-fprofile-update=atomic",
				"-fprofile-exclude-files=" + strings.Join(exclude, ";"),
			}
		},
		// Constructors call these; link.go defines them.
		Header: "#ifndef __ASSEMBLY__\n" +
			"asm(\".weak __gcov_init\\n.weak __gcov_exit\\n.weak __gcov_merge_add\");\n#endif\n",
		Keep: "*.gcno",
	}
}
