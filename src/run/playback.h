/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PLAYBACK_H
#define CONNTRACE_RUN_PLAYBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "source/merge.h"

/** A file's own speed; speeds are in billionths of it. */
#define PLAYBACK_ONE INT64_C(1000000000)

/**
 * struct playback - speed of playing a file
 * @speed: 0: as fast as possible
 * @file_ns: time in the file, where the speed or a pause last changed
 * @clock_ns: monotonic time then; 0 before the first event
 * @paused: playing is paused
 */
struct playback {
	int64_t speed;
	int64_t file_ns;
	int64_t clock_ns;
	bool paused;
};

/** playback_has_begun() - true after the first event */
bool playback_has_begun(const struct playback *playback);

/** playback_change() - change the speed, begin or end a pause */
void playback_change(struct playback *playback, int64_t speed, bool paused, int64_t clock_ns);

/** playback_now() - current time in the file; INT64_MAX without a speed */
int64_t playback_now(const struct playback *playback, int64_t clock_ns);

/**
 * playback_file_now() - time up to which events of a file are to be fed
 *
 * Begins with its first event. Return: as playback_now(), 0 before it has begun.
 */
int64_t playback_file_now(struct playback *playback, struct merge *merge);

/** playback_is_ahead() - true when events were read whose time has not come */
bool playback_is_ahead(const struct playback *playback, struct merge *merge);

#endif
