package klog

import (
	"regexp"
	"strings"
)

// bystander matches functions that are on the stack of many reports and at
// fault in none: who detects, prints, copies, allocates, locks or waits on
// behalf of the caller. The idea and most names are from syzkaller's
// pkg/report/linux.go.
var bystander = regexp.MustCompile(`^(?:` + strings.Join([]string{
	// detecting and printing
	`_*dump_stack.*`, `show_.*`, `_*warn.*`, `report_bug`, `_*panic.*`, `v?panic`, `handle_bug`, `exc_.*`, `asm_.*`, `do_(?:error|user)_.*`,
	`_*die(?:_.*)?`, `page_fault.*`, `no_context`, `_*bad_area.*`, `print_.*`, `kasan_.*`, `_*asan_.*`, `__kasan.*`, `kfence_.*`, `__kfence.*`, `ubsan_.*`, `__ubsan.*`,
	`check_memory_region.*`, `end_report.*`, `refcount_.*`, `_*refcount_.*`, `_*list_(?:add|del).*`, `kobject_(?:get|put).*`, `kref_.*`, `__stack_chk_fail`,
	`fixup_.*`, `(?:.*_)?nmi(?:_.*)?`, `nmi_.*`, `rcu_.*`, `sched_show.*`, `trigger_.*`, `sysrq.*`, `object_err`, `slab_(?:err|bug|fix|pad_check).*`, `check_(?:object|slab|bytes.*)`, `bad_page.*`,
	`get_(?:from_)?partial.*`, `check_bytes_and_report`, `free_debug_processing`, `free_to_partial_list`, `alloc_debug_processing`, `__slab_(?:alloc|free).*`, `___slab_alloc.*`, `slab_free.*`, `do_slab_free`, `slab_alloc.*`, `list_slab_objects.*`, `sysfs_warn_dup`, `dump_header.*`, `dump_page.*`, `oom_kill_process.*`, `out_of_memory`,
	`do_invalid_op`, `dump_(?:backtrace|cpu_task)`, `arch_trigger_.*`, `check_(?:cpu_stall|preemption_disabled)`, `walk_stackframe`, `unwind_.*`, `arch_stack_walk`, `stack_trace_.*`, `save_stack.*`, `(?:_*(?:set|reset)_)?page_owner.*`, `ref_tracker_.*`, `debug_print_object`, `debug_(?:object|check)_.*`, `register_lock_class`, `fortify_panic`, `usercopy_abort`, `_*check_heap_object`, `_*check_object_size`, `skb_(?:over_|under_)?panic`, `__x86_indirect_thunk.*`, `_*hwasan_.*`, `trace_hardirqs.*`, `read_word_at_a_time`,
	// allocating, freeing, copying
	`_*k[mzc]?alloc.*`, `_*kmem_cache_.*`, `_*kfree.*`, `kvfree.*`, `kvmalloc.*`, `_*vmalloc.*`, `vfree.*`, `_*alloc_pages?.*`, `alloc_pages.*`, `_*free_pages?.*`, `free_unref_.*`, `free_pcp.*`, `free_tail_.*`, `_*folio_.*`, `get_free_pages.*`, `remove_vm_area`, `_*vunmap.*`, `on_freelist.*`,
	`_*mem(?:cpy|set|move|cmp|chr|dup).*`, `_*str(?:n?cpy|n?cmp|n?len|s?cpy|n?cat|chr|dup).*`, `rep_(?:movs|stos).*`, `copy_(?:from|to)_user.*`, `_*copy_.*user.*`,
	// locking, waiting
	`_*(?:do_)?_*raw_(?:spin|read|write)_.*`, `(?:spin|rwlock)_(?:bug|dump)`, `_*spin_.*`, `queued_.*_slowpath`, `native_queued_.*`, `_*mutex_lock.*`, `_*mutex_.*`, `_*down(?:_read|_write|_interruptible|_killable|_common)?`, `rwsem_.*`, `_*schedule(?:_.*)?`, `io_schedule.*`, `preempt_schedule.*`, `_*wait_for_.*`, `do_wait_.*`, `lock_acquire.*`, `lock_release.*`, `_*lock_.*`, `__might_.*`, `might_.*`, `___might_sleep`, `msleep.*`, `usleep_.*`, `do_nanosleep`, `cpu_relax`, `lockdep_.*`, `check_(?:noncircular|prev.*|usage.*)`, `validate_chain.*`, `mark_(?:held_)?lock.*`,
	`synchronize_.*`, `_*synchronize_s?rcu.*`, `_*rt_mutex_.*`, `.*wait_on_.*bit.*`, `bit_wait.*`, `context_switch`, `_*switch_to`, `rtnl_lock.*`, `smp_call_function.*`,
	// timers and idle
	`_*hrtimer_.*`, `_*sysvec_.*`, `tick_.*`, `update_process_times`, `watchdog_timer_fn`, `.*apic_timer_interrupt.*`, `irq_exit.*`, `_*irq_exit.*`, `native_.*halt`, `default_idle.*`, `ret_from_.*`,
}, "|") + `)$`)

