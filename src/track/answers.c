// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/answers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/xalloc.h"

/* Connections with unanswered requests; a newer one replaces the one whose number is smaller by this. */
#define WAITING 65536
/* Unanswered requests of one connection that are kept; further ones are only counted. */
#define AHEAD 8

struct waiting {
	uint64_t conn_id;
	uint8_t first;
	uint8_t count;
	uint64_t further; /* requests behind those of @requests */
	struct answers_request requests[AHEAD];
};

struct answers {
	uint64_t displaced;
	struct waiting waiting[WAITING];
};

struct answers *answers_new(void)
{
	/* Memory that is not touched is not used. */
	return xcalloc(1, sizeof(struct answers));
}

void answers_free(struct answers *answers)
{
	free(answers);
}

void answers_await(struct answers *answers, uint64_t conn_id, struct answers_request request)
{
	struct waiting *waiting = &answers->waiting[conn_id % WAITING];

	if (waiting->conn_id != conn_id) {
		answers->displaced += waiting->count + waiting->further;
		*waiting = (struct waiting){.conn_id = conn_id};
	}
	if (waiting->count == AHEAD || waiting->further > 0)
		waiting->further++;
	else
		waiting->requests[(waiting->first + waiting->count++) % AHEAD] = request;
}

bool answers_find(struct answers *answers, uint64_t conn_id, unsigned int status, struct answers_request *request)
{
	struct waiting *waiting = &answers->waiting[conn_id % WAITING];

	if ((status < 200 && status != 101) || waiting->conn_id != conn_id)
		return false;
	if (waiting->count > 0) {
		*request = waiting->requests[waiting->first];
		waiting->first = (uint8_t)((waiting->first + 1) % AHEAD);
		waiting->count--;
		return true;
	}
	if (waiting->further == 0)
		return false;
	*request = (struct answers_request){CLOCK_UNKNOWN, NULL};
	waiting->further--;
	return true;
}

void answers_end(struct answers *answers, uint64_t conn_id)
{
	struct waiting *waiting = &answers->waiting[conn_id % WAITING];

	if (waiting->conn_id == conn_id)
		*waiting = (struct waiting){.conn_id = conn_id};
}

uint64_t answers_displaced(const struct answers *answers)
{
	return answers->displaced;
}
