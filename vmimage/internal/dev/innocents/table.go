package main

// exclusions are modules that are no innocents by design: each takes long, or ends
// the guest, and says so.
var exclusions = map[string]string{}

// found are the modules that are red, rightly: each was looked at.
var found = []struct {
	module string // an expression for all of its name
	// kernels matches the releases on which it is known to be; all if it is empty.
	kernels string
	// text matches what the test says.
	text string
	// reason is what is wrong, and where in the kernel's source.
	reason string
}{
	{"ip_vs_lblcr", "", `points to vs_vars_table\+`, "ipvs->lblcr_ctl_table of the initial namespace keeps it: nobody follows it, the next load overwrites it (__ip_vs_lblcr_exit in net/netfilter/ipvs/ip_vs_lblcr.c)"},
	{"scsi_debug", `^7\.`, `kernel thread scsi_eh_\d|object allocated by sdebug_add_host_helper\+`, "since 7.2: scsi_get_pseudo_sdev in drivers/scsi/scsi_scan.c does not give back what scsi_alloc_target gave it, the target never goes, nor does the host with its threads"},
	{"pretimeout_noop", "", `default_gov\+0x0 \[watchdog\] points to`, "watchdog_unregister_governor in drivers/watchdog/watchdog_pretimeout.c leaves the default governor, which the next watchdog gets"},
	{"raw", `^5\.10\.`, `vmalloc area \d+ bytes`, "raw_exit in drivers/char/raw.c does not free raw_devices (5.10; the module is gone from 5.14 on)"},
	{"null_blk", "", `never freed \d+ × kmalloc-\d+ allocated at null_add_dev`, "with -slab-debug: blk_mq_register_hctx in block/blk-mq-sysfs.c adds one CPU's kobject to the queue for polling after that for all else, and loses the reference to the first; not with poll_queues=0"},
	{"dccp.*", `^6\.`, `dccp_bind2_bucket`, "with -slab-debug, which keeps caches apart: dccp_fini in net/dccp/proto.c does not destroy bind2_bucket_cachep, which dccp_init has since 6.1 (the module is gone from 6.16 on)"},
	{"orangefs", `^5\.10\.`, `allocated by orangefs_sysfs_init\+`, "with -slab-debug, on 5.10: the kobjects of fs/orangefs/orangefs-sysfs.c have no release function that would free them; later kernels have one for each"},
	{"ip_vs_lblc", "", `points to vs_vars_table\+`, "ipvs->lblc_ctl_table, the same (__ip_vs_lblc_exit in net/netfilter/ipvs/ip_vs_lblc.c)"},
}
