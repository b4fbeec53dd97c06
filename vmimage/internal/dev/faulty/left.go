package main

// left are the faults of modules that are clean but for one thing that they
// leave behind: what the unload contract is for.
var left = []Row{
	{Fault: "netdevice notifier left", Module: "netdev_notifier", Test: "TestNetdevNotifier", Args: slab, By: byContract,
		Text: `netdevice notifier chain: \S+ points to faulty_nb\+0x0 \[faulty_netdev_notifier\]`},
	{Fault: "TCP congestion control left", Module: "tcp_cong", Test: "TestTcpCong", Args: slab, By: byContract,
		Text: `TCP congestion control list: \S+ points to faulty_cong\+`},
	{Fault: "file in /proc/driver left", Module: "proc_driver", Test: "TestProcDriver", Args: slab, By: byContract,
		Text: `proc entry /proc/driver/faulty`, NoPlace: "the kernel keeps no trace of who made it"},
	{Fault: "kobject below /sys/firmware left", Module: "firmware_kobj", Test: "TestFirmwareKobj", Args: slab, By: byContract,
		Text: `/sys/firmware/faulty_fw`, NoPlaceOn: noStacks},
}
