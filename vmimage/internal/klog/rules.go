package klog

import (
	"regexp"
	"strings"
)

// rank says how much a line knows about what happened. Among the lines that
// head one report, the first of the highest rank gives kind and title: "cut
// here" knows nothing, "kernel BUG at" something, "list_del corruption" more.
type rank int

const (
	rankOpener rank = iota
	rankGeneral
	rankSpecific
)

// rule recognises a line that starts a report.
type rule struct {
	// prefix or within is a literal that the line must start with or contain.
	// It is there for speed: nearly all lines of a log match no rule, and are
	// dismissed without running an expression.
	prefix, within string
	re             *regexp.Regexp // nil: the literal decides

	kind Kind
	rank rank

	// title may hold $1… for submatches of re and {func} for the function at
	// fault; " in {func}" is dropped when there is none.
	title string

	// single marks a report of one line, which no later line belongs to.
	single bool

	// ends marks reports that close with "---[ end trace": without, they were
	// cut short.
	ends bool

	// foreign overrides maxForeign, for reports that hold long tables.
	foreign int

	// proof marks a line that proves by itself that the kernel's own detectors
	// wrote it. What any other rule starts is no finding unless a place in code
	// follows; see the package comment.
	proof bool

	// held marks reports about locks that are still held: the place is where
	// they were taken, and the call trace, if any, is that of the way out.
	held bool
}

// dump reports whether the rule is that of dump_stack's first line, which is
// the second one of most reports.
func (r *rule) dump() bool { return r.rank == rankOpener && !r.proof }

func rx(s string) *regexp.Regexp { return regexp.MustCompile(s) }

