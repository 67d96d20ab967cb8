// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/file_stream.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "config.h"

#ifdef HAVE_LZ4
#include <lz4frame.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

/*
 * The first bytes identify the compression. Each decompressor is a function that takes from the input and gives to the
 * output what it can. It reports whether a compressed frame ended with it, because files may be joined of several, and
 * one that is cut off must not pass for whole.
 */

#define INPUT_SIZE (1u << 17)
#define MAGIC_SIZE 6

struct decompressor;

struct file_stream {
	const struct decompressor *decompressor; /* NULL: plain */
	void *state;
	const char *option;
	int fd;
	bool begun;
	bool ended;  /* end of the input */
	bool inside; /* of a compressed frame */
	size_t at, used;
	unsigned char input[INPUT_SIZE];
};

struct decompressor {
	const char *name;
	unsigned char magic[MAGIC_SIZE];
	size_t magic_size;
	/* The remedy where it is not built in. */
	const char *command;
	void *(*start)(void);
	/* Return: bytes given, or -1. Moves stream->at, sets stream->inside. */
	long (*run)(struct file_stream *stream, void *to, size_t size);
	void (*end)(void *state);
};

#ifdef HAVE_ZLIB
static void *gzip_start(void)
{
	z_stream *z = xcalloc(1, sizeof(*z));

	/* RFC 1952 only. */
	if (inflateInit2(z, 15 + 16) == Z_OK)
		return z;
	free(z);
	return NULL;
}

static long gzip_run(struct file_stream *stream, void *to, size_t size)
{
	z_stream *z = stream->state;
	int got;

	if (size > UINT_MAX)
		size = UINT_MAX;
	z->next_in = stream->input + stream->at;
	z->avail_in = (unsigned int)(stream->used - stream->at);
	z->next_out = to;
	z->avail_out = (unsigned int)size;
	got = inflate(z, Z_NO_FLUSH);
	stream->inside = got != Z_STREAM_END;
	stream->at = stream->used - z->avail_in;
	if (got == Z_STREAM_END && inflateReset(z) != Z_OK)
		return -1;
	return got == Z_OK || got == Z_STREAM_END || got == Z_BUF_ERROR ? (long)(size - z->avail_out) : -1;
}

static void gzip_end(void *state)
{
	inflateEnd(state);
	free(state);
}
#else
#define gzip_start NULL
#define gzip_run NULL
#define gzip_end NULL
#endif

#ifdef HAVE_ZSTD
static void *zstd_start(void)
{
	return ZSTD_createDStream();
}

static long zstd_run(struct file_stream *stream, void *to, size_t size)
{
	ZSTD_inBuffer input = {stream->input, stream->used, stream->at};
	ZSTD_outBuffer output = {to, size, 0};
	size_t got = ZSTD_decompressStream(stream->state, &output, &input);

	stream->inside = got != 0;
	stream->at = input.pos;
	return ZSTD_isError(got) ? -1 : (long)output.pos;
}

static void zstd_end(void *state)
{
	ZSTD_freeDStream(state);
}
#else
#define zstd_start NULL
#define zstd_run NULL
#define zstd_end NULL
#endif

#ifdef HAVE_LZ4
static void *lz4_start(void)
{
	LZ4F_dctx *context = NULL;

	return LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) ? NULL : context;
}

static long lz4_run(struct file_stream *stream, void *to, size_t size)
{
	size_t taken = stream->used - stream->at, given = size;
	size_t got = LZ4F_decompress(stream->state, to, &given, stream->input + stream->at, &taken, NULL);

	stream->inside = got != 0;
	stream->at += taken;
	return LZ4F_isError(got) ? -1 : (long)given;
}

static void lz4_end(void *state)
{
	LZ4F_freeDecompressionContext(state);
}
#else
#define lz4_start NULL
#define lz4_run NULL
#define lz4_end NULL
#endif

