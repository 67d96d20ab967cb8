// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/port_range.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "base/number.h"

static int parse_port(const char *word, uint16_t *port, struct err *err)
{
	int64_t number;

	/* Signs are not allowed. */
	if (!isdigit((unsigned char)word[0]) || number_parse(word, 1, UINT16_MAX, &number) != 0)
		return err_set(err, EINVAL,
			       ERR_QUOTED " is not a port; allowed are 1 to 65535, ranges a-b and service names", word);
	*port = (uint16_t)number;
	return 0;
}

int port_range_parse(const char *word, struct port_range *range, struct err *err)
{
	struct port_range parsed;
	char low[16];
	const char *dash;
	int error;

	if (!isdigit((unsigned char)word[0]) && word[0] != '-' && word[0] != '+') {
		const struct servent *service = getservbyname(word, "tcp");

		if (service == NULL)
			return err_set(err, EINVAL,
				       ERR_QUOTED " is neither a port nor a TCP service that services(5) knows", word);
		range->low = range->high = ntohs((uint16_t)service->s_port);
		return 0;
	}
	dash = strchr(word + 1, '-');
	if (dash == NULL || (size_t)(dash - word) >= sizeof(low)) {
		error = parse_port(word, &parsed.low, err);
		parsed.high = parsed.low;
	} else {
		memcpy(low, word, (size_t)(dash - word));
		low[dash - word] = '\0';
		error = parse_port(low, &parsed.low, err);
		if (error == 0)
			error = parse_port(dash + 1, &parsed.high, err);
		if (error == 0 && parsed.low > parsed.high)
			error = err_set(err, EINVAL, ERR_QUOTED " is an empty range; the smaller port comes first",
					word);
	}
	if (error == 0)
		*range = parsed;
	return error;
}
