/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PROGRESS_H
#define CONNTRACE_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "run/sources.h"

/**
 * struct progress - how far a file has been read, for somebody who waits
 *
 * On standard error, if that is a terminal and nothing else is printed
 * meanwhile; after a second, so that a short run prints none.
 *
 * @is_wanted: it is to be shown
 * @is_shown: there is a line to wipe
 * @clears: the terminal can wipe a line by ECMA-48
 * @start_ns: monotonic
 * @next_ns: when it is shown next
 */
struct progress {
	bool is_wanted;
	bool is_shown;
	bool clears;
	int64_t start_ns;
	int64_t next_ns;
};

/** progress_begin() - see whether it is wanted in this run */
void progress_begin(struct progress *progress, const struct options *options, const struct sources *sources);

/** progress_show() - if it is time: percent of the file, packets a second, time left */
void progress_show(struct progress *progress, const struct sources *sources);

/** progress_wipe() - make room for a line of something else */
void progress_wipe(struct progress *progress);

/** progress_end() - leave nothing on the terminal */
void progress_end(struct progress *progress);

/** progress_percent() - how far a file has been read, -1 unknown */
int64_t progress_percent(const struct sources *sources);

#endif
