package contract

import "strings"

// innocent are symbols of the kernel that go on holding addresses of modules and
// never follow them, each with the reason and the file of the kernel's source
// that shows it.
var innocent = map[string]string{
	"mod_tree":                "bounds of the address space that modules have ever had (kernel/module/main.c)",
	"cur_orc_table":           "scratch space of the sort of a module's unwind tables (arch/x86/kernel/unwind_orc.c)",
	"cur_orc_ip_table":        "scratch space of the sort of a module's unwind tables (arch/x86/kernel/unwind_orc.c)",
	"init_stack":              "stack of the first task, which idles: what once ran on it (init/init_task.c)",
	"init_thread_union":       "stack of the first task, under its older name (include/asm-generic/vmlinux.lds.h)",
	"irq_stack_backing_store": "stack of interrupts: what once ran on it (arch/x86/kernel/irq_64.c)",
	"exception_stacks":        "stacks of exceptions: what once ran on them (arch/x86/mm/cpu_entry_area.c)",
	"entry_stack_storage":     "stack of the entry from user space (arch/x86/mm/cpu_entry_area.c)",
	"kcore_modules":           "start of the address space of modules, where the first one may lie (fs/proc/kcore.c)",
	"stack_trace":             "call traces of lockdep, which it only prints (kernel/locking/lockdep.c)",
	"kfence_metadata":         "call traces of sampled allocations (mm/kfence/core.c)",
}

// initNet is the initial network namespace. It has room for works of modules, which
// each load initializes anew: in 5.10 for ecache_dwork, which
// nf_conntrack_ecache_pernet_init sets up and nf_conntrack_ecache_pernet_fini cancels
// (net/netfilter/nf_conntrack_ecache.c).
const initNet = "init_net"

// idleWork tells whether the word at an address is the function of a work that is
// not queued: { data, entry, func }, the entry alone in its list, and no bit for a
// pending work in the data (include/linux/workqueue_types.h). Nobody follows it.
func (l *look) idleWork(at uint64) bool {
	const pending = 1 // WORK_STRUCT_PENDING
	entry := at - 16
	return l.word(entry) == entry && l.word(entry+8) == entry && l.word(at-24)&pending == 0
}

// innocentIn are those of modules, by module; a name that ends in * stands for all
// that start so.
var innocentIn = map[string]map[string]string{
	"kvm": {
		// kvm_x86_vendor_exit in arch/x86/kvm/x86.c: a vendor's module counts as
		// gone once one function of the copy is NULL, and the next one overwrites it.
		"kvm_x86_ops":     "copy of the operations of a vendor's module that is gone (arch/x86/kvm/x86.c)",
		"kvm_pmu_ops":     "copy of the operations of a vendor's module that is gone (arch/x86/kvm/pmu.c)",
		"kvm_nested_ops":  "copy of the operations of a vendor's module that is gone, since 7.3 (kvm_nested_ops_update in arch/x86/kvm/x86.c)",
		"__SCK__kvm_x86*": "static calls of these operations (arch/x86/kvm/x86.c)",
		// kvm_init in virt/kvm/kvm_main.c sets the owner of files that kvm_exit takes away.
		"kvm_chardev_ops": "owner of files that nobody can open any more (virt/kvm/kvm_main.c)",
		"kvm_vm_fops":     "owner of files that nobody can open any more (virt/kvm/kvm_main.c)",
		"kvm_vcpu_fops":   "owner of files that nobody can open any more (virt/kvm/kvm_main.c)",
		"kvm_gmem_fops":   "the same (kvm_gmem_init in virt/kvm/guest_memfd.c)",
		"kvm_device_fops": "owner of files that nobody can open any more (virt/kvm/kvm_main.c)",
	},
}

