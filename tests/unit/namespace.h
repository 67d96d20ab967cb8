/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TESTS_UNIT_NAMESPACE_H
#define CONNTRACE_TESTS_UNIT_NAMESPACE_H

#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/**
 * namespace_enter() - into a network namespace of our own with loopback up
 *
 * So that the sockets of a test are the only ones, and what they leave behind
 * (TIME_WAIT) does not fill the host's table. Needs user namespaces, else the
 * test runs on the host.
 *
 * Return: whether we are in one.
 */
static inline bool namespace_enter(void)
{
	struct ifreq loopback = {.ifr_flags = IFF_UP};
	int fd;
	bool up;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	strcpy(loopback.ifr_name, "lo");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	up = ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
	close(fd);
	return up;
}

#endif
