// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A rule for each place and process, as narrow as the grammar permits. With many places the rules get wider, because a
 * client uses a port of its own each time and a scan has as many peers as connections.
 */
#include "report/expect/expect_learn.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "base/xalloc.h"

/* Rules with an address, and then with a port, and then with a name. */
#define ADDRESSES_MAX 2000
#define PORTS_MAX 4000
#define NAMES_MAX 6000

/* The connections of one rule. */
struct learned {
	char *clauses;
	unsigned int results;
};

struct expect_learn {
	struct learned *list; /* sorted */
	size_t count, size;
	unsigned int results; /* of all connections */
	uint64_t directionless;
};

struct expect_learn *expect_learn_new(void)
{
	return xcalloc(1, sizeof(struct expect_learn));
}

static void add_address(struct text *text, const struct endpoint *end)
{
	char ip[ENDPOINT_TEXT];
	bool is_v6 = !endpoint_is_v4(end);

	endpoint_ip_exact(end, ip);
	text_add(text, is_v6 ? "[" : "");
	text_add(text, ip);
	text_add(text, is_v6 ? "]" : "");
}

static void add_clauses(struct text *text, const struct conn *conn, size_t count)
{
	const struct endpoint *remote = &conn->flow.remote;
	bool has_address = endpoint_has_ip(remote) && count < ADDRESSES_MAX, has_port = count < PORTS_MAX;

	if (conn->dir == DIR_IN) {
		text_add(text, "in");
		if (conn->flow.local.port != 0 && has_port) {
			text_add(text, " on ");
			text_add_unsigned(text, conn->flow.local.port);
		}
		text_add(text, has_address ? " from " : "");
	} else {
		text_add(text, "out");
		has_port = has_port && remote->port != 0;
		text_add(text, has_address || has_port ? " to " : "");
	}
	if (has_address)
		add_address(text, remote);
	if (conn->dir == DIR_OUT && has_port) {
		text_add(text, has_address ? ":" : "*:");
		text_add_unsigned(text, remote->port);
	}
	if (conn->process != NULL && conn->process->comm[0] != '\0' && count < NAMES_MAX) {
		text_add(text, " by ");
		text_add_field(text, conn->process->comm);
	}
}

/* The rule with these clauses, made if it is new; @clauses is freed or kept. */
static struct learned *find(struct expect_learn *learn, char *clauses)
{
	size_t low = 0, high = learn->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(clauses, learn->list[middle].clauses);

		if (order == 0) {
			free(clauses);
			return &learn->list[middle];
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	learn->list = array_reserve(learn->list, learn->count, &learn->size, sizeof(*learn->list));
	memmove(&learn->list[low + 1], &learn->list[low], (learn->count++ - low) * sizeof(*learn->list));
	learn->list[low] = (struct learned){.clauses = clauses};
	return &learn->list[low];
}

void expect_learn_conn(struct expect_learn *learn, const struct conn *conn)
{
	struct text text = {0};

	learn->results |= 1U << conn->result;
	if (conn->dir == DIR_UNKNOWN) {
		learn->directionless++;
		return;
	}
	add_clauses(&text, conn, learn->count);
	find(learn, text.data)->results |= 1U << conn->result;
}

/* Return: the only one of @results, if that can be required; RESULT_UNKNOWN otherwise. */
static enum conn_result single_result(unsigned int results)
{
	for (unsigned int result = RESULT_OK; result < RESULT_PENDING; result++)
		if (results == 1U << result)
			return result;
	return RESULT_UNKNOWN;
}

void expect_learn_each(struct expect_learn *learn, void (*sink)(void *context, const char *rule), void *context)
{
	struct text text = {0};

	for (size_t i = 0; i < learn->count; i++) {
		enum conn_result result = single_result(learn->list[i].results);

		text_cut(&text, 0);
		text_add(&text, learn->list[i].clauses);
		text_add(&text, result != RESULT_UNKNOWN ? " " : "");
		text_add(&text, result != RESULT_UNKNOWN ? conn_result_text(result) : "");
		sink(context, text.data);
	}
	text_cut(&text, 0);
	if (learn->directionless == 0) {
		sink(context, "no other");
	} else {
		text_add(&text, "# no rule forbids the rest: who opened is not known of ");
		text_add_unsigned(&text, learn->directionless);
		text_add(&text, learn->directionless == 1 ? " connection" : " connections");
		sink(context, text.data);
	}
	/* Pending ones may still fail. */
	if ((learn->results & ~(1U << RESULT_OK)) == 0)
		sink(context, "no fail");
	text_free(&text);
}

void expect_learn_free(struct expect_learn *learn)
{
	if (learn == NULL)
		return;
	for (size_t i = 0; i < learn->count; i++)
		free(learn->list[i].clauses);
	free(learn->list);
	free(learn);
}
