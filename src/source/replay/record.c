// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/outfile.h"
#include "base/redact.h"
#include "base/xalloc.h"
#include "model/event_redact.h"
#include "model/event_text.h"
#include "model/message.h"

/* Room for a name of DNS (RFC 1035, 2.3.4), each piece of which may be as long as it can. */
#define NAME_ROOM (256 + EVENT_NAME_TEXT)

struct record_file {
	struct outfile *outfile;
	FILE *file;
	int error;              /* the first failure, a negative errno */
	struct message message; /* the pieces of one so far, when it is redacted */
	char name[NAME_ROOM];   /* likewise those of a name of DNS */
};

static int failed(const struct record_file *record, struct err *err)
{
	return err_set(err, record->error, "events cannot be recorded in \"%s\": %s", outfile_name(record->outfile),
		       strerror(-record->error));
}

/* stdio remembers that writing failed, but not why: errno is kept at once. */
static void put_line(struct record_file *record, const char *line)
{
	errno = 0;
	if (fputs(line, record->file) == EOF || putc('\n', record->file) == EOF)
		record->error = errno != 0 ? -errno : -EIO;
}

int record_open(struct record_file **record, const char *path, struct err *err)
{
	struct record_file *made = xcalloc(1, sizeof(*made));
	int ret = outfile_open(&made->outfile, path, false, err);

	if (ret != 0) {
		free(made);
		return err_set(err, ret, "events cannot be recorded in \"%s\": %s", path, strerror(-ret));
	}
	made->file = outfile_stream(made->outfile);
	put_line(made, EVENT_TEXT_HEADER);
	*record = made;
	return 0;
}

int record_commit(struct record_file *record, struct err *err)
{
	return outfile_commit(record->outfile, err);
}

bool record_is_to_come(const struct record_file *record)
{
	return outfile_is_to_come(record->outfile);
}

static int record_line(struct record_file *record, const struct event *event, struct err *err)
{
	char line[EVENT_TEXT_SIZE];
	int ret = event_to_text(event, line, sizeof(line));

	if (ret < 0)
		return err_set(err, ret, "an event of type %u has a value that cannot be recorded", event->type);
	if (record->error == 0)
		put_line(record, line);
	return record->error != 0 ? failed(record, err) : 0;
}

/* The pieces of a message, as they are recorded. */
struct pieces {
	struct record_file *record;
	const struct event *event;
	struct err *err;
	int error;
};

static void record_piece(void *context, const struct event *piece)
{
	struct pieces *pieces = context;
	struct event event = *pieces->event;

	event.message = piece->message;
	if (pieces->error == 0)
		pieces->error = record_line(pieces->record, &event, pieces->err);
}

/* Return: true when the name is complete: then @piece has the pseudonym of all of it. */
static bool redact_name(struct record_file *record, struct event_name *piece)
{
	size_t end = (size_t)piece->offset + piece->length;

	if (!redact_hides(REDACT_HOST))
		return true;
	if (end >= sizeof(record->name))
		return false;
	memcpy(record->name + piece->offset, piece->text, piece->length);
	record->name[end] = '\0';
	if (!piece->last)
		return false;
	memset(piece->text, 0, sizeof(piece->text));
	snprintf(piece->text, sizeof(piece->text), "%s", redact_text(REDACT_HOST, record->name));
	piece->offset = 0;
	piece->length = (uint8_t)strlen(piece->text);
	return true;
}

static int record_redacted(struct record_file *record, const struct event *event, struct err *err)
{
	struct event shown = *event;
	struct pieces pieces = {record, &shown, err, 0};

	if (!event_redact(&shown) || (event->type == EVENT_NAME && !redact_name(record, &shown.name)))
		return 0;
	if (event->type != EVENT_MESSAGE)
		return record_line(record, &shown, err);
	/* The pseudonym is that of the whole text. */
	if (message_join(&record->message, &event->message)) {
		event_redact_message(&record->message);
		message_split(&record->message, record_piece, &pieces);
	}
	return pieces.error;
}

int record_event(struct record_file *record, const struct event *event, struct err *err)
{
	return redact_is_on() ? record_redacted(record, event, err) : record_line(record, event, err);
}

int record_close(struct record_file *record, struct err *err)
{
	int ret = 0, close_ret;

	if (record == NULL)
		return 0;
	if (record->error != 0)
		ret = failed(record, err);
	close_ret = outfile_close(record->outfile, ret == 0 ? err : NULL);
	free(record);
	return ret != 0 ? ret : close_ret;
}
