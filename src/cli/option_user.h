/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTION_USER_H
#define CONNTRACE_CLI_OPTION_USER_H

#include "base/err.h"

/**
 * option_user_set() - set a user by name or number; the name is kept, because groups are found by it
 * @user: freed, and set to a name that is to be freed
 * @option: its name for the message
 * @word: the argument
 * @err: the message of a failure
 */
int option_user_set(char **user, const char *option, const char *word, struct err *err);

#endif
