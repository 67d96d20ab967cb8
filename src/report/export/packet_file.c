// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/export/packet_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/outfile.h"
#include "base/xalloc.h"

/*
 * There are two buffers of whole blocks: the caller fills one while the thread writes the other. When a buffer is
 * followed by a new file, nothing is added to it any more. When writing fails, the file is cut behind its last whole
 * block, so that what is there can be read.
 */

/* Bytes that wait for the thread. */
#define BUFFER_MAX ((size_t)8 << 20)

struct interface {
	char name[16];
	int link_type;
	uint16_t number;
};

struct buffer {
	struct text blocks;
	uint64_t frames;
	bool ends_file; /* a new file follows */
};

struct packet_file {
	struct packet_file_config config;
	struct outfile *out;
	/* Of the caller. */
	struct interface *interfaces;
	size_t interface_count;
	size_t interface_room;
	int64_t file_bytes; /* added to the current file */
	int64_t begin_ns;   /* time of its first frame, */
	int64_t last_ns;    /* and of its last one */
	bool is_begun;      /* it has a section */
	bool is_committed;
	bool has_thread;
	pthread_t thread;
	/* Of both. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct buffer filling, writing;
	bool is_writing;
	bool is_ending;
	bool is_reported;
	uint64_t written; /* frames */
	int error;        /* a negative errno: nothing is written any more */
	struct err err;
};

int packet_file_open(struct packet_file **opened, const struct packet_file_config *config, struct err *err)
{
	struct packet_file *file = xcalloc(1, sizeof(*file));
	int rc = outfile_open(&file->out, config->path, false, err);

	if (rc != 0) {
		free(file);
		return err_set(err, rc, "packets cannot be written to \"%s\": %s", config->path, strerror(-rc));
	}
	outfile_make_private(file->out);
	file->config = *config;
	pthread_mutex_init(&file->mutex, NULL);
	pthread_cond_init(&file->changed, NULL);
	*opened = file;
	return 0;
}

const char *packet_file_name(const struct packet_file *file)
{
	return outfile_name(file->out);
}

bool packet_file_is_to_come(const struct packet_file *file)
{
	return outfile_is_to_come(file->out);
}

int packet_file_commit(struct packet_file *file, struct err *err)
{
	int rc = outfile_commit(file->out, err);

	file->is_committed = rc == 0;
	return rc;
}

/* ---- the thread ------------------------------------------------------------------- */

static int file_fd(const struct packet_file *file)
{
	return fileno(outfile_stream(file->out));
}

/* The last of the files is removed, and each other gets the next number. Return: 0 or a negative errno. */
static int shift_files(const struct packet_file *file, struct err *err)
{
	const char *path = file->config.path;

	for (int i = file->config.kept - 1; i > 0; i--) {
		char *from = i > 1 ? xasprintf("%s.%d", path, i - 1) : xstrdup(path), *to = xasprintf("%s.%d", path, i);
		int error = rename(from, to) == 0 || (errno == ENOENT && i > 1) ? 0 : errno;

		if (error != 0)
			err_set(err, error, "\"%s\" cannot be renamed to \"%s\": %s", from, to, strerror(error));
		free(from);
		free(to);
		if (error != 0)
			return -error;
	}
	return outfile_reopen(file->out, err);
}

/* Write all blocks of @buffer. Return: 0 or a negative errno; then the file ends with a whole block. */
static int write_blocks(const struct packet_file *file, const struct buffer *buffer, uint64_t *frames, struct err *err)
{
	const struct text *blocks = &buffer->blocks;
	size_t done = 0, whole;
	int fd = file_fd(file), error;
	off_t begin = lseek(fd, 0, SEEK_CUR);
	ssize_t got = 0;

	while (done < blocks->length && (got >= 0 || errno == EINTR)) {
		got = write(fd, blocks->data + done, blocks->length - done);
		done += got > 0 ? (size_t)got : 0;
	}
	*frames = buffer->frames;
	if (done == blocks->length)
		return 0;
	error = errno;
	whole = pcapng_whole(blocks->data, done, frames);
	/* Not possible in a pipe. */
	if (begin >= 0 && ftruncate(fd, begin + (off_t)whole) == 0)
		(void)lseek(fd, begin + (off_t)whole, SEEK_SET);
	return err_set(err, error, "packets cannot be written to \"%s\": %s", packet_file_name(file), strerror(error));
}

static void *run(void *context)
{
	struct packet_file *file = context;

	pthread_mutex_lock(&file->mutex);
	for (;;) {
		uint64_t frames = 0;
		struct err err = {""};
		int error;

		while (!file->is_writing && !file->is_ending)
			pthread_cond_wait(&file->changed, &file->mutex);
		if (!file->is_writing)
			break;
		error = file->error;
		pthread_mutex_unlock(&file->mutex);
		if (error == 0)
			error = write_blocks(file, &file->writing, &frames, &err);
		if (error == 0 && file->writing.ends_file)
			error = shift_files(file, &err);
		pthread_mutex_lock(&file->mutex);
		file->written += frames;
		if (file->error == 0 && error != 0) {
			file->error = error;
			file->err = err;
		}
		text_cut(&file->writing.blocks, 0);
		file->is_writing = false;
		pthread_cond_broadcast(&file->changed);
	}
	pthread_mutex_unlock(&file->mutex);
	return NULL;
}

/* ---- the caller ------------------------------------------------------------------- */

static void start(struct packet_file *file)
{
	int rc;

	if (file->has_thread)
		return;
	rc = pthread_create(&file->thread, NULL, run, file);
	file->has_thread = rc == 0;
	if (rc != 0)
		file->error = err_set(&file->err, rc, "packets cannot be written to \"%s\": no thread: %s",
				      packet_file_name(file), strerror(rc));
}

