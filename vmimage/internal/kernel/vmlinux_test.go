package kernel

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// TestUnpackImage packs as kernels do: with the size behind the stream.
func TestUnpackImage(t *testing.T) {
	want := bytes.Repeat([]byte("vmlinux "), 1000)
	packers := map[string]func(io.Writer) (io.WriteCloser, error){
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		"lz4": func(w io.Writer) (io.WriteCloser, error) {
			z := lz4.NewWriter(w)
			return z, z.Apply(lz4.LegacyOption(true))
		},
		"xz": func(w io.Writer) (io.WriteCloser, error) {
			_, err := io.WriteString(w, "\xfd7zXZ\x00")
			return nopCloser{io.Discard}, err
		},
	}
	for name, pack := range packers {
		var b bytes.Buffer
		w, err := pack(&b)
		if err == nil {
			_, err = w.Write(want)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		payload := binary.LittleEndian.AppendUint32(b.Bytes(), uint32(len(want)))
		image := make([]byte, 3*sector, 3*sector+len(payload))
		image[setupSectors] = 1
		copy(image[bootMagic:], "HdrS")
		binary.LittleEndian.PutUint32(image[payloadOffset:], sector)
		binary.LittleEndian.PutUint32(image[payloadLength:], uint32(len(payload)))
		got, err := unpackImage(append(image, payload...))
		if name == "xz" {
			if !errors.Is(err, ErrNoTypes) {
				t.Errorf("xz: error %v", err)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for _, image := range [][]byte{nil, make([]byte, 10*sector)} {
		if _, err := unpackImage(image); !errors.Is(err, ErrNoTypes) {
			t.Errorf("error %v", err)
		}
	}
}
