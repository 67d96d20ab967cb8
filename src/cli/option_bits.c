// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/option_bits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

int option_bits(unsigned int *bits, const struct option_bit *words, const char *allowed, const char *option,
		const char *list, struct err *err)
{
	char *copy = xstrdup(list), *rest = copy, *word;
	int error = 0;

	while (error == 0 && (word = strsep(&rest, ",")) != NULL) {
		const struct option_bit *each = words;

		while (each->word != NULL && strcmp(each->word, word) != 0)
			each++;
		*bits |= each->bits;
		if (each->word == NULL)
			error = err_set(err, EINVAL, "%s does not know \"%.100s\"; allowed are %s", option, word,
					allowed);
	}
	free(copy);
	return error;
}
