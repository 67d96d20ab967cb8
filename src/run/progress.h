/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PROGRESS_H
#define CONNTRACE_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "run/sources.h"

/**
 * struct progress - shows the user how much of a file has been read
 *
 * On standard error, if that is a terminal and no other output is printed to
 * it; after a second, so that a short run prints none.
 *
 * @is_wanted: it is shown in this run
 * @is_shown: there is a line to erase
 * @clears: the terminal can erase a line by ECMA-48
 * @start_ns: monotonic
 * @next_ns: time of the next output
 */
struct progress {
	bool is_wanted;
	bool is_shown;
	bool clears;
	int64_t start_ns;
	int64_t next_ns;
};

/** progress_begin() - decide whether it is shown in this run */
void progress_begin(struct progress *progress, const struct options *options, const struct sources *sources);

/** progress_show() - print when due: percent of the file, packets a second, time left */
void progress_show(struct progress *progress, const struct sources *sources);

/** progress_wipe() - erase the line before other output */
void progress_wipe(struct progress *progress);

/** progress_end() - erase the line for good */
void progress_end(struct progress *progress);

/** progress_percent() - percent of the file read, -1 unknown */
int64_t progress_percent(const struct sources *sources);

#endif
