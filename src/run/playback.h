/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PLAYBACK_H
#define CONNTRACE_RUN_PLAYBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "source/merge.h"

/** A file's own speed; speeds are in billionths of it. */
#define PLAYBACK_ONE INT64_C(1000000000)

/**
 * struct playback - how fast a file is played
 * @speed: 0: as fast as it can be read
 * @file_ns: time in the file, where the speed or a pause last changed
 * @clock_ns: monotonic time then; 0 before the first event
 * @paused: it stands still
 */
struct playback {
	int64_t speed;
	int64_t file_ns;
	int64_t clock_ns;
	bool paused;
};

/** playback_has_begun() - has the first event come? */
bool playback_has_begun(const struct playback *playback);

/** playback_change() - another speed, a pause or its end */
void playback_change(struct playback *playback, int64_t speed, bool paused, int64_t clock_ns);

/** playback_now() - what time it is in the file; INT64_MAX when it has no pace */
int64_t playback_now(const struct playback *playback, int64_t clock_ns);

/**
 * playback_file_now() - up to when events of a file are to be fed
 *
 * Begins with its first event. Return: as playback_now(), 0 before it has begun.
 */
int64_t playback_file_now(struct playback *playback, struct merge *merge);

/** playback_is_ahead() - has more been read than its time has come for? */
bool playback_is_ahead(const struct playback *playback, struct merge *merge);

#endif
