// Package vm boots guests. It is the only package that knows QEMU, which it
// runs through the qemu package of github.com/hugelgupf/vmtest.
//
// A guest has three serial ports: the kernel console, the port of the host's
// frames (package internal/wire), and a terminal for interactive runs; and three
// devices whose memory is a file of the host, QEMU's ivshmem-plain: one for the
// guest's frames, one for the payload, and one, which is only read, for the
// kernel's own modules. All of them reach the host as inherited
// file descriptors, so that a guest leaves no socket behind in the file system.
package vm
