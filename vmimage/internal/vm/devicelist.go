package vm

import "fmt"

// devices are what a guest can have beside what kmodtest needs itself. Each was
// found by a driver of the kernel's own, or examples/edu; docs/devices.md leaves the
// driver out where none was seen.
var devices = []device{
	// Made for those who learn to write drivers: docs/specs/edu.rst of QEMU.
	{name: "edu", models: []string{"edu"}, cold: "it keeps no state (hw/misc/edu.c)", add: pciDevice("edu")},
	{name: "pci-testdev", models: []string{"pci-testdev"}, cold: "it keeps no state (hw/misc/pci-testdev.c)", add: pciDevice("pci-testdev")},

	{name: "nvme", models: []string{"nvme"}, cold: "it keeps no state (hw/nvme/ctrl.c)", add: func(p *parts) {
		p.device("nvme,serial=kmodtest%d,drive=%s,%s", p.number, p.disk(), p.slot())
	}},
	{name: "virtio-blk", models: []string{"virtio-blk-pci"}, add: func(p *parts) {
		p.device("virtio-blk-pci,serial=kmodtest%d,drive=%s,%s", p.number, p.disk(), p.slot())
	}},
	{name: ScratchDevice, models: []string{"virtio-blk-pci"}, one: true, add: func(p *parts) {
		p.device("virtio-blk-pci,serial=%s,drive=%s,%s", ScratchDevice, p.diskOf(scratchSize), p.slot())
	}},
	{name: "virtio-scsi", models: []string{"virtio-scsi-pci", "scsi-hd"}, add: onBus("virtio-scsi-pci", "scsi-hd,bus=bus%d.0,drive=%s")},
	{name: "ahci", models: []string{"ich9-ahci", "ide-hd"}, add: onBus("ich9-ahci", "ide-hd,bus=bus%d.0,drive=%s")},
	{name: "megasas", models: []string{"megasas", "scsi-hd"}, add: onBus("megasas", "scsi-hd,bus=bus%d.0,drive=%s")},
	{name: "sdhci", models: []string{"sdhci-pci", "sd-card"}, cold: "no driver finds it once restored", add: onBus("sdhci-pci", "sd-card,bus=sd-bus,drive=%[2]s")},

	{name: "virtio-net", models: []string{"virtio-net-pci"}, add: nic("virtio-net-pci,romfile=")},
	{name: "e1000", models: []string{"e1000"}, add: nic("e1000,romfile=")},
	{name: "e1000e", models: []string{"e1000e"}, add: nic("e1000e,romfile=")},
	{name: "rtl8139", models: []string{"rtl8139"}, add: nic("rtl8139,romfile=")},
	{name: "vmxnet3", models: []string{"vmxnet3"}, add: nic("vmxnet3,romfile=")},
	{name: "can", models: []string{"kvaser_pci"}, add: func(p *parts) {
		p.once("can-bus,id=can")
		p.device("kvaser_pci,canbus=can,%s", p.slot())
	}},

	{name: "virtio-rng", models: []string{"virtio-rng-pci"}, add: func(p *parts) {
		p.once("rng-builtin,id=rng")
		p.device("virtio-rng-pci,rng=rng,%s", p.slot())
	}},
	{name: "virtio-balloon", models: []string{"virtio-balloon-pci"}, add: pciDevice("virtio-balloon-pci")},
	{name: "virtio-input", models: []string{"virtio-keyboard-pci"}, add: pciDevice("virtio-keyboard-pci")},
	{name: "virtio-gpu", models: []string{"virtio-gpu-pci"}, add: pciDevice("virtio-gpu-pci")},
	{name: "virtio-serial", models: []string{"virtio-serial-pci", "virtserialport"}, add: func(p *parts) {
		p.args = append(p.args, "-chardev", fmt.Sprintf("null,id=port%d", p.number))
		p.device("virtio-serial-pci,id=bus%d,%s", p.number, p.slot())
		p.device("virtserialport,bus=bus%d.0,chardev=port%[1]d,name=org.kmodtest.%[1]d", p.number)
	}},

	{name: "usb", models: []string{"qemu-xhci"}, add: func(p *parts) { p.usb() }},
	{name: "usb-storage", models: []string{"qemu-xhci", "usb-storage"}, add: func(p *parts) {
		p.usb()
		p.device("usb-storage,bus=usb.0,drive=%s", p.disk())
	}},
	{name: "usb-kbd", models: []string{"qemu-xhci", "usb-kbd"}, add: onUSB("usb-kbd")},
	{name: "usb-tablet", models: []string{"qemu-xhci", "usb-tablet"}, add: onUSB("usb-tablet")},
	{name: "usb-net", models: []string{"qemu-xhci", "usb-net"}, cold: "it keeps no state (hw/usb/dev-network.c)", add: func(p *parts) {
		p.usb()
		p.device("usb-net,bus=usb.0,netdev=%s", p.wire())
	}},
	{name: "usb-serial", models: []string{"qemu-xhci", "usb-serial"}, cold: "it keeps no state (hw/usb/dev-serial.c)", add: func(p *parts) {
		p.usb()
		p.args = append(p.args, "-chardev", fmt.Sprintf("null,id=line%d", p.number))
		p.device("usb-serial,bus=usb.0,always-plugged=on,chardev=line%d", p.number)
	}},

	{name: "hda", models: []string{"intel-hda", "hda-duplex"}, add: func(p *parts) {
		p.args = append(p.args, "-audiodev", fmt.Sprintf("none,id=audio%d", p.number))
		p.device("intel-hda,id=bus%d,%s", p.number, p.slot())
		p.device("hda-duplex,bus=bus%d.0,audiodev=audio%[1]d", p.number)
	}},
	{name: "display", models: []string{"bochs-display"}, add: pciDevice("bochs-display")},
	{name: "watchdog", models: []string{"i6300esb"}, add: pciDevice("i6300esb")},
	{name: "pci-serial", models: []string{"pci-serial"}, add: func(p *parts) {
		p.args = append(p.args, "-chardev", fmt.Sprintf("null,id=line%d", p.number))
		p.device("pci-serial,chardev=line%d,%s", p.number, p.slot())
	}},
	{name: "tpm", models: []string{"tpm-tis"}, program: tpmProgram, cold: "its state is in another process", one: true, add: func(p *parts) {
		p.tpm = true
		p.args = append(p.args, "-chardev", fmt.Sprintf("socket,id=tpm,fd=%d", p.fd.tpm), "-tpmdev", "emulator,id=tpm,chardev=tpm")
		p.device("tpm-tis,tpmdev=tpm")
	}},
	{name: "ipmi", models: []string{"ipmi-bmc-sim", "isa-ipmi-kcs"}, one: true, add: func(p *parts) {
		p.device("ipmi-bmc-sim,id=bmc")
		p.device("isa-ipmi-kcs,bmc=bmc")
	}},
}

func pciDevice(model string) func(*parts) {
	return func(p *parts) { p.device("%s,%s", model, p.slot()) }
}

// nic is a network card; all of a guest's are on one wire.
func nic(model string) func(*parts) {
	return func(p *parts) { p.device("%s,netdev=%s,%s", model, p.wire(), p.slot()) }
}

// onBus is a controller and a disk on it; unit has the controller's number and the
// disk.
func onBus(controller, unit string) func(*parts) {
	return func(p *parts) {
		p.device("%s,id=bus%d,%s", controller, p.number, p.slot())
		p.device(unit, p.number, p.disk())
	}
}

func onUSB(model string) func(*parts) {
	return func(p *parts) {
		p.usb()
		p.device("%s,bus=usb.0", model)
	}
}
