// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/names.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "report/top_names.h"

/* An open hash table, at most half full; a slot with kind 0 is empty. */
#define SLOTS (2 * NAMES_MAX)

/* For so long answers are waited for, and again for one part in so many of the time that has passed. */
#define PATIENCE_NS (3 * CLOCK_NS_PER_SEC)
#define PATIENCE_SHARE 10

enum kind {
	KIND_NONE,
	KIND_USER,
	KIND_HOST,
	KIND_SERVICE,
};

struct key {
	uint32_t kind;
	uint32_t number;
	struct in6_addr ip;
};

struct slot {
	struct key key;
	char *name; /* NULL: there is none */
};

/* Two threads may ask at once (printer.c). What they are told stays where it is. */
struct names {
	pthread_mutex_t mutex;
	struct hash_key hash_key;
	struct groups *groups;
	int64_t slice_ns;
	unsigned int count;
	struct slot slots[SLOTS];
};

struct names *names_new(void)
{
	struct names *names = xcalloc(1, sizeof(*names));

	pthread_mutex_init(&names->mutex, NULL);
	hash_key_random(&names->hash_key);
	names->slice_ns = CONN_UNKNOWN;
	return names;
}

void names_set_slice(struct names *names, int64_t start_ns)
{
	names->slice_ns = start_ns;
}

int64_t names_slice(const struct names *names)
{
	return names->slice_ns;
}

void names_free(struct names *names)
{
	if (names == NULL)
		return;
	for (unsigned int i = 0; i < SLOTS; i++)
		free(names->slots[i].name);
	pthread_mutex_destroy(&names->mutex);
	free(names);
}

static char *ask_user(uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry != NULL ? xstrdup(entry->pw_name) : xasprintf("%lu", (unsigned long)uid);
}

/* One for all reports of a run; the last question may still be open when the process ends, so it is never freed. */
static struct {
	pthread_mutex_t mutex;
	struct top_names *names;
	int64_t patience_ns; /* for so long answers are waited for, as of @asked_ns */
	int64_t asked_ns;    /* monotonic */
	uint64_t given_up;
} hosts = {.mutex = PTHREAD_MUTEX_INITIALIZER, .patience_ns = PATIENCE_NS};

/* With its mutex. */
static struct top_names *all_hosts(void)
{
	if (hosts.names == NULL) {
		hosts.names = top_names_new();
		hosts.asked_ns = clock_monotonic();
	}
	return hosts.names;
}

void names_ask(const struct endpoint *endpoint)
{
	pthread_mutex_lock(&hosts.mutex);
	(void)top_names_host(all_hosts(), endpoint);
	pthread_mutex_unlock(&hosts.mutex);
}

uint64_t names_given_up(void)
{
	return hosts.given_up;
}

static char *ask_host(const struct in6_addr *ip)
{
	const struct endpoint endpoint = {.ip = *ip};
	int64_t began_ns = clock_monotonic();
	const char *name;
	bool known;

	pthread_mutex_lock(&hosts.mutex);
	(void)all_hosts();
	hosts.patience_ns += (began_ns - hosts.asked_ns) / PATIENCE_SHARE;
	if (hosts.patience_ns > PATIENCE_NS)
		hosts.patience_ns = PATIENCE_NS;
	name = top_names_await(hosts.names, &endpoint, hosts.patience_ns > 0 ? hosts.patience_ns : 0, &known);
	hosts.asked_ns = clock_monotonic();
	hosts.patience_ns -= hosts.asked_ns - began_ns;
	hosts.given_up += !known;
	pthread_mutex_unlock(&hosts.mutex);
	return name != NULL ? xstrdup(name) : NULL;
}

static char *ask_service(uint16_t port)
{
	const struct servent *entry = getservbyport(htons(port), "tcp");

	return entry != NULL ? xstrdup(entry->s_name) : NULL;
}

/* With the mutex. */
static const char *find_name(struct names *names, const struct key *key)
{
	size_t at = hash_bytes(&names->hash_key, key, sizeof(*key)) % SLOTS;
	struct slot *slot;

	while (names->slots[at].key.kind != KIND_NONE && memcmp(&names->slots[at].key, key, sizeof(*key)) != 0)
		at = (at + 1) % SLOTS;
	slot = &names->slots[at];
	if (slot->key.kind != KIND_NONE)
		return slot->name;
	if (names->count == NAMES_MAX)
		return NULL;
	names->count++;
	slot->key = *key;
	if (key->kind == KIND_USER)
		slot->name = ask_user(key->number);
	else if (key->kind == KIND_HOST)
		slot->name = ask_host(&key->ip);
	else
		slot->name = ask_service((uint16_t)key->number);
	return slot->name;
}

static const char *look_up(struct names *names, const struct key *key)
{
	const char *name;

	pthread_mutex_lock(&names->mutex);
	name = find_name(names, key);
	pthread_mutex_unlock(&names->mutex);
	return name;
}

const char *names_user(struct names *names, uid_t uid)
{
	struct key key = {.kind = KIND_USER, .number = uid};

	return uid == (uid_t)-1 ? NULL : look_up(names, &key);
}

const char *names_host(struct names *names, const struct endpoint *endpoint)
{
	struct key key = {.kind = KIND_HOST, .ip = endpoint->ip};

	return look_up(names, &key);
}

const char *names_service(struct names *names, uint16_t port)
{
	struct key key = {.kind = KIND_SERVICE, .number = port};

	return look_up(names, &key);
}

void names_know_groups(struct names *names, struct groups *groups)
{
	names->groups = groups;
}

const char *names_groups(struct names *names, const struct conn *conn)
{
	uint64_t mask = names->groups != NULL ? groups_match(names->groups, conn) : 0;
	const char *text;

	if (mask == 0)
		return NULL;
	pthread_mutex_lock(&names->mutex);
	text = groups_text(names->groups, mask);
	pthread_mutex_unlock(&names->mutex);
	return text;
}

const char *names_group(const struct names *names, unsigned int group)
{
	return names->groups != NULL && group > 0 ? groups_name(names->groups, group - 1) : NULL;
}
