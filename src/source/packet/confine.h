/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_CONFINE_H
#define CONNTRACE_SOURCE_PACKET_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/**
 * struct confine_config - what the process becomes
 * @uid: user to become, when it is root now
 * @gid: group to become
 * @insist: fail when that user cannot be become; otherwise a user namespace that
 *          does not know it is no reason to fail, the rest holds there too
 * @write_fd: the only descriptor that may be written to
 * @parent: process that this one must not outlive, its own parent
 */
struct confine_config {
	uid_t uid;
	gid_t gid;
	bool insist;
	int write_fd;
	pid_t parent;
};

/**
 * confine() - give up whatever reading packets does not need, for good
 *
 * User, groups, every capability and the bounding set, new privileges, being
 * looked into by ptrace(2), core dumps; last all system calls except for a
 * handful. One that is not among them kills the process with SIGSYS.
 *
 * Return: 0, or a negative errno with the story in @err; the process is to end then.
 */
int confine(const struct confine_config *config, struct err *err);

/**
 * confine_find_user() - whom the process becomes
 * @name: a name or number; NULL: the user conntrace if there is one, else nobody
 * @confine: uid, gid and insist are set
 * @err: why not
 *
 * A user of its own is better than nobody, because each process of the same user may stop or kill this one.
 *
 * Return: 0 or a negative errno.
 */
int confine_find_user(const char *name, struct confine_config *confine, struct err *err);

/**
 * confine_leash() - make a process die by a pipe
 * @fd: its reading end, which the process keeps open
 * @pid: the process
 *
 * Whatever is written into the pipe, and its end, kills the process. The kernel sends the signal with the rights of
 * who calls this now, so it works after capabilities were given up, and when the caller is killed (fcntl(2), F_SETSIG).
 */
void confine_leash(int fd, pid_t pid);

/** confine_descriptors() - close all descriptors except for the @count in @keep, and let 0 to 2 lead nowhere */
void confine_descriptors(const int *keep, int count);

#endif
