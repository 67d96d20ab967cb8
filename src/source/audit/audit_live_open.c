// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_live_state.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "config.h"
#include "system/procfs.h"
#include "system/socket.h"

/* Multicast group of the records (AUDIT_NLGRP_READLOG) as a mask. */
#define RECORDS_GROUP 1
/* Room for records that wait; a call has about 1 KiB of them. */
#define RECEIVE_SIZE (32 << 20)

static void add_notice(struct audit_live *live, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_notice(struct audit_live *live, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	audit_live_notice(live, xstrdup(text));
}

static int open_control(struct audit_control **control, struct err *err)
{
	int fd = audit_control_socket(0);

	if (fd == -EPROTONOSUPPORT || fd == -EAFNOSUPPORT)
		return err_set(err, ENOTSUP,
			       "this kernel has no audit: it was built without CONFIG_AUDIT, or started with audit=0");
	if (fd < 0)
		return err_set(err, -fd, "the kernel's audit cannot be reached: %s", strerror(-fd));
	*control = audit_control_new(fd);
	return 0;
}

static int open_records(int *records, struct err *err)
{
	const int size = RECEIVE_SIZE;

	*records = audit_control_socket(RECORDS_GROUP);
	if (*records == -EPERM)
		return err_set(err, EPERM,
			       "records of audit may not be read: run conntrace as root, or give it CAP_AUDIT_READ");
	if (*records < 0)
		return err_set(err, -*records, "records of audit cannot be read: %s", strerror(-*records));
	if (setsockopt(*records, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(*records, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

int audit_live_check(struct err *err)
{
	struct audit_control *control = NULL;
	int records = -1, rc = open_control(&control, err);

	if (rc == 0)
		rc = audit_state_check(control, err);
	if (rc == 0)
		rc = open_records(&records, err);
	if (records >= 0)
		close(records);
	audit_control_free(control);
	return rc;
}

/* Before anything is recorded the user knows where else it goes. */
static void explain(struct audit_live *live)
{
	const struct audit_control_status *found = audit_state_found(live->state);

	if (audit_state_removed(live->state) > 0)
		add_notice(live, "%zu rules of audit were removed that a killed conntrace had left",
			   audit_state_removed(live->state));
	if (found->pid != 0)
		add_notice(
			live,
			"the records of audit also go to auditd (PID %u) and so into its log, while this run goes on",
			found->pid);
	else
		add_notice(
			live,
			"no auditd runs, so the kernel also prints the records of audit to its own log (dmesg), while "
			"this run goes on");
	if (found->rate_limit != 0)
		add_notice(live, "audit is limited to %u records a second: beyond that records are lost",
			   found->rate_limit);
}

static int start(struct audit_live *live, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN};
	enum audit_sight sight;
	int rc = open_control(&live->control, err);

	if (rc == 0)
		rc = open_records(&live->records, err);
	if (rc != 0)
		return rc;
	live->owner = (struct audit_rule_owner){.pid = getpid(), .start = procfs_start(getpid())};
	rc = audit_state_open(&live->state, live->control, &live->owner, err);
	if (rc != 0)
		return rc;
	live->lost = audit_state_found(live->state)->lost;
	sight = audit_state_probe(live->state, live->records);
	if (sight == AUDIT_SIGHT_UNKNOWN)
		return err_set(
			err, ENOTSUP,
			"no record of audit arrives: a rule excludes them (auditctl -l: exclude), or conntrace is in a "
			"network namespace of its own and lacks CAP_SYS_PTRACE, which finds the first one");
	live->blind = sight == AUDIT_SIGHT_BLIND;
	explain(live);
	live->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (live->epoll < 0 || epoll_ctl(live->epoll, EPOLL_CTL_ADD, live->records, &event) != 0)
		return err_set(err, errno, "epoll: %s", strerror(errno));
	return 0;
}

int audit_live_open(struct audit_live **opened, const struct audit_live_config *config, struct err *err)
{
	struct audit_live *live = xcalloc(1, sizeof(*live));
	int rc;

	live->records = live->epoll = -1;
	live->all = config->all;
	live->settled_ns = live->sent_ns = clock_now();
	live->unrecorded = audit_unrecorded_new();
	rc = start(live, err);
	if (rc == 0) {
		live->watch = audit_watch_new(live->control, &live->owner, config->follow, live->epoll);
		live->calls = audit_calls_new(audit_live_append, live);
		live->held = audit_held_new(audit_live_release, live);
		live->feed = audit_feed_new(audit_live_take_call, live, false, err);
		rc = live->feed == NULL ? -ENOTSUP : 0;
	}
	if (rc == 0 && config->all) {
		rc = audit_watch_add_all(live->watch);
		if (rc != 0)
			(void)err_set(err, -rc, "rules of audit cannot be added: %s", strerror(-rc));
		if (rc == 0 && live->blind)
			add_notice(live,
				   "only processes that start from now on are audited: audit was switched on by this "
				   "run, for the first time since boot");
	}
	if (rc == 0)
		*opened = live;
	else
		audit_live_close(live);
	return rc;
}

/* ---- sockets of before the run -------------------------------------------------------------- */

/** struct listing - the sockets of one process are listed */
struct listing {
	struct audit_live *live;
	pid_t pid;
	int pidfd;
};

static void keep(void *context, const struct event *event)
{
	struct audit_live *live = context;

	live->existing =
		array_reserve(live->existing, live->existing_count, &live->existing_room, sizeof(*live->existing));
	live->existing[live->existing_count++] = *event;
}

static void list_socket(void *context, int fd, uint32_t inode)
{
	struct listing *listing = context;
	struct event info, owner;
	int taken = listing->pidfd >= 0 ? socket_take(listing->pidfd, fd) : -1;
	int rc = taken >= 0 ? socket_read(taken, &info) : -1;

	(void)inode;
	if (taken >= 0)
		close(taken);
	if (rc != 0 || info.info.state == TCP_CLOSE)
		return;
	/* A call of accept(2) that waits now has no record, because audit was not there when it began. */
	info.info.reason = info.info.state == TCP_LISTEN ? INFO_SAMPLE : INFO_EXISTING;
	if (info.info.state != TCP_LISTEN) {
		owner = event_new(EVENT_OWNER, ORIGIN_AUDIT, info.time_ns);
		owner.flow = info.flow;
		owner.owner.cookie = info.info.cookie;
		owner.owner.pid = listing->pid;
		owner.owner.fd = fd;
		owner.owner.uid = (uint32_t)-1;
		keep(listing->live, &owner);
	}
	keep(listing->live, &info);
}

static void list_existing(struct audit_live *live, pid_t pid)
{
	struct listing listing = {live, pid, audit_watch_pidfd(live->watch, pid)};

	procfs_process_events(pid, clock_now(), keep, live);
	(void)procfs_sockets(pid, list_socket, &listing);
}

static bool refuse(struct audit_live *live, pid_t pid, bool is_new)
{
	char why[512];
	int rc;

	if (procfs_is_ancestor(pid, getpid())) {
		add_notice(live, "cannot watch PID %d: conntrace runs inside it, and would not end", (int)pid);
		return true;
	}
	if (live->blind && !is_new && kill(pid, 0) == 0) {
		add_notice(live,
			   "cannot watch PID %d: it was started before audit was first switched on since boot, so the "
			   "kernel "
			   "does not audit it; start it again now, or boot with audit=1",
			   (int)pid);
		return true;
	}
	rc = audit_watch_add(live->watch, pid);
	if (rc == 0 && !is_new)
		audit_unrecorded_add(live->unrecorded, pid);
	if (rc == 0)
		return false;
	if (rc == -ESRCH)
		procfs_why_not_attachable(pid, ESRCH, why, sizeof(why));
	else
		(void)snprintf(why, sizeof(why), "cannot watch PID %d: rules of audit cannot be added: %s", (int)pid,
			       strerror(-rc));
	add_notice(live, "%s", why);
	return true;
}

int audit_live_watch(struct audit_live *live, const pid_t *pids, size_t count, bool is_new, struct err *err)
{
	size_t first = live->notice_count, refused = 0;

	for (size_t i = 0; i < count; i++) {
		if (refuse(live, pids[i], is_new))
			refused++;
		else
			list_existing(live, pids[i]);
	}
	if (refused < count)
		return 0;
	(void)err_set(err, ESRCH, "%s", first < live->notice_count ? live->notices[first] : "no process to watch");
	return -ESRCH;
}
