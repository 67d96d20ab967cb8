/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_CONFINE_H
#define CONNTRACE_SYSTEM_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/**
 * struct confine_config - user and limits of the process
 * @name: of the process in messages
 * @uid: user to become, when it is root now
 * @gid: group to become
 * @insist: fail when the change of user fails; otherwise a user namespace without that user is no reason to
 *	    fail, the other limits hold there too
 * @write_fd: the only descriptor that may be written to
 * @parent: process that this one must not outlive, its own parent
 */
struct confine_config {
	const char *name;
	uid_t uid;
	gid_t gid;
	bool insist;
	int write_fd;
	pid_t parent;
};

/**
 * confine() - give up permanently what reading packets and files does not need
 *
 * User, groups, every capability and the bounding set, new privileges, tracing by ptrace(2), core dumps; last all
 * system calls except for a few. Any other call kills the process with SIGSYS.
 *
 * Return: 0, or a negative errno with the message in @err; the process must end then.
 */
int confine(const struct confine_config *config, struct err *err);

/**
 * confine_find_user() - find the user that the process becomes
 * @name: a name or number; NULL: the user conntrace if it exists, else nobody
 * @confine: uid, gid and insist are set
 * @err: the message
 *
 * A user of its own is better than nobody, because each process of the same user may stop or kill this one.
 *
 * Return: 0 or a negative errno.
 */
int confine_find_user(const char *name, struct confine_config *confine, struct err *err);

/**
 * confine_leash() - kill a process through a pipe
 * @fd: its reading end, which the process keeps open
 * @pid: the process
 *
 * Any byte written into the pipe, and its end, kills the process. The kernel sends the signal with the rights of the
 * caller at this time, so it works after capabilities were given up, and when the caller is killed (fcntl(2),
 * F_SETSIG).
 */
void confine_leash(int fd, pid_t pid);

/** confine_descriptors() - close all descriptors except for the @count in @keep; 0 to 2 become /dev/null */
void confine_descriptors(const int *keep, int count);

#endif
