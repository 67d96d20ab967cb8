// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/rules_status.h"

#include <stdlib.h>

static void add(struct text *why, uint64_t count, const char *one, const char *several)
{
	if (count == 0)
		return;
	text_add(why, why->length > 0 ? ", " : "");
	text_add_unsigned(why, count);
	text_add(why, count == 1 ? one : several);
}

int rules_status(const struct options *options, const struct summary *summary, struct text *why)
{
	static const char before[] = "not everything that --expect is about was observed: ";
	struct text missing = {0};
	int status = EXIT_SUCCESS;

	if (options->expect == NULL)
		return EXIT_SUCCESS;
	add(&missing, summary->unproven, " connection has an unknown value or no result yet",
	    " connections have an unknown value or no result yet");
	add(&missing, summary->outcomes.unchosen, " connection is of an unknown process",
	    " connections are of unknown processes");
	add(&missing, summary->too_short, " connection of this host was too short to find its owner",
	    " connections of this host were too short to find their owner");
	add(&missing, summary->unwatched, " process was not watched", " processes were not watched");
	if (report_has_lost(summary)) {
		text_add(&missing, missing.length > 0 ? ", " : "");
		text_add(&missing, "what the summary names was lost");
	}
	if (missing.length > 0) {
		text_add(why, before);
		text_add(why, missing.data);
		status = EXIT_FAILURE;
	}
	text_free(&missing);
	return summary->broken > 0 ? RULES_STATUS_BROKEN : status;
}
