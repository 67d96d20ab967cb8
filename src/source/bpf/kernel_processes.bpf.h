/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_BPF_KERNEL_PROCESSES_BPF_H
#define CONNTRACE_SOURCE_BPF_KERNEL_PROCESSES_BPF_H

/* Which processes are watched, and their names; a part of kernel.bpf.c. */

#include "source/bpf/kernel_records.bpf.h"

/* The name of its process; a thread may have one of its own. */
static __always_inline void read_name(char name[KERNEL_COMM], const struct task_struct *task)
{
	BPF_CORE_READ_STR_INTO((char(*)[KERNEL_COMM])name, task, group_leader, comm);
}

/* Whatever its name. */
static __always_inline bool may_watch(const struct task_struct *task, __u32 tgid)
{
	if (all)
		return (task->flags & PF_KTHREAD) == 0 && bpf_map_lookup_elem(&excluded, &tgid) == NULL;
	return bpf_map_lookup_elem(&processes, &tgid) != NULL;
}

static __always_inline bool is_chosen(const struct task_struct *task)
{
	char name[KERNEL_COMM] = {0};
	__u32 tgid = task->tgid;

	if (by_group && bpf_map_lookup_elem(&unchosen, &tgid) != NULL)
		return false;
	if (!by_name)
		return true;
	read_name(name, task);
	return bpf_map_lookup_elem(&names, name) != NULL;
}

static __always_inline bool is_watched(__u32 tgid)
{
	const struct task_struct *task = bpf_get_current_task_btf();

	return may_watch(task, tgid) && is_chosen(task);
}

/* Report the name of the current process, unless that was done. */
static __always_inline void name_current(__u32 tgid)
{
	struct process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct process named = {.named = 1};
	const struct task_struct *task = bpf_get_current_task_btf();
	struct kernel_record *record;

	if ((process != NULL && process->named) || !may_watch(task, tgid))
		return;
	if (process != NULL)
		process->named = 1;
	else if (bpf_map_update_elem(&processes, &tgid, &named, BPF_ANY) != 0)
		lose();
	record = begin(KERNEL_PROCESS);
	if (record == NULL)
		return;
	read_current(record);
	read_name(record->comm, task);
	end(record);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(forked, struct task_struct *parent, struct task_struct *child)
{
	__u32 from = BPF_CORE_READ(parent, tgid), to = BPF_CORE_READ(child, tgid), value = 1;
	struct process process = {0};

	if ((__u32)BPF_CORE_READ(child, pid) != to)
		return 0;
	if (all) {
		if (bpf_map_lookup_elem(&excluded, &from) != NULL)
			bpf_map_update_elem(&excluded, &to, &value, BPF_ANY);
		return 0;
	}
	if (!follow || bpf_map_lookup_elem(&processes, &from) == NULL)
		return 0;
	if (bpf_map_update_elem(&processes, &to, &process, BPF_NOEXIST) != 0) {
		lose();
		return 0;
	}
	__sync_fetch_and_add(&live, 1);
	return 0;
}

static __always_inline void forget_name(const struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct process *process = bpf_map_lookup_elem(&processes, &tgid);

	if (process != NULL)
		process->named = 0;
	if (by_group)
		bpf_map_delete_elem(&unchosen, &tgid);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(executed, struct task_struct *task)
{
	forget_name(task);
	return 0;
}

/* prctl(2) and /proc/PID/comm; of a thread, too, which changes nothing. */
SEC("tp_btf/task_rename")
int BPF_PROG(renamed, struct task_struct *task)
{
	if (BPF_CORE_READ(task, pid) == BPF_CORE_READ(task, tgid))
		forget_name(task);
	return 0;
}

/* Into another control group; loaded only for by_group. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(moved, void *group, const char *path, struct task_struct *task)
{
	forget_name(task);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exited, struct task_struct *task)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 tgid = thread >> 32;
	struct kernel_record *record;

	if (BPF_CORE_READ(task, signal, live.counter) != 0 || bpf_map_lookup_elem(&processes, &tgid) == NULL)
		return 0;
	if (!all)
		__sync_fetch_and_add(&live, -1);
	record = begin(KERNEL_EXIT);
	if (record == NULL)
		return 0;
	read_current(record);
	end(record);
	return 0;
}

/* Its descriptors are closed after its exit was reported: it is watched until it is gone. */
SEC("tp_btf/sched_process_free")
int BPF_PROG(freed, struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);

	if ((__u32)BPF_CORE_READ(task, pid) != tgid)
		return 0;
	bpf_map_delete_elem(&processes, &tgid);
	if (by_group)
		bpf_map_delete_elem(&unchosen, &tgid);
	if (all)
		bpf_map_delete_elem(&excluded, &tgid);
	return 0;
}

#endif
