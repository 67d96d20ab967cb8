// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/stop.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "source/diag/socket.h"
#include "source/procfs/procfs.h"
#include "source/procfs/procfs_privilege.h"
#include "source/ptrace/memory.h"

bool stop_push(struct stop *stop)
{
	bool any = stop->count > 0;

	for (size_t i = 0; i < stop->count; i++)
		queue_push(stop->queue, &stop->events[i]); /* a refusal is counted by the queue */
	stop->count = 0;
	return any;
}

static struct event *gather(struct stop *stop, enum event_type type, enum event_origin origin)
{
	struct event *event = &stop->events[stop->count++];

	*event = event_new(type, origin, stop->time_ns);
	return event;
}

static bool read_memory(void *context, uint64_t address, void *to, size_t length)
{
	const struct tracee *tracee = context;

	return memory_read(tracee->tid, address, to, length);
}

static void describe_sink(void *context, const struct event *event)
{
	struct stop *stop = context;

	*gather(stop, EVENT_PROCESS, ORIGIN_CALLS) = *event;
}

void stop_describe(struct stop *stop, struct target *target)
{
	if (target->described)
		return;
	target->described = true;
	target->netns = procfs_netns(target->pid);
	procfs_process_events(target->pid, stop->time_ns, describe_sink, stop);
}

static struct event *gather_call(struct stop *stop, const struct tracee *tracee, enum call_kind kind, int fd)
{
	struct event *event;

	stop_describe(stop, tracee->target);
	event = gather(stop, EVENT_CALL, ORIGIN_CALLS);
	event->flow.netns = tracee->target->netns;
	event->call.kind = (uint8_t)kind;
	event->call.pid = tracee->target->pid;
	event->call.tid = tracee->tid;
	event->call.fd = fd;
	event->call.begin_ns = tracee->begin_ns;
	event->call.uid = (uint32_t)-1;
	return event;
}

/*
 * Take, read, let go: while the duplicate is open the program's close(2) would
 * not send its FIN, so it is open only while the program is stopped or, for a
 * few microseconds, while connections older than the run are looked at.
 */
typedef int read_function(int socket, struct event *event);

static int look(struct stop *stop, const struct tracee *tracee, int fd, read_function *read, struct event *info)
{
	struct target *target = tracee->target;
	int socket, rc;

	if (target->pidfd == -1)
		target->pidfd = socket_process(target->pid);
	socket = target->pidfd < 0 ? target->pidfd : socket_take(target->pidfd, fd);
	if (socket < 0)
		return outside_look(&stop->outside, tracee->tid, fd, info);
	rc = read(socket, info);
	close(socket);
	return rc;
}

/* Tell the counters of a socket together with a call about it. */
static void gather_socket(struct stop *stop, struct event *call, const struct event *info, enum info_reason reason)
{
	struct event *event = gather(stop, EVENT_INFO, ORIGIN_KERNEL);

	call->call.cookie = info->info.cookie;
	if (info->flow.local.port != 0)
		call->flow.local = info->flow.local;
	if (info->flow.remote.port != 0)
		call->flow.remote = info->flow.remote;
	event->time_ns = info->time_ns;
	event->flow = call->flow;
	event->info = info->info;
	event->info.reason = (uint8_t)reason;
}

static void entered_connect(struct stop *stop, struct tracee *tracee)
{
	struct event *event;

	event = gather_call(stop, tracee, CALL_CONNECT_BEGIN, tracee->call.fd);
	event->flow.remote = tracee->remote;
}

/* Where does a connect(2) go? Return: false when it is none of ours: another family, or an address the kernel will
 * refuse. */
static bool read_destination(struct tracee *tracee)
{
	unsigned char address[sizeof(struct sockaddr_in6)];
	size_t length = tracee->call.length;

	if (length > sizeof(address))
		length = sizeof(address);
	return length >= sizeof(struct sockaddr_in) && read_memory(tracee, tracee->call.address, address, length) &&
	       endpoint_from_sockaddr(&tracee->remote, address, length) == 0;
}

static void told_shutdown(struct stop *stop, struct tracee *tracee)
{
	struct event info;
	struct event *event;

	if (look(stop, tracee, tracee->call.fd, socket_read_counters, &info) != 0)
		return;
	event = gather_call(stop, tracee, CALL_SHUTDOWN, tracee->call.fd);
	event->call.argument = (int)tracee->call.address;
	gather_socket(stop, event, &info, INFO_SHUTDOWN);
}

