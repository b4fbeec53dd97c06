package calls

import (
	"fmt"
	"path"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
)

// Convention is how a function says that it failed.
type Convention string

// The conventions.
const (
	Null    Convention = "NULL"    // a pointer, NULL
	ErrPtr  Convention = "ERR_PTR" // a pointer that holds a negative errno
	Errno   Convention = "errno"   // a number, the negative errno
	False   Convention = "false"   // a bool
	Zero    Convention = "0"       // a number, 0
	noFault Convention = ""
)

// entry says of functions that they can fail. A * in a name stands for anything; the first entry that fits counts.
type entry struct {
	names string
	fails Convention // noFault says that they cannot
	// required tells that a module cannot do without: an init that returns 0 after
	// such a failure has swallowed an error. Memory may be asked for twice, and what
	// only helps to debug may be missing.
	required bool
	source   string // header of the kernel that declares them, or the file that says it
}

// Not here is what a function that is not called cannot do as if it had failed: one
// that eats its argument in any case (netlink_unicast, netlink_broadcast, __skb_pad),
// or prepares it so that the caller has to put it (device_register,
// platform_device_register, kobject_init_and_add). Nor is mempool_alloc, which waits
// rather than fails in process context (mm/mempool.c): modules rely on that.
var table = []entry{
	{"vmalloc_to_page vmalloc_to_pfn", noFault, false, "include/linux/mm.h: they allocate nothing"},
	// Allocators, by what their inline forms call: kmalloc and kzalloc, alloc_skb,
	// genlmsg_new and nlmsg_new, vmalloc, alloc_page.
	{"__kmalloc* __kmem_cache_alloc* kmem_cache_alloc* kmalloc_trace* kmalloc_large* kmalloc_order* kvmalloc_node* __kvmalloc_node* krealloc* kmemdup* kstrdup* kstrndup* kasprintf* kvasprintf*", Null, false, "include/linux/slab.h, include/linux/string.h"},
	{"memdup_user strndup_user vmemdup_user memdup_user_nul", ErrPtr, false, "include/linux/string.h"},
	{"vmalloc* vzalloc* __vmalloc* vmap", Null, false, "include/linux/vmalloc.h"},
	{"kmem_cache_create* __kmem_cache_create*", Null, false, "include/linux/slab.h"},
	{"mempool_create*", Null, false, "include/linux/mempool.h"},
	{"alloc_pages* __alloc_pages*", Null, false, "include/linux/gfp.h"},
	{"__get_free_pages* get_free_pages* get_zeroed_page*", Zero, false, "include/linux/gfp.h"},
	{"__alloc_percpu* pcpu_alloc*", Null, false, "include/linux/percpu.h"},
	{"devm_kmalloc* devm_kzalloc* devm_kcalloc* devm_kstrdup* devm_kasprintf*", Null, false, "include/linux/device.h"},
	{"dma_alloc_attrs dma_pool_create* dma_pool_alloc", Null, false, "include/linux/dma-mapping.h"},
	{"ioremap* memremap devm_ioremap of_iomap pci_iomap*", Null, false, "include/linux/io.h"},
	{"__alloc_skb __netdev_alloc_skb napi_alloc_skb __napi_alloc_skb skb_copy skb_clone pskb_copy* __pskb_copy* skb_realloc_headroom alloc_skb_with_frags sock_alloc_send* build_skb*", Null, false, "include/linux/skbuff.h"},
	{"pskb_expand_head skb_ensure_writable skb_checksum_help", Errno, false, "include/linux/skbuff.h"},
	{"genlmsg_put nlmsg_put nla_reserve __nlmsg_put", Null, false, "include/net/genetlink.h, include/net/netlink.h"},
	{"nla_put nla_put_64bit nla_append", Errno, false, "include/net/netlink.h"},
	{"__netlink_kernel_create", Null, true, "include/linux/netlink.h"},

	// Copies: how much was left is no errno.
	{"copy_from_kernel_nofault copy_to_kernel_nofault", Errno, false, "include/linux/uaccess.h"},

	// Devices and subsystems.
	{"alloc_netdev_mqs alloc_etherdev_mqs devm_alloc_etherdev_mqs", Null, true, "include/linux/netdevice.h"},
	{"register_netdev register_netdevice register_netdevice_notifier* dev_alloc_name init_dummy_netdev dev_open dev_set_mac_address netdev_rx_handler_register netdev_upper_dev_link netdev_master_upper_dev_link", Errno, true, "include/linux/netdevice.h"},
	{"rtnl_link_register __rtnl_link_register rtnl_register_module rtnl_register_many __rtnl_register_many", Errno, true, "include/net/rtnetlink.h"},
	{"genl_register_family", Errno, true, "include/net/genetlink.h"},
	{"register_pernet_*", Errno, true, "include/net/net_namespace.h"},
	{"proto_register sock_register inet_add_protocol inet6_add_protocol inet_add_offload sock_create*", Errno, true, "include/net/sock.h, include/net/protocol.h"},
	{"nf_register_net_hook* xt_register_* nf_conntrack_helper_register nf_conntrack_helpers_register nft_register_* nf_register_sockopt", Errno, true, "include/linux/netfilter.h, include/linux/netfilter/x_tables.h"},
	{"tcp_register_* register_qdisc register_tcf_proto_ops tcf_register_action", Errno, true, "include/net/tcp.h, include/net/pkt_sched.h"},
	{"register_inetaddr_notifier register_inet6addr_notifier register_netevent_notifier register_fib_notifier", Errno, true, "include/linux/inetdevice.h"},
	{"register_*_notifier atomic_notifier_chain_register blocking_notifier_chain_register raw_notifier_chain_register", Errno, true, "include/linux/notifier.h"},
	{"register_chrdev_region alloc_chrdev_region __register_chrdev cdev_add cdev_device_add register_blkdev __register_blkdev register_filesystem register_binfmt", Errno, true, "include/linux/fs.h, include/linux/cdev.h"},
	{"cdev_alloc", Null, true, "include/linux/cdev.h"},
	{"misc_register", Errno, true, "include/linux/miscdevice.h"},
	{"class_create __class_create", ErrPtr, true, "include/linux/device/class.h"},
	{"device_create device_create_with_groups root_device_register __root_device_register", ErrPtr, true, "include/linux/device.h"},
	{"platform_device_register_simple platform_device_register_full platform_device_register_resndata __platform_create_bundle", ErrPtr, true, "include/linux/platform_device.h"},
	{"platform_device_alloc", Null, true, "include/linux/platform_device.h"},
	{"device_add driver_register bus_register class_register __class_register platform_device_add __platform_driver_register __platform_register_drivers platform_driver_register __pci_register_driver usb_register_driver i2c_register_driver __spi_register_driver __hid_register_driver __auxiliary_driver_register", Errno, true, "include/linux/device.h, include/linux/platform_device.h"},
	{"kobject_add", Errno, true, "include/linux/kobject.h"},
	// A device works without its attributes: many a driver says so in the log, and goes on.
	{"device_create_file device_create_bin_file driver_create_file class_create_file_ns bus_create_file sysfs_create_file_ns sysfs_create_files sysfs_create_group sysfs_create_groups sysfs_create_link sysfs_create_bin_file", Errno, false, "include/linux/sysfs.h"},
	{"kobject_create_and_add kset_create_and_add", Null, true, "include/linux/kobject.h"},
	{"pci_enable_device* pci_request_region* pcim_* pci_alloc_irq_vectors*", Errno, true, "include/linux/pci.h"},
	{"request_threaded_irq request_any_context_irq devm_request_threaded_irq __request_percpu_irq", Errno, true, "include/linux/interrupt.h"},
	{"input_register_device input_register_handler input_register_handle led_classdev_register_ext power_supply_powers iio_device_register __iio_device_register rfkill_register snd_card_register snd_card_new", Errno, true, "include/linux/input.h and the subsystem's own"},
	{"input_allocate_device rfkill_alloc watchdog_alloc", Null, true, "include/linux/input.h"},
	{"hwmon_device_register* thermal_zone_device_register* power_supply_register", ErrPtr, true, "include/linux/hwmon.h"},
	{"crypto_register_* crypto_shash_setkey crypto_skcipher_setkey crypto_aead_setkey", Errno, true, "include/crypto/internal/hash.h"},
	{"crypto_alloc_*", ErrPtr, true, "include/crypto/hash.h"},
	{"kthread_create_on_node kthread_create_on_cpu kthread_create_worker*", ErrPtr, true, "include/linux/kthread.h"},
	{"alloc_workqueue* __alloc_workqueue*", Null, true, "include/linux/workqueue.h"},
	{"register_kprobe register_kretprobe register_kprobes register_ftrace_function register_trace_* tracepoint_probe_register*", Errno, true, "include/linux/kprobes.h"},
	{"__cpuhp_setup_state*", Errno, true, "include/linux/cpuhotplug.h"},
	{"idr_alloc* ida_alloc_range idr_alloc_u32 xa_alloc* __xa_alloc* xa_insert __xa_insert rhashtable_init* rhltable_init*", Errno, true, "include/linux/idr.h, include/linux/rhashtable.h"},
	{"filp_open", ErrPtr, true, "include/linux/fs.h"},
	{"kern_mount", ErrPtr, true, "include/linux/fs.h"},
	{"kern_path", Errno, true, "include/linux/namei.h"},
	{"proc_create* proc_mkdir* proc_symlink _proc_mkdir", Null, false, "include/linux/proc_fs.h"},
	{"debugfs_create_dir debugfs_create_file* debugfs_create_symlink", ErrPtr, false, "include/linux/debugfs.h: a caller may go on"},
	{"register_sysctl* register_net_sysctl* __register_sysctl_table", Null, true, "include/linux/sysctl.h"},
	{"register_shrinker __register_shrinker register_oom_notifier init_srcu_struct percpu_counter_init* __percpu_counter_init* percpu_ref_init bdi_init", Errno, true, "include/linux/shrinker.h, include/linux/percpu_counter.h"},
	{"shrinker_alloc", Null, true, "include/linux/shrinker.h"},
	{"blk_mq_alloc_tag_set add_disk_fwnode device_add_disk bioset_init dm_register_target dm_get_device", Errno, true, "include/linux/blk-mq.h"},
	{"__blk_alloc_disk __blk_mq_alloc_disk blk_mq_init_queue", ErrPtr, true, "include/linux/blk-mq.h"},
	{"tty_register_driver tty_register_ldisc uart_register_driver uart_add_one_port", Errno, true, "include/linux/tty_driver.h"},
	{"__tty_alloc_driver tty_port_register_device", ErrPtr, true, "include/linux/tty_driver.h"},
	{"video_register_device __video_register_device v4l2_device_register v4l2_ctrl_handler_setup vb2_queue_init", Errno, true, "include/media/v4l2-dev.h"},
	{"video_device_alloc", Null, true, "include/media/v4l2-dev.h"},
	{"request_firmware*", Errno, false, "include/linux/firmware.h"},
	{"down_interruptible mutex_lock_interruptible", Errno, false, "include/linux/semaphore.h, include/linux/mutex.h"},
	{"try_module_get", False, false, "include/linux/module.h"},
	{"__request_module", Errno, false, "include/linux/kmod.h"},
}

