package wire

// The slots of the PCI bus that have the devices whose memory the host shares:
// QEMU's ivshmem-plain (docs/specs/ivshmem-spec.rst of QEMU). It needs no driver,
// sysfs maps it, so that it works on every kernel with PCI. A module under test has
// to leave them alone.
const (
	// FramesSlot has the Ring.
	FramesSlot = 0x10
	// PayloadSlot has the tar archive that a job comes with.
	PayloadSlot = 0x11
	// ModulesSlot has the archive of the kernel's own modules, see package
	// modarchive; read only.
	ModulesSlot = 0x12

	// MemoryBAR is the BAR that is the memory.
	MemoryBAR = 2
)
