package kernel

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// Exporters tells which of the cached kernels export each of the symbols, by
// release, and which kernels were asked.
func Exporters(store *cache.Store, symbols []string) (by map[string][]string, asked []string) {
	by = map[string][]string{}
	files, _ := filepath.Glob(filepath.Join(store.Dir, kindKernel, "*", "*", "usr/src/linux-headers-*/Module.symvers"))
	for _, file := range files {
		release := strings.TrimPrefix(filepath.Base(filepath.Dir(file)), "linux-headers-")
		f, err := os.Open(file)
		if err != nil || slices.Contains(asked, release) {
			continue // it goes away just now, or is there twice
		}
		sc := bufio.NewScanner(f)
		for sc.Scan() {
			// CRC, symbol, module, kind of export, namespace; tabs between them.
			fields := strings.Split(sc.Text(), "\t")
			if len(fields) > 1 && slices.Contains(symbols, fields[1]) {
				by[fields[1]] = append(by[fields[1]], release)
			}
		}
		f.Close()
		if sc.Err() == nil { // one that cannot be read has not been asked
			asked = append(asked, release)
		}
	}
	slices.SortFunc(asked, compareVersions)
	for _, releases := range by {
		slices.SortFunc(releases, compareVersions)
	}
	return by, asked
}
