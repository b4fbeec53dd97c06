// Package initramfs builds the guest's u-root image: the base image with its
// shell commands, the guest's init, and what a run adds to them.
package initramfs
