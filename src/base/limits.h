/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_LIMITS_H
#define CONNTRACE_BASE_LIMITS_H

/** limits_raise() - the soft limit of open files becomes the hard one: a watched process or thread takes descriptors */
void limits_raise(void);

/** limits_restore() - undo limits_raise(), in a child that becomes a command; async-signal-safe */
void limits_restore(void);

/** limits_of() - the limits that the errno @error is about, for a message; NULL when it is about none */
const char *limits_of(int error);

#endif