/* With the mutex: pass the buffer to the thread, if it waits for one. */
static void hand_over(struct packet_file *file)
{
	struct buffer filled = file->filling;

	if (file->is_writing || file->filling.blocks.length == 0)
		return;
	start(file);
	file->filling = file->writing;
	file->filling.frames = 0;
	file->filling.ends_file = false;
	file->writing = filled;
	file->is_writing = file->has_thread;
	if (!file->has_thread)
		text_cut(&file->writing.blocks, 0);
	pthread_cond_broadcast(&file->changed);
}

static bool is_full(const struct packet_file *file)
{
	return file->filling.ends_file || file->filling.blocks.length >= BUFFER_MAX;
}

bool packet_file_has_room(struct packet_file *file, bool waits)
{
	bool has_room;

	pthread_mutex_lock(&file->mutex);
	if (is_full(file))
		hand_over(file);
	while (waits && is_full(file)) {
		pthread_cond_wait(&file->changed, &file->mutex);
		hand_over(file);
	}
	has_room = !is_full(file);
	pthread_mutex_unlock(&file->mutex);
	return has_room;
}

void packet_file_flush(struct packet_file *file)
{
	pthread_mutex_lock(&file->mutex);
	hand_over(file);
	pthread_mutex_unlock(&file->mutex);
}

static void put_interface(struct packet_file *file, const struct interface *interface)
{
	pcapng_interface(&file->filling.blocks, interface->link_type, interface->name);
}

/* The head of a file, with all interfaces up to now, so that their numbers are the same in each file. */
static void begin_file(struct packet_file *file, int64_t time_ns)
{
	if (file->is_begun)
		return;
	file->is_begun = true;
	file->file_bytes = 0;
	file->begin_ns = file->last_ns = time_ns;
	pcapng_section(&file->filling.blocks, file->config.program);
	for (size_t i = 0; i < file->interface_count; i++)
		put_interface(file, &file->interfaces[i]);
}

static void end_file(struct packet_file *file)
{
	for (size_t i = 0; i < file->interface_count && file->is_begun; i++)
		pcapng_statistics(&file->filling.blocks, (uint32_t)i, file->begin_ns, file->last_ns,
				  file->config.drops(file->config.context, file->interfaces[i].number));
	file->is_begun = false;
}

/* The number in the section; a new one is described first. */
static uint32_t find_interface(struct packet_file *file, uint16_t number, int link_type, const char *name)
{
	struct interface *interface;

	for (size_t i = 0; i < file->interface_count; i++) {
		interface = &file->interfaces[i];
		if (interface->number == number && interface->link_type == link_type &&
		    strncmp(interface->name, name, sizeof(interface->name) - 1) == 0)
			return (uint32_t)i;
	}
	file->interfaces = array_reserve(file->interfaces, file->interface_count, &file->interface_room,
					 sizeof(*file->interfaces));
	interface = &file->interfaces[file->interface_count];
	*interface = (struct interface){.link_type = link_type, .number = number};
	snprintf(interface->name, sizeof(interface->name), "%s", name);
	put_interface(file, interface);
	return (uint32_t)file->interface_count++;
}

/* Whether a new file is due behind the frame that was added. */
static bool is_due(const struct packet_file *file)
{
	const struct packet_file_config *config = &file->config;

	return (config->rotate_bytes > 0 && file->file_bytes >= config->rotate_bytes) ||
	       (config->rotate_ns > 0 && file->last_ns - file->begin_ns >= config->rotate_ns);
}

void packet_file_add(struct packet_file *file, struct pcapng_frame *frame, uint16_t number, int link_type,
		     const char *name)
{
	size_t before;

	pthread_mutex_lock(&file->mutex);
	if (file->error == 0) {
		before = file->filling.blocks.length;
		begin_file(file, frame->time_ns);
		frame->interface = find_interface(file, number, link_type, name);
		pcapng_frame(&file->filling.blocks, frame);
		file->filling.frames++;
		if (frame->time_ns > file->last_ns)
			file->last_ns = frame->time_ns;
		file->file_bytes += (int64_t)(file->filling.blocks.length - before);
		if (is_due(file)) {
			end_file(file);
			file->filling.ends_file = true;
		}
	}
	pthread_mutex_unlock(&file->mutex);
}

int packet_file_failed(struct packet_file *file, struct err *err)
{
	int error = 0;

	pthread_mutex_lock(&file->mutex);
	if (file->error != 0 && !file->is_reported) {
		file->is_reported = true;
		error = file->error;
		*err = file->err;
	}
	pthread_mutex_unlock(&file->mutex);
	return error;
}

int packet_file_close(struct packet_file *file, uint64_t *frames, struct err *err)
{
	struct err close_err = {""};
	int error, close_error;

	if (file == NULL)
		return 0;
	pthread_mutex_lock(&file->mutex);
	while (file->is_writing)
		pthread_cond_wait(&file->changed, &file->mutex);
	/* A file without frames is one, too. */
	if (file->is_committed && !file->filling.ends_file) {
		begin_file(file, file->last_ns);
		end_file(file);
	}
	file->filling.ends_file = false;
	hand_over(file);
	file->is_ending = true;
	pthread_cond_broadcast(&file->changed);
	pthread_mutex_unlock(&file->mutex);
	if (file->has_thread)
		pthread_join(file->thread, NULL);
	*frames = file->written;
	error = packet_file_failed(file, err);
	close_error = outfile_close(file->out, &close_err);
	if (error == 0 && close_error != 0) {
		error = close_error;
		*err = close_err;
	}
	pthread_mutex_destroy(&file->mutex);
	pthread_cond_destroy(&file->changed);
	text_free(&file->filling.blocks);
	text_free(&file->writing.blocks);
	free(file->interfaces);
	free(file);
	return error;
}
