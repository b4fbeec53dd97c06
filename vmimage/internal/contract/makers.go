package contract

// innocentMakers are functions that allocate objects which go on holding addresses
// of modules and never follow them.
var innocentMakers = map[string]string{
	"mod_sysfs_setup": "addresses of the sections of a module that stayed, its init sections too (kernel/module/sysfs.c)",
	"add_sect_attrs":  "the same, where it is a function of its own (kernel/module/sysfs.c)",
	// The caller is in a module's init often, and the next module may lie where that
	// was. What is left of vmalloc is in /proc/vmallocinfo, and told from there.
	"__get_vm_area_node":        "address and caller of a piece of the address space (struct vm_struct in include/linux/vmalloc.h)",
	"kprobe_add_ksym_blacklist": "bounds of functions that must not be probed (struct kprobe_blacklist_entry in include/linux/kprobes.h)",
}

// innocentCaches are caches of such objects.
var innocentCaches = map[string]string{
	"vmap_area": "free and used parts of the address space itself (mm/vmalloc.c)",
}

// rangeCaches are caches of trees of ranges: the first and the last address of a
// piece of the address space mean nothing in them.
var rangeCaches = map[string]string{
	"maple_node": "free and used parts of the memory for code (mm/execmem.c)",
}

// makers are what objects on the heap are to people, by the function that
// allocates them.
var makers = map[string]string{
	"__register_sysctl_table": "sysctl table",
	"request_threaded_irq":    "interrupt handler",
	"class_register":          "device class",
	"__class_register":        "device class",
	"bus_register":            "bus",
	"bus_add_driver":          "driver",
	"set_kthread_struct":      "kernel thread",
	"create_worker":           "running work",
	"alloc_worker":            "running work",
	"xt_init":                 "xtables matches and targets",
	"func_add":                "tracepoint probe",
	"tracepoint_add_func":     "tracepoint probe",
	"shrinker_alloc":          "shrinker list",
	"percpu_ref_init":         "percpu_ref",
	"cdev_alloc":              "character device",
	"__alloc_workqueue":       "work queue",
	"nf_register_net_hook":    "netfilter hook",
	"sk_prot_alloc":           "socket",
	"__d_alloc":               "directory entry",
	"alloc_netdev_mqs":        "network device",
}
