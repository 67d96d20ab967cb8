// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/event.h"

#include <errno.h>
#include <string.h>

#include "base/table.h"

struct event event_new(enum event_type type, enum event_origin origin, int64_t time_ns)
{
	struct event event;

	/* memset, not an initialiser: padding must be zero too, events are compared and hashed as bytes. */
	memset(&event, 0, sizeof(event));
	event.type = (uint8_t)type;
	event.origin = (uint8_t)origin;
	event.time_ns = time_ns;
	event.flow.proto = IPPROTO_TCP;
	return event;
}

bool event_is_accept_failure(int error)
{
	/* ERESTARTSYS of the kernel and what follows it (linux/errno.h) are no results. */
	return error < 512 && error != EAGAIN && error != EINTR && error != EBADF && error != ENOTSOCK &&
	       error != EINVAL && error != EFAULT && error != EOPNOTSUPP && error != ENOSYS;
}

size_t event_size(enum event_type type)
{
	static const size_t body[] = {
		[EVENT_NONE] = 0,
		[EVENT_CALL] = sizeof(struct event_call),
		[EVENT_INFO] = sizeof(struct event_info),
		[EVENT_SEGMENT] = sizeof(struct event_segment),
		[EVENT_ICMP] = sizeof(struct event_icmp),
		[EVENT_OWNER] = sizeof(struct event_owner),
		[EVENT_PROCESS] = sizeof(struct event_process),
		[EVENT_MESSAGE] = sizeof(struct event_message),
		[EVENT_LOST] = sizeof(struct event_lost),
		[EVENT_RUN] = sizeof(struct event_run),
		[EVENT_FRAME] = sizeof(struct event_frame),
		[EVENT_TIME] = 0,
		[EVENT_NAME] = sizeof(struct event_name),
	};

	TABLE_COVERS(body, EVENT_TYPE_NUM);
	return offsetof(struct event, call) + body[type];
}
