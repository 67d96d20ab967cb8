// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/child_state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "source/packet/savefile_reader.h"
#include "source/source.h"

/*
 * Savefiles, read as one: the oldest of their next frames goes first. Each may have its own link types, compression and
 * snapshot length.
 */

/* Frames handled between two checks of control. */
#define ROUND_FRAMES 4096

/* Interfaces of different files have different numbers, as far as there are enough. */
#define FILE_SHIFT 10
#define FILE_MASK 31

struct file {
	struct savefile_reader *reader;
	struct dissect_record record; /* the next one, with @has_record */
	int64_t time_ns;              /* its time, or that of the one before it */
	bool has_record;
	bool ended;
};

struct files {
	struct child *child;
	capture_function take; /* gets each frame */
	struct file files[PACKET_SAVEFILES];
	size_t count;
	int64_t newest_ns;
	int error; /* of the first file that failed */
	struct err err;
};

/* The first frame of a link type was read: the main process compiles the filter for it. */
static void ask_filter(void *context, int link_type, struct savefile_filter *filter)
{
	struct child_input *input = context;
	struct child *child = input->child;
	struct frames *frames;

	child_ask_filter(child, link_type);
	frames = frames_add(&input->frames, link_type);
	for (size_t i = 0; i < child->config->packet->frame_filter_count; i++)
		frames_copy(frames, child->shared->frame_filters[i], child->shared->frame_filter_lengths[i]);
	filter->instructions = child->shared->filter;
	filter->length = child->shared->filter_length;
}

static void count_hidden(void *context, const struct dissect_record *record)
{
	child_frames_rejected(context, record);
	child_frames_hidden(((struct child_input *)context)->child, record);
}

/* A stream may bring nothing more. */
static void before_waiting(void *context)
{
	struct child *child = ((struct child_input *)context)->child;

	child_publish(child, 1);
	atomic_store(&child->shared->pauses, 1);
}

int child_files_open(const struct child_config *config, size_t which, struct err *err)
{
	const char *name = config->packet->savefiles[which];
	int given = config->file_fds[which];
	int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : given >= 0 ? given : open(name, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : err_set(err, errno, "cannot read \"%s\": %s", name, strerror(errno));
}

/* Frames that are older than one before them are counted, for their data may be misread. */
static void hand_over(struct files *files, struct dissect_record *record, size_t which)
{
	struct child_input *input = &files->child->inputs[0];

	if (record->time_ns < 0)
		atomic_fetch_add_explicit(&files->child->shared->timeless, 1, memory_order_relaxed);
	else if (record->time_ns < files->newest_ns)
		atomic_fetch_add_explicit(&files->child->shared->disordered, 1, memory_order_relaxed);
	else
		files->newest_ns = record->time_ns;
	record->interface = (uint16_t)(record->interface + ((which & FILE_MASK) << FILE_SHIFT));
	files->take(input, record);
}

/* Afterwards @file holds its next frame, or has ended, or the frame read did not pass. */
static void advance(struct files *files, struct file *file)
{
	struct err err;
	int got = savefile_reader_next(file->reader, &file->record, &err);

	file->has_record = got > 0;
	file->ended = got < 0;
	if (got > 0 && file->record.time_ns >= 0)
		file->time_ns = file->record.time_ns;
	if (got < 0 && got != SOURCE_END && files->error == 0) {
		files->error = got;
		files->err = err;
	}
}

/* Return: the file to be read next, or the one with the oldest frame; NULL: all have ended. */
static struct file *choose(struct files *files)
{
	struct file *chosen = NULL;

	for (size_t i = 0; i < files->count; i++) {
		struct file *file = &files->files[i];

		if (file->ended)
			continue;
		if (!file->has_record)
			return file;
		if (chosen == NULL || file->time_ns < chosen->time_ns)
			chosen = file;
	}
	return chosen;
}

/* Frames of @chosen up to this time may be taken without checking the others. */
static int64_t others_ns(const struct files *files, const struct file *chosen)
{
	int64_t until_ns = INT64_MAX;

	for (size_t i = 0; i < files->count; i++)
		if (&files->files[i] != chosen && !files->files[i].ended && files->files[i].time_ns < until_ns)
			until_ns = files->files[i].time_ns;
	return until_ns;
}

/* Return: true when all have ended. */
static bool round_of(struct files *files, int count)
{
	while (count > 0) {
		struct file *file = choose(files);
		int64_t until_ns;

		if (file == NULL)
			return true;
		if (!file->has_record) {
			advance(files, file);
			count--;
			continue;
		}
		until_ns = others_ns(files, file);
		do {
			if (file->has_record)
				hand_over(files, &file->record, (size_t)(file - files->files));
			advance(files, file);
		} while (--count > 0 && !file->ended && (!file->has_record || file->time_ns < until_ns));
	}
	return false;
}

/* A single one needs no comparison with others. */
static bool round_of_one(struct files *files, int count)
{
	struct file *file = &files->files[0];

	while (count-- > 0) {
		advance(files, file);
		if (file->ended)
			return true;
		if (file->has_record)
			hand_over(files, &file->record, 0);
	}
	return false;
}

int child_files_read(struct child *child, const int *fds, struct err *err)
{
	static struct files files;
	const struct packet_config *packet = child->config->packet;
	const struct savefile_user user = {
		.rejected = count_hidden,
		.link = ask_filter,
		.wait = child->config->deferred ? before_waiting : NULL,
		.context = &child->inputs[0],
	};
	bool ended = false;

	files = (struct files){
		.child = child,
		.take = child_frames_function(&child->inputs[0]),
		.count = packet->savefile_count,
		.newest_ns = INT64_MIN,
	};
	for (size_t i = 0; i < files.count; i++) {
		const char *name = packet->savefiles[i];

		files.files[i].time_ns = INT64_MIN;
		files.files[i].reader =
			savefile_reader_new(fds[i], strcmp(name, "-") == 0 ? "standard input" : name, &user);
	}
	while (!ended && !atomic_load(&child->shared->stop) && !child_frames_are_all(child)) {
		ended = files.count == 1 ? round_of_one(&files, ROUND_FRAMES) : round_of(&files, ROUND_FRAMES);
		atomic_store(&child->shared->pauses, 0);
		atomic_fetch_add_explicit(&child->shared->beat, 1, memory_order_relaxed);
		child_publish_counts(child);
	}
	child_frames_end(child);
	if (files.error != 0 && !child_frames_are_all(child)) {
		*err = files.err;
		return files.error;
	}
	return 0;
}
