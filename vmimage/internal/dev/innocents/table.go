package main

// exclusions are modules that are no innocents by design: each takes long, or ends
// the guest, and says so.
var exclusions = map[string]string{}

// found are the modules that are red, rightly: each was looked at.
var found = []struct {
	module string
	// text matches what the test says.
	text string
	// reason is what is wrong, and where in the kernel's source.
	reason string
}{
	{"ip_vs_lblcr", `points to vs_vars_table\+`, "ipvs->lblcr_ctl_table of the initial namespace keeps it: nobody follows it, the next load overwrites it (__ip_vs_lblcr_exit in net/netfilter/ipvs/ip_vs_lblcr.c)"},
	{"scsi_debug", `kernel thread scsi_eh_\d`, "since 7.2: scsi_get_pseudo_sdev in drivers/scsi/scsi_scan.c does not give back what scsi_alloc_target gave it, the target never goes, nor does the host with its threads"},
	{"ip_vs_lblc", `points to vs_vars_table\+`, "ipvs->lblc_ctl_table, the same (__ip_vs_lblc_exit in net/netfilter/ipvs/ip_vs_lblc.c)"},
}
