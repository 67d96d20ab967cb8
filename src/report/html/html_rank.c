// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/html/html_rank.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* Whether @a is dropped before @b. */
static bool is_below(const struct html_item *a, const struct html_item *b)
{
	return a->score != b->score ? a->score < b->score : a->id > b->id;
}

static void swap(struct html_rank *rank, size_t a, size_t b)
{
	struct html_item item = rank->items[a];

	rank->items[a] = rank->items[b];
	rank->items[b] = item;
}

static void sink(struct html_rank *rank)
{
	for (size_t at = 0, least;; at = least) {
		least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < rank->count; child++)
			if (is_below(&rank->items[child], &rank->items[least]))
				least = child;
		if (least == at)
			return;
		swap(rank, at, least);
	}
}

bool html_rank_accepts(struct html_rank *rank, int64_t score, uint64_t id)
{
	const struct html_item item = {.score = score, .id = id};
	bool is_kept = rank->count < rank->limit || (rank->limit > 0 && is_below(&rank->items[0], &item));

	rank->dropped += !is_kept;
	return is_kept;
}

void html_rank_add(struct html_rank *rank, int64_t score, uint64_t id, struct text *text)
{
	struct html_item item = {score, id, xstrdup(text->data)};
	size_t at;

	text_free(text);
	if (rank->items == NULL)
		rank->items = xcalloc(rank->limit, sizeof(*rank->items));
	if (rank->count == rank->limit) {
		free(rank->items[0].text);
		rank->items[0] = item;
		rank->dropped++;
		sink(rank);
		return;
	}
	at = rank->count++;
	rank->items[at] = item;
	for (; at > 0 && is_below(&rank->items[at], &rank->items[(at - 1) / 2]); at = (at - 1) / 2)
		swap(rank, at, (at - 1) / 2);
}

struct html_rank html_rank_copy(const struct html_rank *rank)
{
	struct html_rank copy = *rank;

	copy.items = xcalloc(rank->limit, sizeof(*copy.items));
	for (size_t i = 0; i < rank->count; i++) {
		copy.items[i] = rank->items[i];
		copy.items[i].text = xstrdup(rank->items[i].text);
	}
	return copy;
}

static int compare_ids(const void *a, const void *b)
{
	const struct html_item *one = a, *other = b;

	return (one->id > other->id) - (one->id < other->id);
}

void html_rank_write(struct html_rank *rank, struct text *to)
{
	if (rank->count > 0)
		qsort(rank->items, rank->count, sizeof(*rank->items), compare_ids);
	for (size_t i = 0; i < rank->count; i++) {
		text_add(to, i > 0 ? ",\n" : "");
		text_add(to, rank->items[i].text);
	}
}

void html_rank_free(struct html_rank *rank)
{
	for (size_t i = 0; i < rank->count; i++)
		free(rank->items[i].text);
	free(rank->items);
	*rank = (struct html_rank){.limit = rank->limit};
}
