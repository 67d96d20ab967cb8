/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SOURCE_H
#define CONNTRACE_SOURCE_SOURCE_H

/*
 * Every source has the same four verbs, under its own prefix:
 *
 *   int  NAME_open(struct NAME **source, const struct NAME_config *config, struct err *err);
 *        0 or a negative errno with the story in err; may need privileges
 *   int  NAME_fd(const struct NAME *source);
 *        readable (poll(2)) when NAME_read() has something; -1 when it is to be asked on a clock
 *   int  NAME_read(struct NAME *source, struct queue *events, struct err *err);
 *        never blocks; appends struct event values in the order of their time_ns.
 *        Return: how many, 0 for none now, SOURCE_END when there will be no more,
 *        or a negative errno with the story in err
 *   void NAME_close(struct NAME *source);
 *        NULL is fine; what was attached is let go unharmed
 */

/** SOURCE_END - what NAME_read() returns once everything has been read and nothing will come */
#define SOURCE_END (-0x10000)

#endif
