// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/event_redact.h"

#include <stdio.h>
#include <string.h>

#include "base/redact.h"
#include "base/table.h"
#include "model/message.h"

/* A made-up cookie names no socket. */
static void hide_cookie(uint64_t *cookie)
{
	if (redact_hides(REDACT_ADDR) && *cookie != 0 && !(*cookie & EVENT_COOKIE_MADE_UP))
		*cookie = redact_number(REDACT_ADDR, cookie, sizeof(*cookie));
}

static void hide_uid(uint32_t *uid)
{
	if (redact_hides(REDACT_USER))
		*uid = (uint32_t)-1;
}

static bool hide_process(struct event_process *process)
{
	static const uint8_t kinds[] = {
		[PROCESS_COMM] = REDACT_COMM,   [PROCESS_EXE] = REDACT_PATH,     [PROCESS_CGROUP] = REDACT_PATH,
		[PROCESS_PARENT] = REDACT_COMM, [PROCESS_CMDLINE] = REDACT_ARGS, [PROCESS_GAPS] = 0,
	};
	TABLE_COVERS(kinds, PROCESS_FACT_NUM);
	enum redact_kind kind = process->fact < PROCESS_FACT_NUM ? kinds[process->fact] : REDACT_ARGS;
	char text[EVENT_PROCESS_TEXT + 1], *name = text;

	hide_uid(&process->uid);
	if (!redact_hides(kind))
		return true;
	if (process->offset > 0)
		return false;
	memcpy(text, process->text, process->length);
	text[process->length] = '\0';
	/* "PPID comm" */
	if (process->fact == PROCESS_PARENT && strchr(text, ' ') != NULL)
		name = strchr(text, ' ') + 1;
	snprintf(name, sizeof(text) - (size_t)(name - text), "%s", redact_text(kind, name));
	process->length = (uint8_t)strlen(text);
	memcpy(process->text, text, process->length);
	return true;
}

bool event_redact(struct event *event)
{
	if (!redact_is_on())
		return true;
	event->flow.local = endpoint_shown(&event->flow.local);
	event->flow.remote = endpoint_shown(&event->flow.remote);
	switch (event->type) {
	case EVENT_CALL:
		hide_cookie(&event->call.cookie);
		hide_uid(&event->call.uid);
		break;
	case EVENT_INFO:
		hide_cookie(&event->info.cookie);
		hide_uid(&event->info.uid);
		break;
	case EVENT_OWNER:
		hide_cookie(&event->owner.cookie);
		hide_uid(&event->owner.uid);
		break;
	case EVENT_PROCESS:
		return hide_process(&event->process);
	case EVENT_MESSAGE:
		event->message.length = 0;
		break;
	default:
		break;
	}
	return true;
}

static void hide_text(enum redact_kind kind, char *text, size_t size)
{
	snprintf(text, size, "%s", redact_text(kind, text));
}

void event_redact_message(struct message *message)
{
	if (!redact_is_on())
		return;
	if (message->kind == MESSAGE_HTTP_REQUEST)
		hide_text(REDACT_PATH, message->target, sizeof(message->target));
	hide_text(REDACT_HOST, message->host, sizeof(message->host));
	message->fields[0] = '\0';
}
