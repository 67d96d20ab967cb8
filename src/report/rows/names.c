// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/names.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/table.h"
#include "base/xalloc.h"

/* An open hash table, at most half full; a slot with kind 0 is empty. */
#define SLOTS (2 * NAMES_MAX)

/* Answers are waited for this long, plus this share of the time that has passed. */
#define PATIENCE_NS (3 * CLOCK_NS_PER_SEC)
#define PATIENCE_SHARE 10

struct slot {
	struct top_names_question question;
	bool used;
	char *name; /* NULL: it has none */
};

/* Two threads may query at once (printer.c). The strings they get do not move. */
struct names {
	pthread_mutex_t mutex;
	struct hash_key hash_key;
	struct groups *groups;
	int64_t slice_ns;
	bool never_waits;
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
	/* Most runs ask for no name, and their slots are memory that was never touched. */
	for (unsigned int i = 0; names->count > 0 && i < SLOTS; i++)
		free(names->slots[i].name);
	pthread_mutex_destroy(&names->mutex);
	free(names);
}

/*
 * One of each kind for all reports of a run, so that a silent name server does not hold up the names of users. The last
 * query may still be pending when the process ends, so they are never freed.
 */
static struct service {
	pthread_mutex_t mutex;
	struct top_names *names;
	int64_t patience_ns; /* answers are waited for this long, from @asked_ns on */
	int64_t asked_ns;    /* monotonic */
	uint64_t given_up;
	bool full; /* some were not queried, and they are not counted */
} services[] = {
	[TOP_NAMES_HOST] = {.mutex = PTHREAD_MUTEX_INITIALIZER, .patience_ns = PATIENCE_NS},
	[TOP_NAMES_USER] = {.mutex = PTHREAD_MUTEX_INITIALIZER, .patience_ns = PATIENCE_NS},
	[TOP_NAMES_SERVICE] = {.mutex = PTHREAD_MUTEX_INITIALIZER, .patience_ns = PATIENCE_NS},
};

TABLE_COVERS(services, TOP_NAMES_KIND_NUM);

/* Call with its mutex held. */
static struct top_names *names_of(struct service *service)
{
	if (service->names == NULL) {
		service->names = top_names_new();
		service->asked_ns = clock_monotonic();
	}
	return service->names;
}

void names_ask(const struct endpoint *endpoint)
{
	struct service *hosts = &services[TOP_NAMES_HOST];

	pthread_mutex_lock(&hosts->mutex);
	(void)top_names_host(names_of(hosts), endpoint);
	pthread_mutex_unlock(&hosts->mutex);
}

void names_tell(void)
{
	static const char *const what[] = {
		[TOP_NAMES_HOST] = "host", [TOP_NAMES_USER] = "user", [TOP_NAMES_SERVICE] = "service"};
	struct err why;
	int error;

	TABLE_COVERS(what, TOP_NAMES_KIND_NUM);

	for (unsigned int kind = 0; kind < TOP_NAMES_KIND_NUM; kind++) {
		if (services[kind].full)
			fprintf(stderr, "conntrace: there are more than %u names; some %ss are shown by number\n",
				NAMES_MAX, what[kind]);
		if (services[kind].given_up == 0)
			continue;
		error = top_names_error(services[kind].names);
		if (error != 0)
			(void)err_set(&why, error, "no thread can be started: %s", strerror(error));
		else
			(void)err_set(&why, ETIME, "no name service answered in time");
		fprintf(stderr, "conntrace: %" PRIu64 " %s%s shown by number, because %s\n", services[kind].given_up,
			what[kind], services[kind].given_up == 1 ? " is" : "s are", why.text);
	}
}

void names_never_wait(struct names *names)
{
	names->never_waits = true;
}

/* A screen is redrawn soon, so its missing names are neither waited for nor counted. */
static char *peek(const struct top_names_question *question)
{
	struct service *service = &services[question->kind];
	const char *name;
	bool known;

	pthread_mutex_lock(&service->mutex);
	name = top_names_await(names_of(service), question, 0, &known);
	pthread_mutex_unlock(&service->mutex);
	return name != NULL ? xstrdup(name) : NULL;
}

static char *ask(const struct top_names_question *question)
{
	struct service *service = &services[question->kind];
	int64_t began_ns = clock_monotonic();
	const char *name;
	bool known;

	pthread_mutex_lock(&service->mutex);
	(void)names_of(service);
	service->patience_ns += (began_ns - service->asked_ns) / PATIENCE_SHARE;
	if (service->patience_ns > PATIENCE_NS)
		service->patience_ns = PATIENCE_NS;
	name = top_names_await(service->names, question, service->patience_ns > 0 ? service->patience_ns : 0, &known);
	service->asked_ns = clock_monotonic();
	service->patience_ns -= service->asked_ns - began_ns;
	service->given_up += !known;
	pthread_mutex_unlock(&service->mutex);
	return name != NULL ? xstrdup(name) : NULL;
}

/* Call with the mutex held. */
static const char *find_name(struct names *names, const struct top_names_question *question)
{
	size_t at = hash_bytes(&names->hash_key, question, sizeof(*question)) % SLOTS;
	struct slot *slot;

	while (names->slots[at].used && memcmp(&names->slots[at].question, question, sizeof(*question)) != 0)
		at = (at + 1) % SLOTS;
	slot = &names->slots[at];
	if (slot->used)
		return slot->name;
	if (names->count == NAMES_MAX) {
		services[question->kind].full = true;
		return NULL;
	}
	names->count++;
	slot->used = true;
	slot->question = *question;
	slot->name = names->never_waits ? peek(question) : ask(question);
	return slot->name;
}

static const char *look_up(struct names *names, const struct top_names_question *question)
{
	const char *name;

	pthread_mutex_lock(&names->mutex);
	name = find_name(names, question);
	pthread_mutex_unlock(&names->mutex);
	return name;
}

const char *names_user(struct names *names, uid_t uid)
{
	const struct top_names_question question = {.kind = TOP_NAMES_USER, .number = uid};

	return uid == (uid_t)-1 ? NULL : look_up(names, &question);
}

const char *names_host(struct names *names, const struct endpoint *endpoint)
{
	const struct top_names_question question = {.kind = TOP_NAMES_HOST, .ip = endpoint->ip};

	return look_up(names, &question);
}

const char *names_service(struct names *names, uint16_t port)
{
	const struct top_names_question question = {.kind = TOP_NAMES_SERVICE, .number = port};

	return look_up(names, &question);
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