static void told_close(struct stop *stop, struct tracee *tracee, int fd)
{
	struct event info;

	target_mark_socket(tracee->target, fd, false);
	if (look(stop, tracee, fd, socket_read_counters, &info) != 0)
		return;
	gather_socket(stop, gather_call(stop, tracee, CALL_CLOSE, fd), &info, INFO_CLOSE);
}

static bool is_marked(const struct target *target, int fd)
{
	return fd >= 0 && target_next_socket(target, fd) == fd;
}

bool stop_entry(struct stop *stop, struct tracee *tracee, uint32_t arch, uint64_t number, const uint64_t arguments[6],
		bool closes)
{
	struct syscall *call = &tracee->call;

	if (syscalls_decode(call, arch, number, arguments, read_memory, tracee) == SYSCALL_OTHER) {
		call->kind = SYSCALL_OTHER;
		return false;
	}
	tracee->begin_ns = stop->time_ns;
	switch (call->kind) {
	case SYSCALL_ACCEPT:
	case SYSCALL_SO_ERROR:
	case SYSCALL_PTRACE:
		return true;
	case SYSCALL_CONNECT:
		if (!read_destination(tracee))
			break;
		entered_connect(stop, tracee);
		return true;
	case SYSCALL_SHUTDOWN:
		/* Before the call: what the kernel says of the socket's state then, is what matters. */
		told_shutdown(stop, tracee);
		break;
	case SYSCALL_CLOSE:
		if (closes && is_marked(tracee->target, call->fd))
			told_close(stop, tracee, call->fd);
		break;
	case SYSCALL_CLOSE_RANGE:
		for (int fd = target_next_socket(tracee->target, call->fd);
		     closes && fd >= 0 && (uint32_t)fd <= call->last_fd;
		     fd = target_next_socket(tracee->target, fd + 1)) {
			told_close(stop, tracee, fd);
			stop_push(stop);
		}
		break;
	default:
		break;
	}
	call->kind = SYSCALL_OTHER;
	return false;
}

static void read_accepted(const struct tracee *tracee, struct endpoint *remote)
{
	unsigned char address[sizeof(struct sockaddr_in6)];
	struct tracee reader = *tracee;

	/* The length the program passed is in its memory too; what was written tells its own by the family. */
	if (tracee->call.address == 0)
		return;
	if (read_memory(&reader, tracee->call.address, address, sizeof(address)) ||
	    read_memory(&reader, tracee->call.address, address, sizeof(struct sockaddr_in)))
		(void)endpoint_from_sockaddr(remote, address, sizeof(address));
}

static void returned_accept(struct stop *stop, struct tracee *tracee, int fd)
{
	struct event info;
	struct event *event;
	int rc;

	if (fd < 0)
		return;
	rc = look(stop, tracee, fd, socket_read, &info);
	if (rc == -ENOTCONN) {
		event = gather_call(stop, tracee, CALL_ACCEPT, fd);
		read_accepted(tracee, &event->flow.remote);
		return;
	}
	if (rc != 0)
		return;
	/* A connection that was reset in the queue has no other end any more, but accept(2) wrote down whose it was. */
	if (info.flow.remote.port == 0)
		read_accepted(tracee, &info.flow.remote);
	target_mark_socket(tracee->target, fd, true);
	event = gather_call(stop, tracee, CALL_ACCEPT, fd);
	gather_socket(stop, event, &info, INFO_ACCEPT);
}

static void returned_connect(struct stop *stop, struct tracee *tracee, int error)
{
	struct event info;
	struct event *event;
	int fd = tracee->call.fd;
	int rc = look(stop, tracee, fd, socket_read, &info);

	if (rc == -ENOTSUP || error == EBADF || error == ENOTSOCK) {
		gather_call(stop, tracee, CALL_CONNECT_OTHER, fd)->flow.remote = tracee->remote;
		return;
	}
	event = gather_call(stop, tracee, CALL_CONNECT_END, fd);
	event->flow.remote = tracee->remote;
	event->call.error = error;
	if (rc != 0)
		return;
	target_mark_socket(tracee->target, fd, true);
	gather_socket(stop, event, &info, INFO_CONNECT);
}

