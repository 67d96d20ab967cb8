/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_PROCFS_H
#define CONNTRACE_SYSTEM_PROCFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/event.h"

/* Data of a process from /proc (proc(5)). A process may end, and its PID be reused, between any two reads. */

/** procfs_set_root() - use @path instead of /proc; for tests, before any thread is started */
void procfs_set_root(const char *path);

/** procfs_skip_details() - report only PROCESS_COMM and PROCESS_EXE of each process; before any thread is started */
void procfs_skip_details(void);

/** Size of a path below /proc. */
#define PROCFS_PATH (PATH_MAX + 64)

/** procfs_path() - the path of a file of a process, @path; @pid and @name as in procfs_read() */
const char *procfs_path(char path[PROCFS_PATH], pid_t pid, const char *name);

/**
 * procfs_read() - the beginning of a file of a process
 * @pid: the process, or 0 for a file of the whole system
 * @name: its path below /proc/PID, or below /proc
 * @text: NUL-terminated in any case
 * @size: room there, at least 1
 *
 * Return: the length, or a negative errno: -ENOENT or -ESRCH when the process is gone.
 */
ssize_t procfs_read(pid_t pid, const char *name, char *text, size_t size);

/** procfs_owner() - owner of a file of a process; parameters as in procfs_read(); Return: -1 (as uid_t) unknown */
uid_t procfs_owner(pid_t pid, const char *name);

/**
 * struct procfs_status - from /proc/PID/status
 * @tgid: thread group, the process a thread belongs to; 0 unknown
 * @ppid: parent, 0 none or outside the own PID namespace
 * @tracer: its tracer, 0 none or outside the own PID namespace
 * @uid: real, effective and saved user
 * @gid: real, effective and saved group
 * @permitted: capabilities, permitted
 * @effective: capabilities, effective
 * @seccomp: 0 none, 1 strict, 2 filter
 * @seccomp_filters: number of its filters, -1 unknown (before Linux 5.9)
 * @pending: pending signals of this thread alone; bit 0 is signal 1, here and in the next
 * @blocked: signals it blocks
 * @ignored: signals the process ignores by choice
 * @caught: signals it has a handler for
 * @state: 'R', 'S', 'Z' ...
 * @has_memory: false for threads of the kernel, and for processes that are ending or have ended
 * @peak_bytes: peak resident memory (VmHWM; proc_pid_status(5)), -1 unknown
 */
struct procfs_status {
	pid_t tgid;
	pid_t ppid;
	pid_t tracer;
	uid_t uid[3];
	gid_t gid[3];
	uint64_t permitted;
	uint64_t effective;
	int seccomp;
	int seccomp_filters;
	uint64_t pending;
	uint64_t blocked;
	uint64_t ignored;
	uint64_t caught;
	char state;
	bool has_memory;
	int64_t peak_bytes;
};

/** procfs_status() - read it; Return: 0, or -ESRCH when there is no such process or thread; set on success only */
int procfs_status(pid_t pid, struct procfs_status *status);

/** procfs_comm() - the kernel's short name of a process or thread, raw bytes; "" when unknown */
void procfs_comm(pid_t pid, char comm[16]);

/** struct procfs_name - room for the short name of a process in a message: 16 bytes, each four characters at most */
struct procfs_name {
	char text[16 * 4 + 1];
};

/** procfs_name() - the short name of a process, escaped for a message; "?" when unknown. Return: @name->text */
const char *procfs_name(struct procfs_name *name, pid_t pid);

/**
 * procfs_exe() - the path of the executable, raw bytes
 * @pid: the process
 * @path: NUL-terminated, set on success only; " (deleted)" behind it marks a deleted file
 * @size: room there, PATH_MAX holds anything
 *
 * Return: its length, or a negative errno: -EACCES another user's, -ENOENT a kernel thread.
 */
ssize_t procfs_exe(pid_t pid, char *path, size_t size);

/** procfs_netns() - inode number of its network namespace; 0 unknown */
uint32_t procfs_netns(pid_t pid);

/** procfs_thread_group() - the process a thread belongs to; -1 when there is no such thread */
pid_t procfs_thread_group(pid_t tid);

/**
 * procfs_call() - the system call that a thread sleeps in
 * @tid: the thread; takes the right to attach to it
 * @number: of the call, by the table of the thread's architecture
 * @arguments: of the call
 *
 * Return: 0, -EAGAIN when it sleeps in none, or another negative errno; results are set on success only.
 */
int procfs_call(pid_t tid, uint64_t *number, uint64_t arguments[6]);

/** procfs_run_time() - CPU time of a thread in ns (updated by the tick while it runs); -1 unknown */
int64_t procfs_run_time(pid_t tid);

/** procfs_start() - when a process was started, clock ticks after boot (proc_pid_stat(5)); 0 unknown */
uint64_t procfs_start(pid_t pid);

/**
 * procfs_has_ended() - whether the process that had this PID at @then_ns, since the epoch, has ended
 *
 * One that waits for its parent to see that has ended. Another process with the PID was started later; one that was
 * started less than a second later is taken for the same, because the clock may have been set by as much.
 */
bool procfs_has_ended(pid_t pid, int64_t then_ns);

/**
 * procfs_switches() - how often a thread that sleeps has left a processor (proc_pid_status(5)); needs no right to it
 *
 * Return: true when it sleeps or is stopped, and the kernel shows the number: @count is set. As long as that stays the
 * same, the thread has not run.
 */
bool procfs_switches(pid_t tid, uint64_t *count);

