package cache

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// file is one line of a manifest: what the file holds, and how its inode
// looked when that was last known to be true. As in git's index, equal stat
// data stands for equal content: ctime cannot be set back by a program that
// edits the file and restores its mtime.
type file struct {
	path   string
	digest string // sha256 of the content, or of a symlink's target
	stat   stat
}

type stat struct {
	mode         uint32
	size         int64
	mtime, ctime int64
	inode        uint64
}

func lstat(path string) (stat, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return stat{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return stat{st.Mode, st.Size, st.Mtim.Nano(), st.Ctim.Nano(), st.Ino}, nil
}

func digestOf(path string, mode uint32) (string, error) {
	h := sha256.New()
	if mode&unix.S_IFMT == unix.S_IFLNK {
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		io.WriteString(h, target)
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeManifest records every file below tree. Directories are implied by
// their files.
func writeManifest(ctx context.Context, tree, path string) error {
	var files []file
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		if strings.ContainsRune(rel, '\n') {
			return fmt.Errorf("record %q: line break in a file name", rel)
		}
		files = append(files, file{path: rel})
		return nil
	})
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("nothing was put into it")
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i := range files {
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			f := &files[i]
			if f.stat, err = lstat(filepath.Join(tree, f.path)); err != nil {
				return err
			}
			if t := f.stat.mode & unix.S_IFMT; t != unix.S_IFREG && t != unix.S_IFLNK {
				return fmt.Errorf("record %s: neither a file nor a symlink", f.path)
			}
			f.digest, err = digestOf(filepath.Join(tree, f.path), f.stat.mode)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return os.WriteFile(path, encode(files), 0o644)
}

// encode ends with a digest of the lines, so that a manifest that lost some is
// not taken for a smaller entry.
func encode(files []file) []byte {
	var b bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&b, "%s %o %d %d %d %d %s\n", f.digest,
			f.stat.mode, f.stat.size, f.stat.mtime, f.stat.ctime, f.stat.inode, f.path)
	}
	sum := sha256.Sum256(b.Bytes())
	fmt.Fprintf(&b, "end %x\n", sum)
	return b.Bytes()
}

func readManifest(path string) ([]file, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	body, end, ok := bytes.Cut(data, []byte("\nend "))
	if !ok {
		return nil, errors.New("manifest is truncated")
	}
	body = append(body[:len(body):len(body)], '\n')
	if fmt.Sprintf("%x\n", sha256.Sum256(body)) != string(end) {
		return nil, errors.New("manifest does not match its digest")
	}
	files := make([]file, 0, bytes.Count(body, []byte("\n")))
	sc := bufio.NewScanner(bytes.NewReader(body))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		f, err := decode(sc.Text())
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, sc.Err()
}

func decode(line string) (file, error) {
	w := strings.SplitN(line, " ", 7)
	if len(w) != 7 {
		return file{}, fmt.Errorf("manifest has a bad line %q", line)
	}
	mode, err0 := strconv.ParseUint(w[1], 8, 32)
	size, err1 := strconv.ParseInt(w[2], 10, 64)
	mtime, err2 := strconv.ParseInt(w[3], 10, 64)
	ctime, err3 := strconv.ParseInt(w[4], 10, 64)
	inode, err4 := strconv.ParseUint(w[5], 10, 64)
	if err := errors.Join(err0, err1, err2, err3, err4); err != nil {
		return file{}, fmt.Errorf("manifest has a bad line %q: %w", line, err)
	}
	return file{path: w[6], digest: w[0], stat: stat{uint32(mode), size, mtime, ctime, inode}}, nil
}
