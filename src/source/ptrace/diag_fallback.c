// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/diag_fallback.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "system/diag.h"
#include "system/tcp_info.h"
#include "system/procfs_tcp.h"

/* A namespace without sock_diag is no failure: its sockets have no counters then. */
struct diag *diag_fallback_get(struct diag_fallback *diag_fallback)
{
	struct err ignored;

	if (!diag_fallback->opened) {
		diag_fallback->opened = true;
		diag_fallback->netns = procfs_netns(getpid());
		(void)diag_open(&diag_fallback->diag, diag_fallback->netns, &ignored);
	}
	return diag_fallback->diag;
}

int diag_fallback_read(struct diag_fallback *diag_fallback, pid_t tid, int fd, struct event *event)
{
	struct event result = event_new(EVENT_INFO, ORIGIN_KERNEL, clock_now()), answer;
	struct diag *diag;
	uint32_t inode;
	int rc = procfs_tcp_inode(tid, fd, &inode);

	if (rc != 0)
		return rc == -ENOENT ? -EBADF : rc;
	tcp_info_unknown(&result.info);
	result.info.reason = INFO_SAMPLE;
	rc = procfs_tcp_find(tid, inode, &result);
	if (rc != 0)
		return rc == -ENOENT ? -ENOTCONN : rc;
	diag = diag_fallback_get(diag_fallback);
	if (diag != NULL && procfs_netns(tid) == diag_fallback->netns &&
	    diag_query(diag, &result.flow, 0, &answer) == 0 && answer.info.inode == inode)
		result = answer;
	*event = result;
	return 0;
}

void diag_fallback_close(struct diag_fallback *diag_fallback)
{
	diag_close(diag_fallback->diag);
	diag_fallback->diag = NULL;
	diag_fallback->opened = false;
}
