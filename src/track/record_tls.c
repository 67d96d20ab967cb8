// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* What packets show of TLS. */

static struct conn_tls *tls_of(struct record *record)
{
	struct evidence *evidence = record_evidence(record);

	if (evidence->tls == NULL) {
		evidence->tls = xcalloc(1, sizeof(*evidence->tls));
		evidence->tls->hello_ns = evidence->tls->answer_ns = evidence->tls->data_ns = CONN_UNKNOWN;
	}
	return evidence->tls;
}

void record_tls(struct record *record, const struct message *message, int64_t time_ns)
{
	struct conn_tls *tls = tls_of(record);

	if (message->kind == MESSAGE_TLS_HELLO && tls->hello_ns < 0) {
		tls->hello_ns = time_ns;
	} else if (message->kind == MESSAGE_TLS_ANSWER && tls->answer_ns < 0) {
		tls->answer_ns = time_ns;
		tls->version = message->status;
		memcpy(tls->alpn, message->target, strnlen(message->target, sizeof(tls->alpn) - 1));
	} else if (message->kind == MESSAGE_TLS_DATA && tls->answer_ns >= 0 && tls->data_ns < 0) {
		/* Before the ServerHello it is early data (RFC 8446, 2.3). */
		tls->data_ns = time_ns;
	}
}

void record_share_tls(struct record *to, const struct record *from)
{
	if (from->evidence->tls != NULL)
		*tls_of(to) = *from->evidence->tls;
}
