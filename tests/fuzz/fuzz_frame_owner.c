// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a comment of a savefile: what is read has sound values, and is written and read again the same. */
#include <stdlib.h>
#include <string.h>

#include "model/conn.h"
#include "model/frame_owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_owner owner, again;
	char text[FRAME_OWNER_TEXT];
	/* Of exactly this size, so that a sanitizer sees one byte too far. */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	int length;

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	memset(&owner, 0xff, sizeof(owner));
	memset(&again, 0xff, sizeof(again));
	if (frame_owner_parse((struct span){copy, size}, &owner)) {
		if (owner.pid < 0 || owner.dir >= DIR_NUM || owner.way >= FRAME_WAY_NUM ||
		    memchr(owner.comm, '\0', sizeof(owner.comm)) == NULL)
			abort();
		length = frame_owner_text(&owner, text);
		if (length < 0 || (size_t)length != strlen(text) ||
		    !frame_owner_parse((struct span){(const uint8_t *)text, (size_t)length}, &again) ||
		    again.pid != owner.pid || again.dir != owner.dir || again.way != owner.way ||
		    strcmp(again.comm, owner.comm) != 0)
			abort();
	}
	free(copy);
	return 0;
}