// rules in order: the first that matches a line counts. The titles follow
// syzkaller's where it has one.
var rules = []rule{
	// include/asm-generic/bug.h: the opener of WARN and BUG. Alone, it was cut.
	{prefix: "------------[ cut here ]------------", kind: KindWarn, rank: rankOpener, title: "report cut short after \"cut here\"", ends: true, proof: true},

	// Messages that WARN and BUG print between "cut here" and their own line.
	{prefix: "refcount_t: ", re: rx(`^refcount_t: (.*?)\.?$`), kind: KindRefcount, rank: rankSpecific, title: "refcount_t: $1 in {func}", ends: true},
	{prefix: "list_", re: rx(`^(list_(?:add|del)) (?:corruption|double add)`), kind: KindList, rank: rankSpecific, title: "$1 corruption in {func}", ends: true},
	{prefix: "slab", re: rx(`^slab: double free detected in cache`), kind: KindSlab, rank: rankSpecific, title: "double free in {func}"},
	{prefix: "Trying to vfree()", kind: KindVfree, rank: rankSpecific, title: "Trying to vfree() what is no vm area in {func}", ends: true},
	{prefix: "Trying to vunmap()", kind: KindVfree, rank: rankSpecific, title: "Trying to vunmap() what is no vm area in {func}", ends: true},
	{prefix: "proc_dir_entry ", re: rx(`^proc_dir_entry '(.*)' already registered`), kind: KindDuplicate, rank: rankSpecific, title: "proc: '$1' already registered", ends: true},
	{prefix: "kmem_cache_destroy ", re: rx(`^kmem_cache_destroy (\S+): Slab cache still has objects`), kind: KindCacheLeft, rank: rankSpecific, title: "kmem_cache_destroy $1: Slab cache still has objects", ends: true},
	{prefix: "DEBUG_LOCKS_WARN_ON(", kind: KindLockdep, rank: rankSpecific, title: "WARNING: locking bug in {func}", ends: true},
	{prefix: "ref_tracker: ", re: rx(`^ref_tracker: .*(?:has \d+/\d+ users|leaked reference)`), kind: KindNetdevRef, rank: rankSpecific, title: "ref_tracker: leaked reference in {func}"},

	// kernel/locking/lockdep.c, before the general WARNING.
	{prefix: "WARNING: ", re: rx(`^WARNING: lock held when returning to user space`), kind: KindLockdep, rank: rankSpecific, title: "WARNING: lock held when returning to user space in {func}", held: true},
	{prefix: "WARNING: ", re: rx(`^WARNING: (possible circular locking dependency detected|possible recursive locking detected|possible irq lock inversion dependency detected|inconsistent lock state|.*-safe -> .*-unsafe lock order detected|bad unlock balance detected|bad contention detected|held lock freed|Nested lock was not taken|suspicious RCU usage|possible nested lock bug detected|.* deadlock detected)`), kind: KindLockdep, rank: rankSpecific, title: "WARNING: $1 in {func}"},
	{prefix: "WARNING: ", re: rx(`^WARNING: .+/\d+ still has locks held!`), kind: KindLockdep, rank: rankSpecific, title: "WARNING: still has locks held in {func}", held: true},
	{prefix: "[ INFO: ", re: rx(`^\[ INFO: (.*?)!? \]`), kind: KindLockdep, rank: rankSpecific, title: "INFO: $1 in {func}"},
	{prefix: "[ BUG: ", re: rx(`^\[ BUG: (.*?)!? \]`), kind: KindLockdep, rank: rankSpecific, title: "BUG: $1 in {func}"},
	{prefix: "BUG: ", re: rx(`^BUG: (MAX_LOCK\w+|MAX_STACK_TRACE_ENTRIES) too low!`), kind: KindLockdep, rank: rankSpecific, title: "BUG: $1 too low", single: true, proof: true},
	{prefix: "BUG: ", re: rx(`^BUG: (spinlock|rwlock|rtmutex) ([a-z ]+?)(?:,| on CPU)`), kind: KindLockdep, rank: rankSpecific, title: "BUG: $1 $2 in {func}"},
	{prefix: "INFO: trying to register non-static key", kind: KindLockdep, rank: rankSpecific, title: "INFO: trying to register non-static key in {func}"},

	// kernel/panic.c __warn; from 6.19 on in another order.
	{prefix: "WARNING: ", re: rx(`^WARNING: CPU: \d+ PID: \d+ at \S+:\d+ `), kind: KindWarn, rank: rankGeneral, title: "WARNING in {func}", ends: true, proof: true},
	{prefix: "WARNING: ", re: rx(`^WARNING: .*:\d+ at .*, CPU#\d+: .*/\d+`), kind: KindWarn, rank: rankGeneral, title: "WARNING in {func}", ends: true, proof: true},
	{prefix: "WARNING: kernel stack ", re: rx(`^WARNING: kernel stack (?:regs|frame pointer) .*bad`), kind: KindStack, rank: rankSpecific, title: "WARNING: kernel stack has a bad value", single: true, proof: true},
	{prefix: "WARNING: ", re: rx(`^WARNING: (.*)$`), kind: KindWarn, rank: rankGeneral, title: "WARNING: $1 in {func}"},
	{prefix: "kernel BUG at ", re: rx(`^kernel BUG at \S+:\d+!`), kind: KindBug, rank: rankGeneral, title: "kernel BUG in {func}", ends: true, proof: true},

	// Sanitizers.
	{prefix: "BUG: KASAN: ", re: rx(`^BUG: (KASAN): ([\w-]+(?: or [\w-]+)?) in `), kind: KindKASAN, rank: rankSpecific, title: "$1: $2 in {func}"},
	{prefix: "BUG: K", re: rx(`^BUG: (KASAN|KMSAN|KCSAN): ([\w-]+)`), kind: KindKASAN, rank: rankSpecific, title: "$1: $2 in {func}"},
	{prefix: "BUG: KFENCE: ", re: rx(`^BUG: KFENCE: (.*?)(?: in .*)?$`), kind: KindKFENCE, rank: rankSpecific, title: "KFENCE: $1 in {func}"},
	{prefix: "UBSAN: ", re: rx(`^UBSAN: ([\w-]+(?: [\w-]+)*?) in `), kind: KindUBSAN, rank: rankSpecific, title: "UBSAN: $1 in {func}"},
	{prefix: "Internal error: UBSAN", kind: KindUBSAN, rank: rankSpecific, title: "UBSAN in {func}", ends: true},

	// Stack overrun comes before the faults in whose shape it appears.
	{prefix: "BUG: ", re: rx(`^BUG: (?:[A-Z]+ |#DF )?stack guard page was hit`), kind: KindStack, rank: rankSpecific, title: "BUG: stack guard page was hit in {func}", ends: true},
	{prefix: "Insufficient stack space to handle exception", kind: KindStack, rank: rankSpecific, title: "kernel stack overflow in {func}"},
	{prefix: "Kernel panic - not syncing: ", re: rx(`^Kernel panic - not syncing: (stack-protector: Kernel stack is corrupted)`), kind: KindStack, rank: rankSpecific, title: "kernel panic: $1 in {func}"},
	{prefix: "Kernel panic - not syncing: ", re: rx(`^Kernel panic - not syncing: (corrupted stack end detected|kernel stack overflow)`), kind: KindStack, rank: rankSpecific, title: "kernel panic: $1 in {func}"},
	{prefix: "PANIC: double fault", kind: KindOops, rank: rankGeneral, title: "PANIC: double fault in {func}"},

	// arch/x86/mm/fault.c, arch/arm64/mm/fault.c
	{prefix: "BUG: kernel NULL pointer dereference", kind: KindOops, rank: rankSpecific, title: "BUG: unable to handle kernel NULL pointer dereference in {func}", ends: true},
	{prefix: "BUG: unable to handle kernel NULL pointer dereference", kind: KindOops, rank: rankSpecific, title: "BUG: unable to handle kernel NULL pointer dereference in {func}", ends: true},
	{prefix: "BUG: unable to handle ", kind: KindOops, rank: rankSpecific, title: "BUG: unable to handle kernel paging request in {func}", ends: true},
	{prefix: "Unable to handle kernel NULL pointer dereference", kind: KindOops, rank: rankSpecific, title: "BUG: unable to handle kernel NULL pointer dereference in {func}", ends: true},
	{prefix: "Unable to handle kernel ", kind: KindOops, rank: rankSpecific, title: "BUG: unable to handle kernel paging request in {func}", ends: true},
	// arch/x86/kernel/traps.c; "Oops: " stands before from 6.10 on.
	// A pointer out of poisoned memory has no canonical address (include/linux/poison.h:
	// POISON_FREE, POISON_INUSE, LIST_POISON1 and 2), plus where the field is.
	{within: "non-canonical address 0x6b6b6b6b6b6b6", re: rx(`^(?:Oops: )?general protection fault.*: [0-9a-f]{4} \[#\d+\]`), kind: KindOops, rank: rankSpecific, title: "use after free: pointer out of freed memory followed in {func}", ends: true},
	{within: "non-canonical address 0x5a5a5a5a5a5a5", re: rx(`^(?:Oops: )?general protection fault.*: [0-9a-f]{4} \[#\d+\]`), kind: KindOops, rank: rankSpecific, title: "pointer out of memory that was never written followed in {func}", ends: true},
	{within: "non-canonical address 0xdead0000000001", re: rx(`^(?:Oops: )?general protection fault.*: [0-9a-f]{4} \[#\d+\]`), kind: KindOops, rank: rankSpecific, title: "use after free: entry of a list followed after list_del in {func}", ends: true},
	{within: " [#", re: rx(`^(?:Oops: )?(general protection fault|divide error|invalid opcode|int3|bounds|stack segment|segment not present|invalid TSS|alignment check|control protection fault|debug|stack guard page)\b.*: [0-9a-f]{4} \[#\d+\]`), kind: KindOops, rank: rankGeneral, title: "$1 in {func}", ends: true},
	{prefix: "Oops", re: rx(`^Oops(?: - ([\w ]+))?: .*\[#\d+\]`), kind: KindOops, rank: rankGeneral, title: "Oops in {func}", ends: true},
	{prefix: "Internal error: ", re: rx(`^Internal error: .*\[#\d+\]`), kind: KindOops, rank: rankGeneral, title: "Oops in {func}", ends: true},
	{prefix: "unchecked MSR access error", kind: KindWarn, rank: rankGeneral, title: "unchecked MSR access error in {func}"},

	// kernel/sched/core.c, lib/smp_processor_id.c, kernel/workqueue.c
	{prefix: "BUG: sleeping function called from invalid context", kind: KindSleepAtomic, rank: rankSpecific, title: "BUG: sleeping function called from invalid context in {func}"},
	{prefix: "BUG: scheduling while atomic", kind: KindSchedAtomic, rank: rankSpecific, title: "BUG: scheduling while atomic in {func}"},
	{prefix: "BUG: using ", re: rx(`^BUG: using (\w+)\(?\)? in preemptible`), kind: KindSchedAtomic, rank: rankSpecific, title: "BUG: using $1() in preemptible code in {func}"},
	{prefix: "BUG: workqueue leaked ", kind: KindSchedAtomic, rank: rankSpecific, title: "BUG: workqueue leaked lock or atomic in {func}"},

	// kernel/rcu/tree_stall.h, tree_exp.h; kernel/watchdog.c; kernel/hung_task.c
	{within: "INFO: rcu_", re: rx(`^(?:rcu: )?INFO: (rcu_\w+) (?:self-)?detected (?:expedited )?stalls?\b`), kind: KindRCUStall, rank: rankSpecific, title: "INFO: rcu detected stall in {func}"},
	{within: "soft lockup - CPU#", re: rx(`^(?:NMI )?(?:watchdog: )?BUG: soft lockup - CPU#\d+ stuck for`), kind: KindSoftLockup, rank: rankSpecific, title: "BUG: soft lockup in {func}"},
	{prefix: "INFO: task ", re: rx(`^INFO: task .+:\d+ can't die for more than`), kind: KindHungTask, rank: rankSpecific, title: "INFO: task can't die in {func}"},
	{prefix: "BUG: workqueue lockup", re: rx(`^BUG: workqueue lockup - pool .* stuck for \d+s!`), kind: KindSoftLockup, rank: rankSpecific, title: "BUG: workqueue lockup", proof: true},
	{within: "hard LOCKUP", re: rx(`^(?:NMI )?(?:watchdog: )?(?:CPU\d+: )?(?:Watchdog|NMI watchdog:)? ?[Dd]etected hard LOCKUP on cpu`), kind: KindHardLockup, rank: rankSpecific, title: "hard lockup in {func}"},
	{prefix: "INFO: task ", re: rx(`^INFO: task .+:\d+ (?:is )?blocked (?:in I/O wait )?for more than \d+`), kind: KindHungTask, rank: rankSpecific, title: "INFO: task hung in {func}"},

	// mm/slub.c: "BUG cache (taint): what". A cache's name may hold blanks.
	{prefix: "BUG ", re: rx(`^BUG (.+?) \((?:Tainted|Not tainted).*?\): Objects remaining `), kind: KindCacheLeft, rank: rankSpecific, title: "BUG $1: Objects remaining in a destroyed cache"},
	{prefix: "BUG ", re: rx(`^BUG (.+?) \((?:Tainted|Not tainted).*?\): (.*)$`), kind: KindSlab, rank: rankSpecific, title: "BUG $1: $2 in {func}"},
	// From 6.14 on, and in stable kernels: what was overwritten stands in a line
	// before the header, which says "Object corrupt" only.
	{prefix: "[", re: rx(`^\[(.+ overwritten)\] 0x[0-9a-f]+-0x`), kind: KindSlab, rank: rankGeneral, title: "$1"},
	{prefix: "unreferenced object 0x", re: rx(`^unreferenced object 0x[0-9a-f]+ \(size \d+\)`), kind: KindKmemleak, rank: rankSpecific, title: "memory leak in {func}"},
	{prefix: "kmemleak: ", re: rx(`^kmemleak: \d+ new suspected memory leaks?`), kind: KindKmemleak, rank: rankSpecific, title: "memory leak", single: true, proof: true},
	{prefix: "BUG: Bad ", re: rx(`^BUG: Bad (page state|page map|page cache)`), kind: KindBadPage, rank: rankSpecific, title: "BUG: Bad $1 in {func}"},
	{prefix: "BUG: Bad rss-counter state mm:", kind: KindBadPage, rank: rankSpecific, title: "BUG: Bad rss-counter state", single: true, proof: true},
	{prefix: "BUG: non-zero pgtables_bytes", kind: KindBadPage, rank: rankSpecific, title: "BUG: non-zero pgtables_bytes", single: true, proof: true},

	// net/core/dev.c. The device's name is left out: it may carry a number.
	{prefix: "unregister_netdevice: waiting for ", re: rx(`^unregister_netdevice: waiting for \S+ to become free\. Usage count = -?\d+`), kind: KindNetdevRef, rank: rankSpecific, title: "unregister_netdevice: waiting for DEV to become free", single: true, proof: true},

	// mm/oom_kill.c: the trace comes first, the victim after it.
	{within: " invoked oom-killer: ", kind: KindOOM, rank: rankSpecific, title: "Out of memory in {func}", foreign: 2000},
	{within: "ut of memory: Killed process ", re: rx(`^(?:Memory cgroup o|O)ut of memory: Killed process \d+ \((.*?)\)`), kind: KindOOM, rank: rankSpecific, title: "Out of memory: killed $1", single: true, proof: true},

	// One name twice: fs/sysfs/dir.c, lib/kobject.c, fs/debugfs/inode.c.
	{within: ": cannot create duplicate filename ", re: rx(`^(\w+): cannot create duplicate filename '(.*)'`), kind: KindDuplicate, rank: rankSpecific, title: "$1: cannot create duplicate filename '$2'"},
	{within: "kobject_add_internal failed for ", re: rx(`^(?:kobject: )?kobject_add_internal failed for (\S+) with -EEXIST, don't try to register things with the same name`), kind: KindDuplicate, rank: rankSpecific, title: "kobject_add_internal failed for $1 with -EEXIST", proof: true},
	{prefix: "debugfs: ", re: rx(`^debugfs: (?:(?:File|Directory) )?'(.*?)' .*already (?:present|exists)`), kind: KindDuplicate, rank: rankSpecific, title: "debugfs: '$1' already present", single: true, proof: true},

	// kernel/module: what no out-of-tree module needs in order to be loaded.
	{within: " taints kernel", re: rx(`^(?:[\w-]+: )?module license '(.*)' taints kernel\.`), kind: KindTaint, rank: rankSpecific, title: "module license '$1' taints kernel", single: true, proof: true},
	{within: "kernel tainted", re: rx(`^[\w-]+: [\w ]+: kernel tainted\.`), kind: KindTaint, rank: rankSpecific, title: "kernel tainted by a forced module", single: true, proof: true},
	{within: "staging directory, the quality is unknown", re: rx(`^([\w-]+): module is from the staging directory`), kind: KindTaint, rank: rankSpecific, title: "$1: module is from the staging directory", single: true, proof: true},

	{prefix: "VFS: ", re: rx(`^VFS: (Close: file count is 0|Busy inodes after unmount of )`), kind: KindBug, rank: rankSpecific, title: "VFS: $1", single: true, proof: true},
	{within: ": nobody cared", re: rx(`^irq \d+: nobody cared`), kind: KindBug, rank: rankGeneral, title: "irq: nobody cared"},
	{prefix: "Kernel panic - not syncing: ", re: rx(`^Kernel panic - not syncing: (.*)$`), kind: KindPanic, rank: rankGeneral, title: "kernel panic: $1"},
	{prefix: "BUG: ", re: rx(`^BUG: (.*)$`), kind: KindBug, rank: rankGeneral, title: "BUG: $1 in {func}"},

	// dump_stack() without a word, or under words that no rule knows.
	{prefix: "CPU: ", re: rx(`^CPU: \d+ (?:UID: \d+ )?PID: \d+ Comm: `), kind: KindWarn, rank: rankOpener, title: "stack dump in {func}"},
}

// match returns the first rule that the line matches, and its title with the
// submatches filled in.
func match(line string) (*rule, string) {
	for i := range rules {
		r := &rules[i]
		if r.prefix != "" {
			if !strings.HasPrefix(line, r.prefix) {
				continue
			}
		} else if !strings.Contains(line, r.within) {
			continue
		}
		if r.re == nil {
			return r, r.title
		}
		m := r.re.FindStringSubmatchIndex(line)
		if m == nil {
			continue
		}
		return r, string(r.re.ExpandString(nil, r.title, line, m))
	}
	return nil, ""
}
