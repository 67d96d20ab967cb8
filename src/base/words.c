// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