// alone are the errors of functions that return one only, which is not ENOMEM: a caller
// may count on it, or make it another (ERESTARTSYS of a signal).
var alone = map[string]string{
	"nla_put": "EMSGSIZE", "nla_put_64bit": "EMSGSIZE", "nla_append": "EMSGSIZE", // lib/nlattr.c
	"copy_from_kernel_nofault": "EFAULT", "copy_to_kernel_nofault": "EFAULT", // mm/maccess.c
	"down_interruptible": "EINTR", "mutex_lock_interruptible": "EINTR", // kernel/locking
}

// Table is what is known of functions that can fail. The zero value is what kmodtest
// knows by itself.
type Table struct{ own []ownEntry }

// ownEntry is one of the author's, and where it stands.
type ownEntry struct {
	entry
	errno string
	pos   string
	used  bool
}

// NewTable puts the author's lines before the table. They are valid, see package
// config.
func NewTable(lines []config.Fault) *Table {
	t := new(Table)
	for _, l := range lines {
		e := ownEntry{entry: entry{names: l.Call, fails: Convention(l.Fails), required: l.Required, source: l.Pos}, errno: l.Errno, pos: l.Pos}
		if l.Fails == config.FaultNever {
			e.fails = noFault
		}
		t.own = append(t.own, e)
	}
	return t
}

// Unused are the author's lines that no call of any module fits, by position.
func (t *Table) Unused() []string {
	var all []string
	for _, e := range t.own {
		if !e.used {
			all = append(all, fmt.Sprintf("%s: fault: no module calls %s", e.pos, e.names))
		}
	}
	return all
}

// find returns what the table has of a function, and the author's line if it is one.
// Clones of the profiled allocators (include/linux/alloc_tag.h) have names of their
// own.
func (t *Table) find(function string) (e entry, own *ownEntry, ok bool) {
	fits := func(names string) bool {
		for pattern := range strings.FieldsSeq(names) {
			for _, name := range []string{function, strings.TrimSuffix(function, "_noprof")} {
				if ok, _ := path.Match(pattern, name); ok {
					return true
				}
			}
		}
		return false
	}
	if t != nil {
		for i := range t.own {
			if own := &t.own[i]; fits(own.names) {
				own.used = true
				return own.entry, own, own.fails != noFault
			}
		}
	}
	for _, e := range table {
		if fits(e.names) {
			return e, nil, e.fails != noFault
		}
	}
	return entry{}, nil, false
}
