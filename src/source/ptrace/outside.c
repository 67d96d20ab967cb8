// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/outside.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "system/diag.h"
#include "system/tcp_info.h"
#include "system/procfs_tcp.h"

/* A namespace without sock_diag is no failure: its sockets have no counters then. */
struct diag *outside_diag(struct outside *outside)
{
	struct err ignored;

	if (!outside->opened) {
		outside->opened = true;
		outside->netns = procfs_netns(getpid());
		(void)diag_open(&outside->diag, outside->netns, &ignored);
	}
	return outside->diag;
}

int outside_look(struct outside *outside, pid_t tid, int fd, struct event *event)
{
	struct event result = event_new(EVENT_INFO, ORIGIN_KERNEL, clock_now()), answer;
	struct diag *diag;
	uint32_t inode;
	int rc = procfs_tcp_inode(tid, fd, &inode);

	if (rc != 0)
		return rc == -ENOENT ? -EBADF : rc;
	tcp_info_unknown(&result.info);
	result.info.reason = INFO_LOOK;
	rc = procfs_tcp_find(tid, inode, &result);
	if (rc != 0)
		return rc == -ENOENT ? -ENOTCONN : rc;
	diag = outside_diag(outside);
	if (diag != NULL && procfs_netns(tid) == outside->netns && diag_query(diag, &result.flow, 0, &answer) == 0 &&
	    answer.info.inode == inode)
		result = answer;
	*event = result;
	return 0;
}

void outside_close(struct outside *outside)
{
	diag_close(outside->diag);
	outside->diag = NULL;
	outside->opened = false;
}