static const struct decompressor decompressors[] = {
	{"gzip", {0x1f, 0x8b}, 2, "zcat", gzip_start, gzip_run, gzip_end},
	{"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, "zstdcat", zstd_start, zstd_run, zstd_end},
	{"lz4", {0x04, 0x22, 0x4d, 0x18}, 4, "lz4cat", lz4_start, lz4_run, lz4_end},
	{"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, "xzcat", NULL, NULL, NULL},
	{"bzip2", {'B', 'Z', 'h'}, 3, "bzcat", NULL, NULL, NULL},
};

#define DECOMPRESSORS (sizeof(decompressors) / sizeof(decompressors[0]))

const char *file_stream_formats(void)
{
	static char text[64];
	size_t used = 0;

	for (size_t i = 0; i < DECOMPRESSORS; i++)
		if (decompressors[i].run != NULL)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "",
						 decompressors[i].name);
	return used ? text : "none";
}

struct file_stream *file_stream_new(int fd, const char *option)
{
	struct file_stream *stream = xcalloc(1, sizeof(*stream));

	stream->fd = fd;
	stream->option = option;
	return stream;
}

/* Read more input behind the present one. Return: 0 or a negative errno. */
static int fill(struct file_stream *stream, struct err *err)
{
	ssize_t got;

	memmove(stream->input, stream->input + stream->at, stream->used - stream->at);
	stream->used -= stream->at;
	stream->at = 0;
	do {
		got = read(stream->fd, stream->input + stream->used, INPUT_SIZE - stream->used);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(err, errno, "cannot be read: %s", strerror(errno));
	stream->ended = got == 0;
	stream->used += (size_t)got;
	return 0;
}

static int begin(struct file_stream *stream, struct err *err)
{
	int got = 0;

	while (got == 0 && stream->used < MAGIC_SIZE && !stream->ended)
		got = fill(stream, err);
	stream->begun = true;
	for (size_t i = 0; got == 0 && i < DECOMPRESSORS; i++) {
		const struct decompressor *each = &decompressors[i];

		if (stream->used < each->magic_size || memcmp(stream->input, each->magic, each->magic_size) != 0)
			continue;
		if (each->run == NULL)
			return err_set(err, EPROTONOSUPPORT,
				       "compressed by %s, which is not read here: %s FILE | conntrace %s", each->name,
				       each->command, stream->option);
		stream->decompressor = each;
		stream->state = each->start();
		if (stream->state == NULL)
			return err_set(err, ENOMEM, "cannot be decompressed: out of memory");
	}
	return got;
}

static long read_plain(struct file_stream *stream, void *to, size_t size, struct err *err)
{
	size_t first = stream->used - stream->at;
	ssize_t got;

	if (first > 0) {
		first = first < size ? first : size;
		memcpy(to, stream->input + stream->at, first);
		stream->at += first;
		return (long)first;
	}
	if (stream->ended)
		return 0;
	do {
		got = read(stream->fd, to, size);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? err_set(err, errno, "cannot be read: %s", strerror(errno)) : (long)got;
}

long file_stream_read(struct file_stream *stream, void *to, size_t size, struct err *err)
{
	int got = stream->begun ? 0 : begin(stream, err);
	long given = 0;

	if (got == 0 && stream->decompressor == NULL)
		return read_plain(stream, to, size, err);
	/* Output held back inside comes without input, too. */
	while (got == 0 && given == 0) {
		size_t before = stream->at;

		if (stream->at == stream->used && !stream->inside && stream->ended)
			return 0;
		if (stream->at < stream->used || stream->inside)
			given = stream->decompressor->run(stream, to, size);
		if (given < 0)
			return err_set(err, EINVAL, "damaged: it cannot be decompressed (%s)",
				       stream->decompressor->name);
		if (given > 0 || stream->at != before)
			continue;
		if (stream->ended)
			return err_set(err, EINVAL, "cut off: the compressed data (%s) has no end",
				       stream->decompressor->name);
		got = fill(stream, err);
	}
	return got < 0 ? got : given;
}

void file_stream_free(struct file_stream *stream)
{
	if (stream != NULL && stream->decompressor != NULL)
		stream->decompressor->end(stream->state);
	free(stream);
}
