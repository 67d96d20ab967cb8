/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_BPF_KERNEL_PROCESSES_BPF_H
#define CONNTRACE_SOURCE_BPF_KERNEL_PROCESSES_BPF_H

/* Which processes are watched, and their names; a part of kernel.bpf.c. */

#include "source/bpf/kernel_records.bpf.h"

static __always_inline bool is_watched(__u32 tgid)
{
	const struct task_struct *task = bpf_get_current_task_btf();

	if (all)
		return (task->flags & PF_KTHREAD) == 0 && bpf_map_lookup_elem(&excluded, &tgid) == NULL;
	return bpf_map_lookup_elem(&processes, &tgid) != NULL;
}

/* Report the name of the current process, unless that was done. */
static __always_inline void name_current(__u32 tgid)
{
	struct process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct process named = {.named = 1};
	struct kernel_record *record;

	if ((process != NULL && process->named) || !is_watched(tgid))
		return;
	if (process != NULL)
		process->named = 1;
	else if (bpf_map_update_elem(&processes, &tgid, &named, BPF_ANY) != 0)
		lose();
	record = begin(KERNEL_PROCESS);
	if (record == NULL)
		return;
	read_current(record);
	bpf_get_current_comm(record->comm, sizeof(record->comm));
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

SEC("tp_btf/sched_process_exec")
int BPF_PROG(executed, struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct process *process = bpf_map_lookup_elem(&processes, &tgid);

	if (process != NULL)
		process->named = 0;
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
	if (all)
		bpf_map_delete_elem(&excluded, &tgid);
	return 0;
}

#endif
