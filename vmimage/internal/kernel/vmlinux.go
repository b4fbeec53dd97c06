package kernel

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// ErrNoTypes says that a kernel's image has no type information that could be read.
var ErrNoTypes = errors.New("the kernel's image has no type information, or is packed in a way that is not known")

// Types returns the kernel's information on its types, BTF (Documentation/bpf/btf.rst),
// out of its image. One that was packed with xz cannot be read: the kernel has a filter
// for it (scripts/xz_wrap.sh) that only xz itself knows.
func (k Kernel) Types() ([]byte, error) {
	image, err := os.ReadFile(k.Image)
	if err != nil {
		return nil, fmt.Errorf("read types of kernel %s: %w", k.Release, err)
	}
	vmlinux, err := unpackImage(image)
	if err != nil {
		return nil, fmt.Errorf("read types of kernel %s: %w", k.Release, err)
	}
	f, err := elf.NewFile(bytes.NewReader(vmlinux))
	if err != nil {
		return nil, fmt.Errorf("read types of kernel %s: %w", k.Release, err)
	}
	s := f.Section(".BTF")
	if s == nil {
		return nil, fmt.Errorf("read types of kernel %s: %w", k.Release, ErrNoTypes)
	}
	return s.Data()
}

// The fields of a bzImage that say where the kernel is in it
// (Documentation/arch/x86/boot.rst).
const (
	setupSectors  = 0x1f1
	bootMagic     = 0x202 // "HdrS"
	payloadOffset = 0x248
	payloadLength = 0x24c
	sector        = 512
)

// unpackImage returns the kernel that is packed in an image.
func unpackImage(image []byte) ([]byte, error) {
	if len(image) < payloadLength+4 || string(image[bootMagic:][:4]) != "HdrS" {
		return nil, ErrNoTypes
	}
	word := func(at int) int { return int(binary.LittleEndian.Uint32(image[at:])) }
	from := (int(image[setupSectors])+1)*sector + word(payloadOffset)
	to := from + word(payloadLength)
	if from >= to || to > len(image) {
		return nil, ErrNoTypes
	}
	payload := image[from:to]
	switch {
	case bytes.HasPrefix(payload, []byte{0x02, 0x21, 0x4c, 0x18}):
		// The size follows the stream (cmd_lz4_with_size in scripts/Makefile.lib).
		return io.ReadAll(lz4.NewReader(bytes.NewReader(payload[:len(payload)-4])))
	case bytes.HasPrefix(payload, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(bytes.NewReader(payload[:len(payload)-4]), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		return io.ReadAll(z)
	case bytes.HasPrefix(payload, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(payload))
		if err != nil {
			return nil, err
		}
		z.Multistream(false)
		return io.ReadAll(z)
	}
	return nil, ErrNoTypes
}
