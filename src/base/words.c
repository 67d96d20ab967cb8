// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"

struct words words_open(const char *list)
{
	char *copy = xstrdup(list);

	return (struct words){copy, copy};
}

char *words_next(struct words *words)
{
	return strsep(&words->rest, ",");
}

void words_close(struct words *words)
{
	free(words->copy);
}

int words_bits(unsigned int *bits, const struct words_bit *table, const char *allowed, const char *option,
	       const char *list, struct err *err)
{
	struct words words = words_open(list);
	const char *word;
	int error = 0;

	while (error == 0 && (word = words_next(&words)) != NULL) {
		const struct words_bit *each = table;

		while (each->word != NULL && strcmp(each->word, word) != 0)
			each++;
		*bits |= each->bits;
		if (each->word == NULL)
			error = err_set(err, EINVAL, "%s does not know " ERR_QUOTED "; allowed are %s", option, word,
					allowed);
	}
	words_close(&words);
	return error;
}

unsigned int words_distance(const char *word, const char *known)
{
	unsigned int row[WORDS_FAR];
	size_t typed = strlen(word), length = strlen(known);

	if (typed >= WORDS_FAR || length >= WORDS_FAR)
		return WORDS_FAR;
	for (unsigned int j = 0; j <= length; j++)
		row[j] = j;
	for (unsigned int i = 1; word[i - 1] != '\0'; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			char left[2] = {word[i - 1], '\0'}, right[2] = {known[j - 1], '\0'};
			unsigned int best = diagonal + (strcasecmp(left, right) != 0);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[length] * 3 <= typed ? row[length] : WORDS_FAR;
}
