// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top_names.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/xalloc.h"

/*
 * A table without removal, so that a name once given stays where it is. Entries
 * are asked for in the order they came: the thread works its way through them.
 */
#define PLACES (TOP_NAMES_MOST * 2)

struct entry {
	struct in6_addr ip;
	char *name; /* NULL: none, or not asked for yet */
};

struct top_names {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct hash_key key;
	uint16_t places[PLACES]; /* in entries, + 1 */
	struct entry entries[TOP_NAMES_MOST];
	size_t count, asked;
	bool running;
	bool abandoned; /* the thread frees it all when it gets back */
};

struct top_names *top_names_new(void)
{
	struct top_names *names = xcalloc(1, sizeof(*names));

	pthread_mutex_init(&names->mutex, NULL);
	pthread_cond_init(&names->changed, NULL);
	hash_key_random(&names->key);
	return names;
}

static void free_all(struct top_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->entries[i].name);
	pthread_mutex_destroy(&names->mutex);
	pthread_cond_destroy(&names->changed);
	free(names);
}

static char *resolve(const struct in6_addr *ip)
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

static void *work(void *context)
{
	struct top_names *names = context;

	pthread_mutex_lock(&names->mutex);
	while (!names->abandoned) {
		struct in6_addr ip;
		char *name;

		if (names->asked == names->count) {
			pthread_cond_wait(&names->changed, &names->mutex);
			continue;
		}
		ip = names->entries[names->asked].ip;
		pthread_mutex_unlock(&names->mutex);
		name = resolve(&ip);
		pthread_mutex_lock(&names->mutex);
		names->entries[names->asked++].name = name;
	}
	pthread_mutex_unlock(&names->mutex);
	free_all(names);
	return NULL;
}

/* With all signals blocked: they are main's. */
static bool start(struct top_names *names)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	names->running = pthread_create(&thread, NULL, work, names) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (names->running)
		pthread_detach(thread);
	return names->running;
}

const char *top_names_host(struct top_names *names, const struct endpoint *endpoint)
{
	size_t place = hash_bytes(&names->key, &endpoint->ip, sizeof(endpoint->ip)) % PLACES;
	const char *name = NULL;

	if (!names->running && !start(names))
		return NULL;
	pthread_mutex_lock(&names->mutex);
	while (names->places[place] != 0 &&
	       memcmp(&names->entries[names->places[place] - 1].ip, &endpoint->ip, sizeof(endpoint->ip)) != 0)
		place = (place + 1) % PLACES;
	if (names->places[place] != 0) {
		name = names->entries[names->places[place] - 1].name;
	} else if (names->count < TOP_NAMES_MOST) {
		names->entries[names->count++].ip = endpoint->ip;
		names->places[place] = (uint16_t)names->count;
		pthread_cond_signal(&names->changed);
	}
	pthread_mutex_unlock(&names->mutex);
	return name;
}

void top_names_free(struct top_names *names)
{
	bool running;

	if (names == NULL)
		return;
	pthread_mutex_lock(&names->mutex);
	running = names->running;
	names->abandoned = true;
	pthread_cond_signal(&names->changed);
	pthread_mutex_unlock(&names->mutex);
	if (!running)
		free_all(names);
}
