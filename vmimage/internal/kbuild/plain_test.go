package kbuild

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/usercache"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// realKernel is the default kernel of the archive, from the user's cache.
func realKernel(t *testing.T) kernel.Kernel {
	t.Helper()
	cacheDir, err := usercache.Dir()
	if err != nil {
		t.Fatal(err)
	}
	store := kernel.OpenStore(cacheDir,
		func(what string) { t.Log("waiting for", what) }, func(m string) { t.Error("warning:", m) })
	t.Cleanup(func() { store.Close() })
	k, err := kernel.Get(t.Context(), kernel.Options{Store: store}, kernel.Spec{Series: "6.12", Suite: "bookworm-security"})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestPlainBuild compares the build of a tree with what its author gets: make
// in the folder, with Debian's headers installed. Both see the same variables,
// and make the same modules.
func TestPlainBuild(t *testing.T) {
	k := realKernel(t)
	dir := filepath.Join(t.TempDir(), "pair")
	if err := os.CopyFS(dir, os.DirFS("testdata/pair")); err != nil {
		t.Fatal(err)
	}
	own := kernel.OpenStore(filepath.Join(t.TempDir(), "store"), nil, nil)
	defer own.Close()
	tree, err := BuildTree(t.Context(), TreeOptions{Kernel: k, Dir: dir, Show: "pair", Store: own})
	if err != nil {
		t.Fatalf("%v\n%s", err, kernel.Output(err))
	}
	if diff := cmp.Diff([]string{"pair_exports=b-exports/pair-exports.ko", "pair_user=a-user/pair-user.ko"}, made(tree)); diff != "" {
		t.Errorf("modules (-want +got):\n%s", diff)
	}
	log, err := os.ReadFile(tree.Log)
	if err != nil {
		t.Fatal(err)
	}
	want := Diagnostic{"pair/a-user/pair-user.c", 9, "warning", "variable 'unused' set but not used [-Wunused-but-set-variable]"}
	if !slices.Contains(Diagnostics(string(log)), want) {
		t.Errorf("the log lacks %v:\n%s", want, log)
	}

	plain := plainBuild(t, k)
	kdir, err := KernelDir(t.Context(), own, k)
	if err != nil {
		t.Fatal(err)
	}
	copies, _ := filepath.Glob(filepath.Join(own.Dir, kindBuild, "*", "tree"))
	if len(copies) != 1 {
		t.Fatalf("copies of the tree: %q", copies)
	}
	// make resolves the links of the plain one.
	theirs := strings.NewReplacer(k.BuildDir, "BUILD", k.SourceDir, "SOURCE",
		"/usr/src/"+filepath.Base(k.BuildDir), "BUILD", "/usr/src/"+filepath.Base(k.SourceDir), "SOURCE", plain, "TREE")
	ours := strings.NewReplacer(kdir, "BUILD", k.SourceDir, "SOURCE", copies[0], "TREE")
	if diff := cmp.Diff(seen(t, plain, theirs), seen(t, copies[0], ours)); diff != "" {
		t.Errorf("what the makefile sees (-plain +ours):\n%s", diff)
	}
	for _, file := range []string{"a-user/pair-user.ko", "b-exports/pair-exports.ko"} {
		a, b := section(t, k, filepath.Join(plain, file)), section(t, k, filepath.Join(copies[0], file))
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s (-plain +ours):\n%s", file, diff)
		}
	}
}

// plainBuild runs the author's make with Debian's headers where the package
// installs them, and returns the folder.
func plainBuild(t *testing.T, k kernel.Kernel) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "plain")
	if err := os.CopyFS(dir, os.DirFS("testdata/pair")); err != nil {
		t.Fatal(err)
	}
	src := t.TempDir()
	for _, d := range []string{k.SourceDir, k.BuildDir} {
		if err := os.Symlink(d, filepath.Join(src, filepath.Base(d))); err != nil {
			t.Fatal(err)
		}
	}
	build := "/usr/src/" + filepath.Base(k.BuildDir)
	script := "set -e; mount --bind " + src + " /usr/src; " +
		"cd " + dir + "/b-exports; make -C " + build + " M=$PWD modules; " +
		"cd ../a-user; make -C " + build + " M=$PWD KBUILD_EXTRA_SYMBOLS=" + dir + "/b-exports/Module.symvers modules"
	// BTF is a matter of pahole, which the host may lack.
	script = strings.ReplaceAll(script, " modules", " CONFIG_DEBUG_INFO_BTF_MODULES= modules")
	cmd := kernel.Command{Args: []string{"unshare", "-Urm", "sh", "-c", script}, Clean: true, Path: k.Toolchain.Path, Env: k.Toolchain.Env}
	if out, err := cmd.Run(t.Context()); err != nil {
		t.Fatalf("plain build (it needs user namespaces): %v\n%s", err, out)
	}
	return dir
}

// seen are the lines that the makefile of a-user wrote, each once.
func seen(t *testing.T, tree string, paths *strings.Replacer) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(paths.Replace(read(t, filepath.Join(tree, "a-user/seen")))) {
		lines = append(lines, strings.Fields(line)...)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

var heading = regexp.MustCompile(`(?m)^.*file format.*$`)

// section disassembles what runs, and prints what modinfo does.
func section(t *testing.T, k kernel.Kernel, ko string) []string {
	t.Helper()
	out, err := k.Toolchain.Command([]string{"objdump", "-dr", "-s", "-j", ".text", "-j", ".init.text", "-j", ".modinfo", ko}).Run(t.Context())
	if err != nil && out == "" {
		t.Fatal(err)
	}
	return strings.Split(heading.ReplaceAllString(out, ""), "\n")
}
