// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/playback.h"

#include "base/clock.h"

bool playback_has_begun(const struct playback *playback)
{
	return playback->clock_ns != 0;
}

int64_t playback_now(const struct playback *playback, int64_t clock_ns)
{
	double passed;

	if (playback->speed == 0 || playback->clock_ns == 0)
		return INT64_MAX;
	if (playback->paused)
		return playback->file_ns;
	passed = (double)(clock_ns - playback->clock_ns) * ((double)playback->speed / (double)PLAYBACK_ONE);
	/* A speed of ten years a second is allowed; no file is that long. */
	return passed < 4e18 ? clock_after(playback->file_ns, (int64_t)passed) : INT64_MAX;
}

void playback_change(struct playback *playback, int64_t speed, bool paused, int64_t clock_ns)
{
	if (speed == playback->speed && paused == playback->paused)
		return;
	if (playback_has_begun(playback) && playback->speed != 0) {
		playback->file_ns = playback_now(playback, clock_ns);
		playback->clock_ns = clock_ns;
	}
	playback->speed = speed;
	playback->paused = paused;
}

int64_t playback_file_now(struct playback *playback, struct merge *merge)
{
	int64_t clock_ns = clock_monotonic();

	if (playback->speed != 0 && !playback_has_begun(playback)) {
		size_t count;
		const struct event *first = merge_run(merge, INT64_MAX, &count);

		/* The first events of a recording may have no time. */
		if (first == NULL || first->time_ns <= 0)
			return 0;
		playback->file_ns = first->time_ns;
		playback->clock_ns = clock_ns;
	}
	return playback_now(playback, clock_ns);
}

bool playback_is_ahead(const struct playback *playback, struct merge *merge)
{
	return playback->speed != 0 && !merge_is_empty(merge);
}
