// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define FIRST_NS CLOCK_NS_PER_SEC
#define AGAIN_NS (250 * CLOCK_NS_PER_MS)
/* Blanks erase the line on a terminal that cannot erase lines. */
#define LINE_MOST 76

void progress_begin(struct progress *progress, const struct options *options, const struct sources *sources)
{
	const char *term = getenv("TERM");
	bool is_file = options_is_file(options);
	/* Rows printed on the same terminal show the progress. */
	bool prints = options->events || options->interval_ns > 0 || options->top;
	int64_t size;

	/* A pipe may be idle for hours, and has no known length. */
	progress->is_wanted = is_file && !options->quiet && isatty(STDERR_FILENO) && options->debug == 0 &&
			      sources_offset(sources, &size) >= 0 && !(prints && isatty(STDOUT_FILENO));
	progress->clears = term != NULL && strcmp(term, "dumb") != 0;
	progress->start_ns = clock_monotonic();
	progress->next_ns = progress->start_ns + FIRST_NS;
}

int64_t progress_percent(const struct sources *sources)
{
	int64_t size, offset = sources_offset(sources, &size);

	if (offset < 0 || size <= 0)
		return -1;
	return offset < size ? offset * 100 / size : 100;
}

void progress_wipe(struct progress *progress)
{
	if (!progress->is_shown)
		return;
	progress->is_shown = false;
	if (progress->clears)
		fputs("\r\033[K", stderr);
	else
		fprintf(stderr, "\r%*s\r", LINE_MOST, "");
	fflush(stderr);
}

void progress_show(struct progress *progress, const struct sources *sources)
{
	int64_t now_ns, size, offset, percent;
	double seconds, left;
	struct packet_stats stats;
	char line[LINE_MOST + 1];

	if (!progress->is_wanted)
		return;
	now_ns = clock_monotonic();
	percent = progress_percent(sources);
	if (now_ns < progress->next_ns || percent <= 0)
		return;
	offset = sources_offset(sources, &size);
	seconds = (double)(now_ns - progress->start_ns) / (double)CLOCK_NS_PER_SEC;
	left = offset < size ? seconds * (double)(size - offset) / (double)offset : 0;
	sources_packet_stats(sources, &stats);
	snprintf(line, sizeof(line), "%d %% read, %.0f packets/s, %d:%02d left", (int)percent,
		 (double)stats.frames / seconds, (int)(left / 60), (int)left % 60);
	progress_wipe(progress);
	fputs(line, stderr);
	fflush(stderr);
	progress->is_shown = true;
	progress->next_ns = now_ns + AGAIN_NS;
}

void progress_end(struct progress *progress)
{
	progress_wipe(progress);
	progress->is_wanted = false;
}
