/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_GROUPS_H
#define CONNTRACE_TRACK_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/conn.h"

/*
 * Named groups of connections (option --group). Membership depends only on the direction and the addresses of a
 * connection, so it is computed when needed.
 */

/** Maximum number of groups, with RX and TX: they are the bits of a mask. */
#define GROUPS_MAX 64

/** Maximum length of a group's name in bytes, without its NUL. */
#define GROUPS_NAME_MAX 63

/** struct groups - the groups and their rules; RX and TX always exist and are the first two */
struct groups;

/** groups_new() - RX and TX only: every connection that the other side opened, and every other one */
struct groups *groups_new(void);

/** groups_free() - NULL is fine */
void groups_free(struct groups *groups);

/**
 * groups_add() - add "NAME:DIR@ADDR:PORT[:PORT...][,ADDR:PORT...]..."
 * @groups: unchanged on failure
 * @rule: DIR is RX or in, TX or out; ADDR is *, %, an address or a network, IPv6 in brackets; PORT is *, %, a port, a
 *        range or a name of services(5). An empty NAME excludes. Rules of one NAME add up
 * @err: quotes the word that is wrong
 *
 * Return: 0 or -EINVAL.
 */
int groups_add(struct groups *groups, const char *rule, struct err *err);

/** groups_count() - how many there are */
size_t groups_count(const struct groups *groups);

/** groups_name() - of the group number @index, in the order they were first named */
const char *groups_name(const struct groups *groups, size_t index);

/** groups_match() - the groups a connection is in: bit N for group number N; none while its direction is unknown */
uint64_t groups_match(const struct groups *groups, const struct conn *conn);

/** groups_text() - "RX,web", NULL for none; valid as long as @groups */
const char *groups_text(struct groups *groups, uint64_t mask);

#endif
