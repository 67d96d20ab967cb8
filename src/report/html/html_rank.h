/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_HTML_HTML_RANK_H
#define CONNTRACE_REPORT_HTML_HTML_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/**
 * struct html_rank - the texts with the highest scores, up to a limit; of equal ones, the first connections
 * @items: a heap whose first item is the next to be dropped
 * @count: of them
 * @limit: most of them
 * @dropped: items that were not kept
 */
struct html_rank {
	struct html_item *items;
	size_t count;
	size_t limit;
	uint64_t dropped;
};

/**
 * struct html_item - a text
 * @score: its rank
 * @id: number of the connection, which orders the output
 * @text: JSON; owned
 */
struct html_item {
	int64_t score;
	uint64_t id;
	char *text;
};

/** html_rank_accepts() - whether html_rank_add() would keep it; if not, it counts as dropped */
bool html_rank_accepts(struct html_rank *rank, int64_t score, uint64_t id);

/** html_rank_add() - keep a text, which is owned then; after html_rank_accepts() */
void html_rank_add(struct html_rank *rank, int64_t score, uint64_t id, struct text *text);

/** html_rank_copy() - a copy with its own texts */
struct html_rank html_rank_copy(const struct html_rank *rank);

/** html_rank_write() - append all texts in the order of connections, comma separated */
void html_rank_write(struct html_rank *rank, struct text *to);

/** html_rank_free() - free the items */
void html_rank_free(struct html_rank *rank);

#endif