static void returned_so_error(struct stop *stop, struct tracee *tracee)
{
	struct event info;
	struct event *event;
	int error, rc;

	if (!read_memory(tracee, tracee->call.address, &error, sizeof(error)))
		return;
	rc = look(stop, tracee, tracee->call.fd, socket_read_counters, &info);
	if (rc != 0 && rc != -ENOTCONN)
		return;
	event = gather_call(stop, tracee, CALL_SO_ERROR, tracee->call.fd);
	event->call.error = error;
	if (rc == 0)
		gather_socket(stop, event, &info, INFO_LOOK);
}

/** struct name - a process's short name, fit to be printed */
struct name {
	char text[16 * 4 + 1];
};

static const char *name_of(struct name *name, pid_t pid)
{
	char comm[16];

	procfs_comm(pid, comm);
	escape_text(name->text, sizeof(name->text), comm);
	return name->text;
}

/* A debugger inside. Is it refused because of us? */
static void refused_ptrace(struct stop *stop, const struct tracee *tracee)
{
	pid_t wanted = tracee->call.fd != 0 ? tracee->call.fd : tracee->tid;
	struct procfs_status status;
	struct name name;

	if (procfs_status(wanted, &status) != 0 || status.tracer == 0 || procfs_thread_group(status.tracer) != getpid())
		return;
	remarks_add(stop->remarks,
		    "%s was refused to trace a process, because conntrace traces it, and only one can (ptrace(2)); "
		    "debug it without conntrace, or let conntrace trace less (--no-follow)",
		    name_of(&name, tracee->target->pid));
}

void stop_executed(struct stop *stop, const struct tracee *tracee)
{
	const char *lost = procfs_lost_privilege(tracee->target->pid);
	struct name name;

	if (lost == NULL)
		return;
	remarks_add(stop->remarks,
		    "%s is a %s program, but runs without that privilege, because it is traced (execve(2)); "
		    "run conntrace as root, or start it without conntrace",
		    name_of(&name, tracee->target->pid), lost);
}

void stop_return(struct stop *stop, struct tracee *tracee, int64_t value)
{
	switch (tracee->call.kind) {
	case SYSCALL_ACCEPT:
		returned_accept(stop, tracee, (int)value);
		break;
	case SYSCALL_CONNECT:
		returned_connect(stop, tracee, value < 0 ? (int)-value : 0);
		break;
	case SYSCALL_SO_ERROR:
		if (value == 0)
			returned_so_error(stop, tracee);
		break;
	case SYSCALL_PTRACE:
		if (value == -EPERM)
			refused_ptrace(stop, tracee);
		break;
	default:
		break;
	}
	tracee->call.kind = SYSCALL_OTHER;
}

void stop_last_thread(struct stop *stop, struct tracee *tracee, int status)
{
	struct target *target = tracee->target;

	if (target->exit_told)
		return;
	target->exit_told = true;
	tracee->begin_ns = stop->time_ns;
	for (int fd = target_next_socket(target, 0); fd >= 0; fd = target_next_socket(target, fd + 1)) {
		struct event info;
		struct event *event;

		if (look(stop, tracee, fd, socket_read_counters, &info) != 0)
			continue;
		event = gather_call(stop, tracee, CALL_EXIT, fd);
		event->call.argument = status;
		gather_socket(stop, event, &info, INFO_CLOSE);
		stop_push(stop);
	}
}

void stop_existing(struct stop *stop, const struct tracee *tracee, int fd)
{
	struct target *target = tracee->target;
	struct event info;
	struct event *event;

	if (look(stop, tracee, fd, socket_read, &info) != 0)
		return;
	stop_describe(stop, target);
	if (info.info.state != TCP_LISTEN) {
		target_mark_socket(target, fd, true);
		event = gather(stop, EVENT_OWNER, ORIGIN_CALLS);
		event->flow = info.flow;
		event->flow.netns = target->netns;
		event->owner.cookie = info.info.cookie;
		event->owner.pid = target->pid;
		event->owner.fd = fd;
		event->owner.uid = (uint32_t)-1;
	}
	event = gather(stop, EVENT_INFO, ORIGIN_KERNEL);
	*event = info;
	event->info.reason = INFO_EXISTING;
	event->flow.netns = target->netns;
}
