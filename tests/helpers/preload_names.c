// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For LD_PRELOAD into conntrace: a name service that does not answer questions about users, groups and services. With
 * PRELOAD_THREADS in the environment the process cannot start more threads than that.
 */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

typedef int create_function(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *context);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *context)
{
	static int count;
	create_function *create = (create_function *)dlsym(RTLD_NEXT, "pthread_create");
	const char *most = getenv("PRELOAD_THREADS");

	if (most != NULL && count++ >= atoi(most))
		return EAGAIN;
	return create(thread, attributes, start, context);
}

static int wait_forever(void)
{
	for (;;)
		pause();
	return 0;
}

struct passwd *getpwuid(uid_t uid)
{
	(void)uid;
	wait_forever();
	return NULL;
}

int getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, struct passwd **found)
{
	(void)uid;
	(void)entry;
	(void)buffer;
	(void)size;
	(void)found;
	return wait_forever();
}

struct servent *getservbyport(int port, const char *proto)
{
	(void)port;
	(void)proto;
	wait_forever();
	return NULL;
}

int getservbyport_r(int port, const char *proto, struct servent *entry, char *buffer, size_t size,
		    struct servent **found)
{
	(void)port;
	(void)proto;
	(void)entry;
	(void)buffer;
	(void)size;
	(void)found;
	return wait_forever();
}
