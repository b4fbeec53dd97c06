package vm

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// guestSide maps the ring as the guest does.
func guestSide(t *testing.T, gone <-chan struct{}) (*frames, *wire.Ring) {
	t.Helper()
	f, file, err := newFrames(io.Discard, gone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	mem, err := unix.Mmap(int(file.Fd()), 0, wire.RingSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(mem) })
	file.Close()
	return f, wire.NewRing(mem)
}

// What the guest wrote before it ended arrives, however late it is read.
func TestFrames(t *testing.T) {
	gone := make(chan struct{})
	f, ring := guestSide(t, gone)
	want := bytes.Repeat([]byte("what a guest says "), 100_000) // more than fits
	half := make(chan struct{})
	go func() {
		defer close(gone)
		if _, err := ring.Write(want[:10]); err != nil {
			t.Error(err)
		}
		<-half
		time.Sleep(3 * maxPoll) // the reader waits meanwhile
		if _, err := ring.Write(want[10:]); err != nil {
			t.Error(err)
		}
	}()
	got := make([]byte, 10)
	if _, err := io.ReadFull(f, got); err != nil {
		t.Fatal(err)
	}
	close(half)
	rest, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if got = append(got, rest...); !bytes.Equal(got, want) {
		t.Errorf("%d bytes arrived of %d, or others", len(got), len(want))
	}
	f.close()
	if n, err := f.Read(got); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read after close = %d, %v", n, err)
	}
}

func TestFramesAt(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		want         uint64
		err          string
	}{
		{
			"found", `{"return": [{"bus": 0, "devices": [
				{"slot": 17, "regions": [{"bar": 2, "address": 1}]},
				{"slot": 16, "regions": [{"bar": 0, "address": 2}, {"bar": 2, "address": 841813590016}]}]}]}`,
			841813590016, "",
		},
		{"another machine", `{"return": [{"bus": 0, "devices": [{"slot": 17, "regions": [{"bar": 2, "address": 1}]}]}]}`, 0, "no memory at PCI slot 0x10"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			host, guest := net.Pipe()
			qemuSide(t, guest, strings.NewReplacer("\n", "", "\t", "").Replace(tc.answer))
			got, err := newQMP(host).framesAt(t.Context())
			if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("framesAt() = %d, %v; want %d, %q", got, err, tc.want, tc.err)
			}
		})
	}
}

// The registers are those of PCI's configuration space, device 16 of bus 0.
func TestPlaceFrames(t *testing.T) {
	const ok = `{"return": ""}`
	host, guest := net.Pipe()
	seen := qemuSide(t, guest, ok, ok, ok, ok, ok, ok)
	if err := newQMP(host).placeFrames(t.Context(), 0xc4_00200000); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"qmp_capabilities",
		"o /w 0xcf8 0x80008018", "o /w 0xcfc 0x200000", // BAR 2
		"o /w 0xcf8 0x8000801c", "o /w 0xcfc 0xc4", // its upper half
		"o /w 0xcf8 0x80008004", "o /w 0xcfc 0x2", // the command register
	}
	if diff := cmp.Diff(want, <-seen); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}

	host, guest = net.Pipe()
	qemuSide(t, guest, `{"return": "invalid char in format: 'w'\r\n"}`)
	if err := newQMP(host).placeFrames(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "invalid char") {
		t.Errorf("error = %v, want the monitor's words", err)
	}
}
