/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_DNS_NAMES_H
#define CONNTRACE_TRACK_DNS_NAMES_H

#include <stdint.h>

#include "base/hash.h"
#include "model/event.h"

/** Addresses of which names are kept; the one of which nothing was heard for longest goes first. */
#define DNS_NAMES_MAX 16384

/** Names that are kept of an address, for connections that began with the earlier ones. */
#define DNS_NAMES_EACH 4

/** An answer holds at least this long, because programs keep addresses a little longer than they may. */
#define DNS_NAMES_LEAST_S 60

/**
 * struct dns_names - the names that answers of DNS gave for addresses, and when
 *
 * Bounded: see DNS_NAMES_MAX and DNS_NAMES_EACH.
 */
struct dns_names;

/** dns_names_new() - an empty table; @key: secret, because peers choose the addresses */
struct dns_names *dns_names_new(const struct hash_key *key);

/** dns_names_free() - NULL is fine */
void dns_names_free(struct dns_names *names);

/** dns_names_feed() - an EVENT_NAME; the pieces of a name come one after the other */
void dns_names_feed(struct dns_names *names, const struct event *event);

/**
 * dns_names_find() - the name of an address at a time
 * @names: NULL has none
 * @address: any port
 * @time_ns: when it was used
 *
 * Return: the name that the last answer before gave, if its time was not over, raw bytes, valid until the next
 * dns_names_feed(); else NULL.
 */
const char *dns_names_find(const struct dns_names *names, const struct endpoint *address, int64_t time_ns);

#endif
