// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/export/control_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes are a request or none; one that was understood is within its limits, and the same with any line end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = {data, size}, line = {0};
	struct control_request request, again;

	if (!control_request_end(bytes, &line))
		line = bytes;
	else if (line.length >= size || memchr(line.data, '\n', line.length) != NULL)
		abort();
	memset(&request, 0xa5, sizeof(request));
	if (control_request_parse(line, &request) != 0)
		return 0;
	if (request.format >= CONTROL_FORMAT_NUM || strlen(request.client) > CONTROL_CLIENT_MAX ||
	    (request.client[0] != '\0' && !request.refresh))
		abort();
	if (control_request_parse(line, &again) != 0 || again.format != request.format ||
	    strcmp(again.client, request.client) != 0)
		abort();
	return 0;
}