// isInnocent tells whether a pointer in a variable means nothing; module is that of
// the variable, empty for the kernel's own.
func isInnocent(module, name string) bool {
	if module == "" {
		return innocent[name] != ""
	}
	for pattern := range innocentIn[module] {
		prefix, many := strings.CutSuffix(pattern, "*")
		if name == pattern || many && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// kinds are what the kernel's places are to people: what holds a pointer that is
// found there.
var kinds = map[string]string{
	"rcu_data":                       "RCU callback",
	"netdev_chain":                   "netdevice notifier chain",
	"inetaddr_chain":                 "inetaddr notifier chain",
	"inetaddr_validator_chain":       "inetaddr validator chain",
	"inet6addr_chain":                "inet6addr notifier chain",
	"inet6addr_validator_chain":      "inet6addr validator chain",
	"netevent_notif_chain":           "netevent notifier chain",
	"reboot_notifier_list":           "reboot notifier chain",
	"panic_notifier_list":            "panic notifier chain",
	"die_chain":                      "die notifier chain",
	"module_notify_list":             "module notifier chain",
	"pm_chain_head":                  "power management notifier chain",
	"cpu_pm_notifier_chain":          "CPU power management notifier chain",
	"memory_chain":                   "memory notifier chain",
	"oom_notify_list":                "OOM notifier chain",
	"netlink_chain":                  "netlink notifier chain",
	"crypto_chain":                   "crypto notifier chain",
	"keyboard_notifier_list":         "keyboard notifier chain",
	"vt_notifier_list":               "virtual terminal notifier chain",
	"restart_handler_list":           "restart handler chain",
	"power_off_handler_list":         "power-off handler chain",
	"pvclock_gtod_chain":             "pvclock notifier chain",
	"task_exit_notifier":             "task exit notifier chain",
	"munmap_notifier":                "munmap notifier chain",
	"acpi_chain_head":                "ACPI notifier chain",
	"acpi_bus_notify_list":           "ACPI bus notifier chain",
	"fb_notifier_list":               "framebuffer notifier chain",
	"lsm_notifier_list":              "LSM notifier chain",
	"blocking_lsm_notifier_chain":    "LSM notifier chain",
	"switchdev_notif_chain":          "switchdev notifier chain",
	"switchdev_blocking_notif_chain": "switchdev notifier chain",
	"x86_mce_decoder_chain":          "MCE decoder chain",
	"clocksource_list":               "clock source list",
	"tcp_cong_list":                  "TCP congestion control list",
	"tcp_ulp_list":                   "TCP upper layer protocol list",
	"timer_bases":                    "timer base",
	"hrtimer_bases":                  "high-resolution timer base",
	"cpu_worker_pools":               "work list",
	"unbound_pool_hash":              "work list of an unbound queue",
	"workqueues":                     "list of work queues",
	"tasklet_vec":                    "tasklet list",
	"tasklet_hi_vec":                 "tasklet list",
	"cpuhp_hp_states":                "CPU hotplug state",
	"cpuhp_ap_states":                "CPU hotplug state",
	"cpuhp_bp_states":                "CPU hotplug state",
	"kprobe_table":                   "kprobe table",
	"ftrace_ops_list":                "ftrace operations",
	"ftrace_ops_trampoline_list":     "ftrace operations",
	"xt":                             "xtables matches and targets",
	"ptype_all":                      "packet type list",
	"ptype_base":                     "packet type list",
	"inet_protos":                    "inet protocol",
	"inet6_protos":                   "inet6 protocol",
	"inetsw":                         "inet socket types",
	"inetsw6":                        "inet6 socket types",
	"net_families":                   "socket family",
	"proto_list":                     "protocol list",
	"qdisc_base":                     "queueing discipline list",
	"qdisc_default_ops":              "default queueing discipline",
	"link_ops":                       "rtnl link kind list",
	"rtnl_msg_handlers":              "rtnetlink handler",
	"rtnl_af_ops":                    "rtnetlink address family list",
	"genl_fam_idr":                   "generic netlink family",
	"nl_table":                       "kernel netlink socket",
	"pernet_list":                    "list of network namespace operations",
	"first_device":                   "list of network namespace operations",
	"shrinker_list":                  "shrinker list",
	"formats":                        "binary format list",
	"file_systems":                   "file system type list",
	"chrdevs":                        "character device region",
	"major_names":                    "block device region",
	"misc_list":                      "misc device list",
	"input_handler_list":             "input handler list",
	"crypto_alg_list":                "crypto algorithm list",
	"sysctl_table_root":              "sysctl table",
	"irq_desc":                       "interrupt handler",
	"class_kset":                     "device class",
	"bus_kset":                       "bus",
	"init_net":                       "initial network namespace",
	"offload_base":                   "packet offload list",
	"net_hotdata":                    "packet offload list",
	"syscore_ops_list":               "system core operations",
	"dynevent_ops_list":              "trace event list",
	"ftrace_events":                  "trace event list",
	"trace_eval_maps":                "trace event list",
	"dpm_list":                       "device list",
	"klist_lock":                     "device list",
	"clk_notifier_list":              "clock notifier list",
	"hwrng":                          "hardware random generator",
	"rng_list":                       "hardware random generator list",
	"vlan_ioctl_hook":                "VLAN hook",
	"br_ioctl_hook":                  "bridge hook",
	"nf_hook":                        "netfilter hook",
	"kset_dynamic":                   "kobject list",
	"proc_root":                      "proc entry",
	"proc_subdir_lock":               "proc entry",
	"super_blocks":                   "list of mounted file systems",
	"key_types_list":                 "key type list",
	"tty_drivers":                    "terminal driver list",
	"console_list":                   "console list",
	"dump_list":                      "kmsg dumper list",
	"static_call_modules":            "static call list",
	"jump_label_module_nb":           "jump label",
}

// due are the kinds of what the kernel calls by itself before long: to wait for it
// would be to wait for an oops.
var due = map[string]bool{
	"timer base": true, "delayed work, timer base": true, "high-resolution timer base": true,
	"shrinker list": true, // to have objects freed is to call it
	"work list":     true, "running work": true, "work list of an unbound queue": true, "tasklet list": true, "RCU callback": true,
}

// kindPrefixes are kinds of places of which there are many, by the start of the
// name.
var kindPrefixes = []struct{ prefix, kind string }{
	{"__SCK__tp_func_", "tracepoint probe"},
	{"__tracepoint_", "tracepoint probe"},
	{"__SCK__", "static call"},
}

// kindOf is what the variable of a name is to people, empty if that is not known.
func kindOf(name string) string {
	if k := kinds[name]; k != "" {
		return k
	}
	for _, p := range kindPrefixes {
		if strings.HasPrefix(name, p.prefix) {
			return p.kind
		}
	}
	return ""
}

// structs are what holds an object of a type, where the place of the pointer does
// not tell: the neighbour in a list that only goes forward.
var structs = map[string]string{
	"notifier_block":     "notifier chain",
	"Qdisc_ops":          "queueing discipline list",
	"file_system_type":   "file system type list",
	"linux_binfmt":       "binary format list",
	"crypto_alg":         "crypto algorithm list",
	"tcp_congestion_ops": "TCP congestion control list",
	"tcp_ulp_ops":        "TCP upper layer protocol list",
	"rtnl_link_ops":      "rtnl link kind list",
	"packet_type":        "packet type list",
	"miscdevice":         "misc device list",
	"kprobe":             "kprobe table",
	"ftrace_ops":         "ftrace operations",
	"timer_list":         "timer base",
	"hrtimer":            "high-resolution timer base",
	"work_struct":        "work list",
	"delayed_work":       "work list",
	"tasklet_struct":     "tasklet list",
	"pernet_operations":  "list of network namespace operations",
	"genl_family":        "generic netlink family",
	"proto":              "protocol list",
	"net_proto_family":   "socket family",
	"net_protocol":       "inet protocol",
	"inet_protosw":       "inet socket types",
	"xt_match":           "xtables match list",
	"xt_target":          "xtables target list",
	"nft_expr_type":      "nf_tables expression list",
	"ctl_table":          "sysctl table",
	"nf_hook_ops":        "netfilter hook",
	"shrinker":           "shrinker list",
	"tcf_proto_ops":      "traffic classifier list",
	"tc_action_ops":      "traffic action list",
	"input_handler":      "input handler list",
	"class":              "device class",
	"bus_type":           "bus",
	"device_driver":      "driver",
	"platform_driver":    "driver",
	"pci_driver":         "driver",
	"key_type":           "key type list",
	"tracepoint":         "tracepoint",
}
