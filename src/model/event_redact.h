/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_EVENT_REDACT_H
#define CONNTRACE_MODEL_EVENT_REDACT_H

#include <stdbool.h>

#include "model/event.h"

/**
 * event_redact() - put pseudonyms in place of what base/redact.h hides in an event
 * @event: changed in place; reading it gives the same connections and processes as without
 *
 * A long text of a process is known by its first piece. Pieces of messages lose their text: event_redact_message() is
 * for the whole.
 *
 * Return: false when nothing is left of it.
 */
bool event_redact(struct event *event);

struct message;

/** event_redact_message() - the same for a whole message; header fields are removed */
void event_redact_message(struct message *message);

#endif
