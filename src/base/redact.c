// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/redact.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/table.h"
#include "base/words.h"
#include "base/xalloc.h"

#define SLOTS_FIRST 256
/* Texts are numbered apart from numbers and addresses, whose bytes have one of few lengths. */
#define LENGTHS 3

/* What has a pseudonym; @shown is NULL for numbers. */
struct known {
	uint64_t hash;
	uint64_t number;
	uint8_t kind;
	size_t length;
	char *bytes;
	char *shown;
};

unsigned int redact_kinds;

/* The table lives as long as the program. Threads that write rows use it at once. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hash_key key;
static struct known *slots;
static size_t slot_count, used;
static uint64_t last[REDACT_KIND_NUM][LENGTHS];

static const char *const words[] = {
	[REDACT_ADDR] = "addr", [REDACT_HOST] = "host", [REDACT_PATH] = "/path",
	[REDACT_COMM] = "comm", [REDACT_USER] = "user", [REDACT_ARGS] = "args",
};
TABLE_COVERS(words, REDACT_KIND_NUM);

int redact_parse(const char *text, unsigned int *kinds, struct err *err)
{
	static const struct words_bit allowed[] = {
		{"addr", 1U << REDACT_ADDR},
		{"host", 1U << REDACT_HOST},
		{"path", 1U << REDACT_PATH},
		{"comm", 1U << REDACT_COMM},
		{"user", 1U << REDACT_USER},
		{"args", 1U << REDACT_ARGS},
		{NULL, 0},
	};

	return words_bits(kinds, allowed, "addr, host, path, comm, user and args", "--redact", text, err);
}

void redact_begin(unsigned int kinds)
{
	redact_kinds = kinds;
	hash_key_random(&key);
}

static struct known *place_of(struct known *table, size_t count, const struct known *wanted)
{
	size_t at = wanted->hash & (count - 1);

	while (table[at].bytes != NULL &&
	       (table[at].hash != wanted->hash || table[at].kind != wanted->kind ||
		table[at].length != wanted->length || memcmp(table[at].bytes, wanted->bytes, wanted->length) != 0))
		at = (at + 1) & (count - 1);
	return &table[at];
}

static void grow(void)
{
	size_t count = slot_count > 0 ? slot_count * 2 : SLOTS_FIRST;
	struct known *table = xcalloc(count, sizeof(*table));

	for (size_t i = 0; i < slot_count; i++)
		if (slots[i].bytes != NULL)
			*place_of(table, count, &slots[i]) = slots[i];
	free(slots);
	slots = table;
	slot_count = count;
}

/* @counter: which numbers are used. The entry may move when another one is added; what it points to stays. */
static struct known know(enum redact_kind kind, const void *bytes, size_t length, unsigned int counter)
{
	struct known wanted = {.kind = (uint8_t)kind, .length = length, .bytes = (char *)(uintptr_t)bytes}, *found;

	pthread_mutex_lock(&lock);
	if (used >= slot_count / 2)
		grow();
	wanted.hash = hash_bytes(&key, bytes, length) + kind;
	found = place_of(slots, slot_count, &wanted);
	if (found->bytes == NULL) {
		*found = wanted;
		found->bytes = memcpy(xmalloc(length), bytes, length);
		found->number = ++last[kind][counter];
		if (counter == 0)
			found->shown = xasprintf("%s%llu", words[kind], (unsigned long long)found->number);
		used++;
	}
	wanted = *found;
	pthread_mutex_unlock(&lock);
	return wanted;
}

const char *redact_text(enum redact_kind kind, const char *text)
{
	if (!redact_hides(kind) || text == NULL || text[0] == '\0')
		return text;
	/* With its NUL, so that no text has the bytes of a number. */
	return know(kind, text, strlen(text) + 1, 0).shown;
}

uint64_t redact_number(enum redact_kind kind, const void *bytes, size_t length)
{
	return know(kind, bytes, length, length > sizeof(uint32_t) ? 2 : 1).number;
}
