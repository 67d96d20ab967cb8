// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/top_names.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/xalloc.h"

/*
 * A table without removal, so a name stays at its address. The threads query
 * entries in the order they were added.
 */
#define PLACES (TOP_NAMES_MOST * 2)
/* Several queries run at a time, so one without an answer does not delay the others. */
#define THREADS 8

/* Buffer for one entry of the user database; doubled while too small, up to the limit. */
#define USER_BYTES 1024
#define USER_BYTES_MOST (1U << 20)
#define SERVICE_BYTES 8192

struct entry {
	struct top_names_question question;
	char *name; /* NULL: none, or not answered yet */
	bool known;
};

struct top_names {
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* an entry was added */
	pthread_cond_t answered;
	struct hash_key key;
	uint16_t places[PLACES]; /* in entries, + 1 */
	struct entry entries[TOP_NAMES_MOST];
	size_t count, asked;
	unsigned int running; /* number of threads */
	int error;            /* why there is none, 0: there was no failure */
	bool abandoned;       /* the last thread to return frees everything */
};

struct top_names *top_names_new(void)
{
	struct top_names *names = xcalloc(1, sizeof(*names));
	pthread_condattr_t attributes;

	pthread_mutex_init(&names->mutex, NULL);
	pthread_cond_init(&names->changed, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&names->answered, &attributes);
	pthread_condattr_destroy(&attributes);
	hash_key_random(&names->key);
	return names;
}

static void free_all(struct top_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->entries[i].name);
	pthread_mutex_destroy(&names->mutex);
	pthread_cond_destroy(&names->changed);
	pthread_cond_destroy(&names->answered);
	free(names);
}

static char *resolve_user(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char *buffer = NULL, *name;
	int rc = ERANGE;

	for (size_t size = USER_BYTES; rc == ERANGE && size <= USER_BYTES_MOST; size *= 2) {
		buffer = xreallocarray(buffer, size, 1);
		rc = getpwuid_r(uid, &entry, buffer, size, &found);
	}
	name = rc == 0 && found != NULL ? xstrdup(found->pw_name) : NULL;
	free(buffer);
	return name;
}

static char *resolve_service(uint16_t port)
{
	struct servent entry, *found = NULL;
	char buffer[SERVICE_BYTES];
	int rc = getservbyport_r(htons(port), "tcp", &entry, buffer, sizeof(buffer), &found);

	return rc == 0 && found != NULL ? xstrdup(found->s_name) : NULL;
}

static char *resolve_host(const struct in6_addr *ip)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = *ip};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	char name[NI_MAXHOST];
	int rc;

	if (IN6_IS_ADDR_V4MAPPED(ip)) {
		memcpy(&v4.sin_addr, ip->s6_addr + 12, 4);
		rc = getnameinfo((const void *)&v4, sizeof(v4), name, sizeof(name), NULL, 0, NI_NAMEREQD);
	} else {
		rc = getnameinfo((const void *)&v6, sizeof(v6), name, sizeof(name), NULL, 0, NI_NAMEREQD);
	}
	return rc == 0 ? xstrdup(name) : NULL;
}

static char *resolve(const struct top_names_question *question)
{
	if (question->kind == TOP_NAMES_USER)
		return resolve_user(question->number);
	if (question->kind == TOP_NAMES_SERVICE)
		return resolve_service((uint16_t)question->number);
	return resolve_host(&question->ip);
}

static void *work(void *context)
{
	struct top_names *names = context;
	bool is_last;

	pthread_mutex_lock(&names->mutex);
	while (!names->abandoned) {
		struct entry *entry;
		char *name;

		if (names->asked == names->count) {
			pthread_cond_wait(&names->changed, &names->mutex);
			continue;
		}
		entry = &names->entries[names->asked++];
		pthread_mutex_unlock(&names->mutex);
		name = resolve(&entry->question);
		pthread_mutex_lock(&names->mutex);
		entry->name = name;
		entry->known = true;
		pthread_cond_broadcast(&names->answered);
	}
	is_last = --names->running == 0;
	pthread_mutex_unlock(&names->mutex);
	if (is_last)
		free_all(names);
	return NULL;
}

/* Signals are blocked in the threads: the main thread handles them. Call with the mutex held. */
static void start(struct top_names *names)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	names->error = pthread_create(&thread, NULL, work, names);
	if (names->error == 0) {
		pthread_detach(thread);
		names->running++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Call with the mutex held. Return: its entry, queried from now on if it is new; NULL when the table is full. */
static struct entry *find_entry(struct top_names *names, const struct top_names_question *question)
{
	size_t place = hash_bytes(&names->key, question, sizeof(*question)) % PLACES;

	while (names->places[place] != 0 &&
	       memcmp(&names->entries[names->places[place] - 1].question, question, sizeof(*question)) != 0)
		place = (place + 1) % PLACES;
	if (names->places[place] != 0)
		return &names->entries[names->places[place] - 1];
	if (names->count == TOP_NAMES_MOST)
		return NULL;
	if (names->running < THREADS && names->asked + names->running <= names->count)
		start(names);
	names->entries[names->count++].question = *question;
	names->places[place] = (uint16_t)names->count;
	pthread_cond_signal(&names->changed);
	return &names->entries[names->count - 1];
}

const char *top_names_await(struct top_names *names, const struct top_names_question *question, int64_t most_ns,
			    bool *known)
{
	int64_t until_ns = clock_monotonic() + most_ns;
	const struct timespec until = {until_ns / CLOCK_NS_PER_SEC, until_ns % CLOCK_NS_PER_SEC};
	const struct entry *entry;
	const char *name;
	int rc = 0;

	pthread_mutex_lock(&names->mutex);
	entry = find_entry(names, question);
	while (entry != NULL && !entry->known && names->running > 0 && most_ns > 0 && rc == 0)
		rc = pthread_cond_timedwait(&names->answered, &names->mutex, &until);
	name = entry != NULL ? entry->name : NULL;
	*known = entry != NULL && entry->known;
	pthread_mutex_unlock(&names->mutex);
	return name;
}

int top_names_error(struct top_names *names)
{
	int error;

	pthread_mutex_lock(&names->mutex);
	error = names->running == 0 ? names->error : 0;
	pthread_mutex_unlock(&names->mutex);
	return error;
}

const char *top_names_host(struct top_names *names, const struct endpoint *endpoint)
{
	const struct top_names_question question = {.kind = TOP_NAMES_HOST, .ip = endpoint->ip};
	bool known;

	return top_names_await(names, &question, 0, &known);
}

void top_names_free(struct top_names *names)
{
	bool running;

	if (names == NULL)
		return;
	pthread_mutex_lock(&names->mutex);
	running = names->running > 0;
	names->abandoned = true;
	pthread_cond_broadcast(&names->changed);
	pthread_mutex_unlock(&names->mutex);
	if (!running)
		free_all(names);
}