/** procfs_is_ancestor() - whether @pid is process @of or one of its ancestors */
bool procfs_is_ancestor(pid_t pid, pid_t of);

/** procfs_ptrace_scope() - Yama's ptrace_scope, 0 to 3; 0 when the kernel has no Yama */
int procfs_ptrace_scope(void);

/** procfs_forks() - number of processes and threads made since boot; -1 unknown */
int64_t procfs_forks(void);

/**
 * procfs_identity() - a number that distinguishes a process from earlier ones with the same PID
 *
 * It may change while the process exists, if the kernel is short of memory; that of another process never equals it.
 *
 * Return: 0 when there is no such process.
 */
uint64_t procfs_identity(pid_t pid);

/** procfs_syn_retries() - net.ipv4.tcp_syn_retries of this network namespace; -1 unknown */
int procfs_syn_retries(void);

/**
 * procfs_threads() - the threads of a process
 * @pid: the process
 * @callback: called with each thread id
 * @context: passed to @callback
 *
 * Return: how many, or a negative errno. Threads that are created meanwhile may be missed.
 */
int procfs_threads(pid_t pid, void (*callback)(void *context, pid_t tid), void *context);

/**
 * procfs_processes() - all processes, by rising number
 * @callback: called with each process id
 * @context: passed to @callback
 *
 * Return: how many, or a negative errno.
 */
int procfs_processes(void (*callback)(void *context, pid_t pid), void *context);

/**
 * procfs_sockets() - the sockets that a process holds, of any kind
 * @pid: the process
 * @callback: called with descriptor and inode number of each
 * @context: passed to @callback
 *
 * Return: how many, or a negative errno: -EACCES another user's process.
 */
int procfs_sockets(pid_t pid, void (*callback)(void *context, int fd, uint32_t inode), void *context);

/** procfs_sockets_and_rings() - as procfs_sockets(), and @ring is called with each io_uring, which is not counted */
int procfs_sockets_and_rings(pid_t pid, void (*callback)(void *context, int fd, uint32_t inode),
			     void (*ring)(void *context, int fd), void *context);

/** procfs_may_list() - whether procfs_sockets() is permitted; Return: 0 or a negative errno */
int procfs_may_list(pid_t pid);

/**
 * procfs_cgroup() - path of its control group, see model/cgroup.h
 *
 * Return: false unknown, or after procfs_skip_details(); @path is set on success only.
 */
bool procfs_cgroup(pid_t pid, char *path, size_t size);

/** Longest command line that is read, with its NUL; a longer one is cut. */
#define PROCFS_CMDLINE 256

/** Longest path of a control group that is read, with its NUL; a longer one is unknown. */
#define PROCFS_CGROUP 1024

/** Most events of a process: a name, a path of 4096 bytes, that of a control group, a parent, a command line. */
#define PROCFS_PROCESS_EVENTS (1 + 35 + 9 + 1 + 3)

/**
 * procfs_process_events() - emit what is known of a process
 * @pid: the process
 * @time_ns: for the events
 * @sink: called with each EVENT_PROCESS of ORIGIN_CALLS, PROCFS_PROCESS_EVENTS at most: pieces of each fact
 *        in the order of enum process_fact; unknown ones are left out
 * @context: passed to @sink
 *
 * The process may be stopped meanwhile.
 */
void procfs_process_events(pid_t pid, int64_t time_ns, void (*sink)(void *context, const struct event *event),
			   void *context);

/**
 * procfs_process_list() - the events of procfs_process_events()
 *
 * For a caller that has to see first whether the process still lives.
 *
 * Return: how many there are in @list.
 */
size_t procfs_process_list(pid_t pid, int64_t time_ns, struct event list[PROCFS_PROCESS_EVENTS]);

/**
 * procfs_detail_events() - as procfs_process_events(), without name and executable
 * @process: an EVENT_PROCESS whose time, origin, PID and user the events have
 */
void procfs_detail_events(const struct event *process, void (*sink)(void *context, const struct event *event),
			  void *context);

/** procfs_may_attach() - whether ptrace(2) is permitted by users, capabilities, Yama and other tracers */
bool procfs_may_attach(pid_t pid);

/** procfs_may_watch() - whether its descriptors can be listed, and its sockets are in the own network namespace */
bool procfs_may_watch(pid_t pid);

/**
 * procfs_why_not_attachable() - explain why attaching to a process failed
 * @pid: the process
 * @error: errno of ptrace(PTRACE_SEIZE), positive
 * @text: one line for the user: failure, reason and remedy
 * @size: room there
 *
 * The kernel returns EPERM for a dozen reasons. This function finds the one that applies, in the order of ptrace(2),
 * "Ptrace access mode checking", from /proc of the process and of this one.
 */
void procfs_why_not_attachable(pid_t pid, int error, char *text, size_t size);

/** procfs_why_not_traceable() - as procfs_why_not_attachable(), the reason alone: "it belongs to user ..." */
void procfs_why_not_traceable(pid_t pid, int error, char *text, size_t size);

/**
 * procfs_why_not_watchable() - explain why the open files of a process cannot be read
 * @pid: the process
 * @text: as procfs_why_not_attachable()'s
 * @size: room there
 *
 * It requires the same user or CAP_SYS_PTRACE, and a process that is dumpable (ptrace(2), PTRACE_MODE_READ_FSCREDS).
 *
 * Return: -ESRCH or -EACCES.
 */
int procfs_why_not_watchable(pid_t pid, char *text, size_t size);

#endif
