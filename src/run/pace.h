/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PACE_H
#define CONNTRACE_RUN_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "source/merge.h"

/** A file's own speed; speeds are in billionths of it. */
#define PACE_ONE INT64_C(1000000000)

/**
 * struct pace - how fast a file is played
 * @speed: 0: as fast as it can be read
 * @file_ns: time in the file, where the speed or a pause last changed
 * @clock_ns: monotonic time then; 0 before the first event
 * @paused: it stands still
 */
struct pace {
	int64_t speed;
	int64_t file_ns;
	int64_t clock_ns;
	bool paused;
};

/** pace_has_begun() - has the first event come? */
bool pace_has_begun(const struct pace *pace);

/** pace_change() - another speed, a pause or its end */
void pace_change(struct pace *pace, int64_t speed, bool paused, int64_t clock_ns);

/** pace_now() - what time it is in the file; INT64_MAX when it has no pace */
int64_t pace_now(const struct pace *pace, int64_t clock_ns);

/**
 * pace_file_now() - up to when events of a file are to be fed
 *
 * Begins with its first event. Return: as pace_now(), 0 before it has begun.
 */
int64_t pace_file_now(struct pace *pace, struct merge *merge);

/** pace_is_ahead() - has more been read than its time has come for? */
bool pace_is_ahead(const struct pace *pace, struct merge *merge);

#endif
