// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a log of audit, up to the events. */
#include <stdlib.h>
#include <string.h>

#include "model/event_text.h"
#include "source/audit/audit_calls.h"
#include "source/audit/audit_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each event can be written into the pipe, and is of the kinds that the reader expects. */
static void check_event(void *context, const struct event *event)
{
	char text[EVENT_TEXT_SIZE];
	struct err err = {""};
	struct event again;

	(void)context;
	if (event->origin != ORIGIN_AUDIT || event->time_ns < 0)
		abort();
	if (event->type != EVENT_CALL && event->type != EVENT_PROCESS && event->type != EVENT_INFO)
		abort();
	if (event_to_text(event, text, sizeof(text)) <= 0 || event_from_text(text, &again, &err) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct audit_calls *calls = audit_calls_new(check_event, NULL);
	struct err err = {""};
	struct audit_feed *feed = audit_feed_new(audit_calls_feed, calls, false, &err);
	struct span rest = {data, size};

	while (feed != NULL && rest.length > 0) {
		const uint8_t *newline = memchr(rest.data, '\n', rest.length);
		struct span line = {rest.data, newline != NULL ? (size_t)(newline - rest.data) : rest.length};

		audit_feed_line(feed, line);
		(void)span_skip(&rest, line.length + (newline != NULL));
	}
	if (feed != NULL)
		audit_feed_end(feed);
	audit_feed_free(feed);
	audit_calls_free(calls);
	return 0;
}
