/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_LAUNCH_USER_H
#define CONNTRACE_RUN_LAUNCH_USER_H

#include "base/err.h"
#include "source/ptrace/tracer.h"

/**
 * launch_user_find() - the user that a command is to run as (-u)
 * @user: filled in on success; @groups is the caller's to free
 * @name: a name or a number of passwd(5); a number without an entry is that user in a group of the same number
 * @err: the message of a failure
 *
 * Return: 0 or a negative errno
 */
int launch_user_find(struct tracer_user *user, const char *name, struct err *err);

#endif
