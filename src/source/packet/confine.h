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

/** confine_descriptors() - close all descriptors except for the @count in @keep, and let 0 to 2 lead nowhere */
void confine_descriptors(const int *keep, int count);

#endif
