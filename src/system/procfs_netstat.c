// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/procfs_netstat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"

#define GROUP "TcpExt:"
/* Two lines of about 120 counters, and those of other groups behind them. */
#define TEXT_MAX (1 << 14)

int procfs_netstat_open(pid_t pid)
{
	char path[64] = "/proc/thread-self/net/netstat";
	int fd;

	if (pid > 0)
		snprintf(path, sizeof(path), "/proc/%d/net/netstat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

/* A line with the names, and one with the values in the same order. */
int64_t procfs_netstat_find(char *text, const char *name)
{
	char *names = strstr(text, GROUP), *values = names != NULL ? strstr(names + 1, GROUP) : NULL;
	char *name_word, *value_word, *end;
	int64_t value;

	if (values == NULL)
		return -1;
	values[-1] = '\0';
	end = strchr(values, '\n');
	if (end != NULL)
		*end = '\0';
	while ((name_word = strsep(&names, " \n")) != NULL && (value_word = strsep(&values, " ")) != NULL)
		if (strcmp(name_word, name) == 0)
			return number_parse(value_word, 0, INT64_MAX, &value) == 0 ? value : -1;
	return -1;
}

int64_t procfs_netstat_value(int fd, const char *name)
{
	char text[TEXT_MAX];
	size_t length = 0;
	ssize_t got;

	if (fd < 0)
		return -1;
	while ((got = pread(fd, text + length, sizeof(text) - 1 - length, (off_t)length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	return procfs_netstat_find(text, name);
}
