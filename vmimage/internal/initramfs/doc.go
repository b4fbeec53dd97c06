// Package initramfs builds the guest's u-root image.
//
// An image is a concatenation of cpio archives, which the kernel unpacks one
// after the other (Documentation/driver-api/early-userspace/buffer-format.rst):
// the guest's init, and for a shell the u-root commands, which take half a minute
// to build and hardly ever change. What a single run needs is in neither: it
// reaches the guest through the payload device (package vm). So one image
// serves every kernel, module and test.
package initramfs
