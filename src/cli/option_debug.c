// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/option_debug.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/words.h"

#define BATCH "batch:"
#define BATCH_MOST 1000000

/* "N" or "N:SEED". */
static int batch_parse(struct options *options, const char *word, struct err *err)
{
	const char *colon = strchr(word, ':');
	size_t length = colon != NULL ? (size_t)(colon - word) : strlen(word);
	int64_t batch = 0, seed = 0;
	char number[16];

	snprintf(number, sizeof(number), "%.*s", (int)length, word);
	if (length >= sizeof(number) || number_parse(number, 1, BATCH_MOST, &batch) != 0 ||
	    (colon != NULL && number_parse(colon + 1, 1, UINT32_MAX, &seed) != 0))
		return err_set(err, EINVAL,
			       "--debug does not know \"batch:%.40s\"; allowed are batch:N and batch:N:SEED, with N "
			       "from 1 to %d",
			       word, BATCH_MOST);
	options->batch = (uint32_t)batch;
	options->batch_seed = (uint32_t)seed;
	return 0;
}

int option_debug_parse(struct options *options, const char *option, const char *list, struct err *err)
{
	static const struct words_bit table[] = {
		{"sources", OPTIONS_DEBUG_SOURCES},
		{"events", OPTIONS_DEBUG_EVENTS},
		{NULL, 0},
	};
	struct words words = words_open(list);
	const char *word;
	int rc = 0;

	while (rc == 0 && (word = words_next(&words)) != NULL) {
		if (strncmp(word, BATCH, strlen(BATCH)) == 0)
			rc = batch_parse(options, word + strlen(BATCH), err);
		else
			rc = words_bits(&options->debug, table, "sources, events and batch:N", option, word, err);
	}
	words_close(&words);
	return rc;
}
