// SPDX-License-Identifier: GPL-2.0-or-later
/* For LD_PRELOAD into conntrace: a name service that does not answer questions about users, groups and services. */
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <unistd.h>

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
