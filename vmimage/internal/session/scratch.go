package session

import (
	"fmt"

	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// makeScratch makes a file system on the disk with the serial number, which may be
// called anything, and mounts it.
const makeScratch = `for d in /sys/block/*; do
	if [ "$(cat $d/serial 2>/dev/null)" = %[1]s ]; then disk=/dev/${d##*/}; fi
done
if [ -z "$disk" ]; then echo 'guest.scratch: find disk: the kernel shows none' >&2; exit 1; fi
mkfs.%[2]s $disk >/dev/null && mount -t %[2]s $disk /scratch`

// addScratch gives a run a new file system on /scratch. It is made in the guest, by
// the driver that tests will use it with: a restored guest gets one of its own.
func addScratch(o *run.Options, fstype string) {
	o.Modprobe = append(o.Modprobe[:len(o.Modprobe):len(o.Modprobe)], "virtio_blk", fstype)
	o.Wanted = append(o.Wanted[:len(o.Wanted):len(o.Wanted)], "mkfs."+fstype)
	o.Setup = append([]string{fmt.Sprintf(makeScratch, vm.ScratchDevice, fstype)}, o.Setup...)
}