// edge matches the functions at which kernel code was entered: past them, no
// one is to blame.
var edge = regexp.MustCompile(`^(?:entry_.*|do_syscall_64|x64_sys_call|__(?:x64|ia32|arm64|se)_sys_.*|el0.*|invoke_syscall|ret_from_fork.*|kthread|do_idle|start_kernel|worker_thread)$`)

// suffix is what compilers add to the names of parts and clones of a function.
var suffix = regexp.MustCompile(`(?:\.(?:cold|isra|constprop|part|llvm|localalias)(?:\.\d+)*)+$`)

// BaseName returns the function as the source calls it: without the suffixes
// of compiler-made clones such as ".isra.0" and ".cold".
func BaseName(fn string) string { return suffix.ReplaceAllString(fn, "") }

// culprit picks the function that a title names. The first reliable frame that
// is no bystander; failing that the first frame with a name.
func culprit(f *Finding) string {
	var fallback string
	for _, list := range append([][]Frame{f.Frames}, stackFrames(f)...) {
		for _, fr := range list {
			if fr.Func == "" {
				if fr.Addr != 0 && fr.Reliable && len(f.Modules) > 0 && f.unloaded != "" {
					return "unloaded " + f.unloaded
				}
				continue
			}
			if !fr.Reliable {
				continue
			}
			name := BaseName(fr.Func)
			if fallback == "" {
				fallback = name
			}
			if edge.MatchString(name) {
				break
			}
			// Nothing in a module is a bystander, whatever it is called.
			if fr.Module != "" || !bystander.MatchString(name) {
				return name
			}
		}
	}
	return fallback
}

func stackFrames(f *Finding) [][]Frame {
	var l [][]Frame
	for _, s := range f.Stacks {
		l = append(l, s.Frames)
	}
	return l
}

var (
	// KASLR, pids and counters make a title differ from run to run.
	titleAddr = regexp.MustCompile(`\b(?:0x)?[0-9a-f]{12,16}\b|\b0x[0-9a-f]+\b`)
	titleNum  = regexp.MustCompile(`([:/ #=])[1-9]\d*\b`)
	titleOff  = regexp.MustCompile(`\+0x[0-9a-f]+/0x[0-9a-f]+`)
)

// finishTitle puts the culprit in and takes out what changes from run to run.
func finishTitle(title, fn string) string {
	title = titleOff.ReplaceAllString(title, "")
	title = titleAddr.ReplaceAllString(title, "ADDR")
	title = titleNum.ReplaceAllString(title, "${1}NUM")
	if fn == "" {
		title = strings.ReplaceAll(title, " in {func}", "")
	}
	return strings.TrimSpace(strings.ReplaceAll(title, "{func}", fn))
}
