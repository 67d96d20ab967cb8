// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/procfs_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

int procfs_tcp_inode(pid_t tid, int fd, uint32_t *inode)
{
	char path[PROCFS_PATH], name[32], text[64];
	ssize_t length;
	unsigned int number;

	snprintf(name, sizeof(name), "fd/%d", fd);
	procfs_path(path, tid, name);
	length = readlink(path, text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	if (sscanf(text, "socket:[%u]", &number) != 1)
		return -ENOTSUP;
	length = getxattr(path, "system.sockprotoname", text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	if (strcmp(text, "TCP") != 0 && strcmp(text, "TCPv6") != 0)
		return -ENOTSUP;
	*inode = number;
	return 0;
}

/** read_end() - "0100007F:1F90", the address in 32-bit words of this machine's order, the port a number */
static bool read_end(const char *text, struct endpoint *endpoint)
{
	uint32_t words[4];
	unsigned int port;
	size_t count = strcspn(text, ":") / 8;

	if ((count != 1 && count != 4) || text[count * 8] != ':' || sscanf(text + count * 8, ":%4x", &port) != 1)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (sscanf(text + i * 8, "%8x", &words[i]) != 1)
			return false;
	}
	if (count == 1) {
		*endpoint = endpoint_v4((struct in_addr){.s_addr = words[0]}, (uint16_t)port);
	} else {
		struct in6_addr v6;

		memcpy(&v6, words, sizeof(v6));
		*endpoint = endpoint_v6(&v6, (uint16_t)port);
	}
	return true;
}

/* "sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ..." */
static bool read_line(const char *line, uint32_t inode, struct event *event)
{
	char local[48], remote[48];
	unsigned int state, uid, number;

	if (sscanf(line, " %*[^:]: %47s %47s %x %*s %*s %*s %u %*s %u", local, remote, &state, &uid, &number) != 5 ||
	    number != inode)
		return false;
	if (!read_end(local, &event->flow.local))
		return false;
	if (state != TCP_LISTEN && !read_end(remote, &event->flow.remote))
		return false;
	event->info.state = (uint8_t)state;
	event->info.uid = uid;
	event->info.inode = inode;
	return true;
}

int procfs_tcp_find(pid_t tid, uint32_t inode, struct event *event)
{
	static const char *const tables[] = {"net/tcp", "net/tcp6"};
	struct event found = *event;
	int rc = -ENOENT;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && rc == -ENOENT; i++) {
		char path[PROCFS_PATH], line[512];
		FILE *file = fopen(procfs_path(path, tid, tables[i]), "re");

		if (file == NULL)
			/* A kernel without IPv6 has no tcp6. */
			return errno == ENOENT ? rc : -errno;
		while (rc != 0 && fgets(line, sizeof(line), file) != NULL) {
			if (read_line(line, inode, &found))
				rc = 0;
		}
		fclose(file);
	}
	if (rc == 0)
		*event = found;
	return rc;
}
