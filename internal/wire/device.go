package wire

// The slots of the PCI bus that have the devices whose memory the host shares:
// QEMU's ivshmem-plain (docs/specs/ivshmem-spec.rst of QEMU), whose BAR 2 it is.
// It needs no driver, sysfs maps it, so that it works on every kernel with PCI.
const (
	// FramesSlot has the Ring.
	FramesSlot = 0x10
	// PayloadSlot has the tar archive that a job comes with.
	PayloadSlot = 0x11
)
