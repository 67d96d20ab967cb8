// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/option_files.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/number.h"
#include "cli/options.h"
#include "report/export/packet_file.h"

/* A file holds some packets at least, and a limit is no more than a disk. */
#define ROTATE_LEAST (INT64_C(64) << 10)
#define ROTATE_MOST (INT64_C(1) << 50)
#define ROTATE_LONGEST_NS (INT64_C(366) * 86400 * CLOCK_NS_PER_SEC)

int option_files_add(const char ***files, size_t *count, const char *option, const char *word, struct err *err)
{
	if (*word == '\0')
		return err_set(err, EINVAL, "%s needs the name of a file", option);
	*files = array_extend(*files, *count, sizeof(**files));
	(*files)[(*count)++] = word;
	return 0;
}

/* "100M" as bytes. Return: 0 or a negative errno. */
static int parse_size(const char *word, int64_t *bytes)
{
	static const char units[] = "KMG";
	size_t length = strlen(word);
	const char *unit = length > 1 ? strchr(units, word[length - 1]) : NULL;
	char digits[32];
	int shift, rc;

	if (unit == NULL || length > sizeof(digits))
		return -EINVAL;
	memcpy(digits, word, length - 1);
	digits[length - 1] = '\0';
	shift = 10 * (int)(unit - units + 1);
	rc = number_parse(digits, 1, ROTATE_MOST >> shift, bytes);
	if (rc == 0)
		*bytes <<= shift;
	return rc == 0 && *bytes < ROTATE_LEAST ? -ERANGE : rc;
}

int option_files_rotate(struct options_rotate *rotate, const char *word, struct err *err)
{
	const char *comma = strchr(word, ',');
	size_t length = comma != NULL ? (size_t)(comma - word) : strlen(word);
	struct options_rotate parsed = {.kept = PACKET_FILE_KEPT};
	int64_t kept = PACKET_FILE_KEPT;
	char limit[32];

	if (length >= sizeof(limit))
		length = sizeof(limit) - 1;
	memcpy(limit, word, length);
	limit[length] = '\0';
	/* A number without a unit may be meant as either. */
	if (length < 2 || (parse_size(limit, &parsed.bytes) != 0 &&
			   (strchr("smhd", limit[length - 1]) == NULL ||
			    number_parse_duration(limit, CLOCK_NS_PER_SEC, ROTATE_LONGEST_NS, &parsed.span_ns) != 0)))
		return err_set(err, EINVAL,
			       "--rotate " ERR_QUOTED " is not allowed; it takes a size from 64K, with K, M or G, or a "
			       "time from 1s, with s, m, h or d",
			       word);
	if (comma != NULL && number_parse(comma + 1, 2, PACKET_FILE_KEPT_MOST, &kept) != 0)
		return err_set(err, EINVAL, "--rotate " ERR_QUOTED " keeps a number of files from 2 to %d", word,
			       PACKET_FILE_KEPT_MOST);
	parsed.kept = (int)kept;
	*rotate = parsed;
	return 0;
}
