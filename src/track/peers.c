// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/peers.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/sieve.h"
#include "base/xalloc.h"
#include "model/columns.h"

/*
 * An open hash table of group numbers (linear probing, at most half full)
 * over one array of groups, so that groups keep the order of their appearance.
 * The hash is keyed: peers choose their addresses and ports.
 */
#define FIRST_SLOTS 64
#define NO_GROUP UINT32_MAX

_Static_assert(PEERS_TOTAL_NUM <= 32, "each has a bit");
_Static_assert(sizeof(struct peers_group) <= 664, "a report may have PEERS_GROUPS_MAX of them");

struct peers {
	struct peers_keys keys;
	struct hash_key hash_key;
	size_t identity_bytes; /* of an identity, in which the keys are; the others are zero */
	bool has_further;
	size_t groups_max;
	size_t count;
	size_t capacity;
	struct peers_group *groups;
	size_t slot_count; /* a power of two */
	uint32_t *slots;
	int64_t exact_budget;
	bool keeps_rest;
	struct peers_group *rest; /* NULL while nothing was folded */
	struct sieve *gone;       /* identities folded into the rest */
};

/* Of two identities by the same keys. */
static bool same_further(const struct peers_further *a, const struct peers_further *b)
{
	if (a == NULL || b == NULL)
		return a == NULL;
	if (memcmp(a, b, offsetof(struct peers_further, text)) != 0)
		return false;
	for (unsigned int i = 0; i < PEERS_TEXT_NUM; i++) {
		const char *one = a->text[i], *other = b->text[i];

		if (one != other && (one == NULL || other == NULL || strcmp(one, other) != 0))
			return false;
	}
	return true;
}

static uint64_t hash_identity(const struct peers *peers, const struct peers_identity *identity)
{
	uint64_t hash = hash_bytes(&peers->hash_key, identity, peers->identity_bytes);
	const struct peers_further *further = identity->further;

	if (further == NULL)
		return hash;
	hash += hash_bytes(&peers->hash_key, further, offsetof(struct peers_further, text));
	/* The number of the text is in the sum, because equal texts of two keys must not cancel out. */
	for (unsigned int i = 0; i < PEERS_TEXT_NUM; i++)
		if (further->text[i] != NULL)
			hash += (i + 2) * hash_bytes(&peers->hash_key, further->text[i], strlen(further->text[i]));
	return hash;
}

/* The slot of the group, or the empty one where it would be. */
static uint32_t *find_slot(const struct peers *peers, const struct peers_identity *identity)
{
	size_t at = (size_t)hash_identity(peers, identity) & (peers->slot_count - 1);

	while (peers->slots[at] != NO_GROUP) {
		const struct peers_identity *other = &peers->groups[peers->slots[at]].identity;

		if (memcmp(other, identity, peers->identity_bytes) == 0 &&
		    same_further(other->further, identity->further))
			break;
		at = (at + 1) & (peers->slot_count - 1);
	}
	return &peers->slots[at];
}

static void resize_slots(struct peers *peers, size_t slot_count)
{
	free(peers->slots);
	peers->slots = xreallocarray(NULL, slot_count, sizeof(*peers->slots));
	memset(peers->slots, 0xff, slot_count * sizeof(*peers->slots));
	peers->slot_count = slot_count;
	for (size_t i = 0; i < peers->count; i++)
		*find_slot(peers, &peers->groups[i].identity) = (uint32_t)i;
}

struct peers *peers_new(const struct peers_keys *keys, size_t groups_max)
{
	struct peers *peers = xcalloc(1, sizeof(*peers));

	peers->keys = *keys;
	peers->identity_bytes = peers_identity_bytes(keys);
	peers->has_further = peers_has_further(keys);
	peers->groups_max = groups_max < NO_GROUP ? groups_max : NO_GROUP - 1;
	peers->exact_budget = PEERS_EXACT_VALUES;
	hash_key_random(&peers->hash_key);
	resize_slots(peers, FIRST_SLOTS);
	return peers;
}

void peers_keep_few(struct peers *peers)
{
	peers->exact_budget = 0;
}

void peers_keep_rest(struct peers *peers)
{
	peers->keeps_rest = true;
}

static void clear_group(struct peers *peers, struct peers_group *group)
{
	for (unsigned int s = 0; s < PEERS_SPREAD_NUM; s++)
		distribution_clear(&group->spreads[s], &peers->exact_budget);
	for (unsigned int i = 0; group->identity.further != NULL && i < PEERS_TEXT_NUM; i++)
		free(group->identity.further->text[i]);
	free(group->identity.further);
	free(group->pids);
	free(group->comms);
}

void peers_free(struct peers *peers)
{
	if (peers == NULL)
		return;
	for (size_t i = 0; i < peers->count; i++)
		clear_group(peers, &peers->groups[i]);
	if (peers->rest != NULL)
		clear_group(peers, peers->rest);
	free(peers->rest);
	sieve_free(peers->gone);
	free(peers->groups);
	free(peers->slots);
	free(peers);
}

static void *copy_list(const void *from, unsigned int count, size_t size)
{
	unsigned int room = 1;

	while (room < count)
		room *= 2;
	return count > 0 ? memcpy(xreallocarray(NULL, room, size), from, count * size) : NULL;
}

static void *copy_array(const void *from, size_t count, size_t size)
{
	return count > 0 ? memcpy(xreallocarray(NULL, count, size), from, count * size) : NULL;
}

static void own_further(struct peers_identity *identity)
{
	struct peers_further *further = copy_array(identity->further, identity->further != NULL, sizeof(*further));

	for (unsigned int i = 0; further != NULL && i < PEERS_TEXT_NUM; i++)
		if (further->text[i] != NULL)
			further->text[i] = xstrdup(further->text[i]);
	identity->further = further;
}

static void copy_group(struct peers_group *to, const struct peers_group *from)
{
	*to = *from;
	for (unsigned int s = 0; s < PEERS_SPREAD_NUM; s++)
		distribution_copy(&to->spreads[s], &from->spreads[s]);
	own_further(&to->identity);
	to->pids = copy_list(from->pids, from->pid_count, sizeof(*from->pids));
	to->comms = copy_list(from->comms, from->comm_count, sizeof(*from->comms));
}

struct peers *peers_copy(const struct peers *peers)
{
	struct peers *copy = xmalloc(sizeof(*copy));

	*copy = *peers;
	copy->capacity = peers->count;
	copy->groups = peers->count > 0 ? xcalloc(peers->count, sizeof(*peers->groups)) : NULL;
	copy->slots = copy_array(peers->slots, peers->slot_count, sizeof(*peers->slots));
	copy->gone = sieve_copy(peers->gone);
	for (size_t i = 0; i < copy->count; i++)
		copy_group(&copy->groups[i], &peers->groups[i]);
	if (peers->rest != NULL) {
		copy->rest = xmalloc(sizeof(*copy->rest));
		copy_group(copy->rest, peers->rest);
	}
	return copy;
}

static void begin_group(struct peers_group *group)
{
	memset(group, 0, sizeof(*group));
	group->first_ns = group->last_ns = CONN_UNKNOWN;
}

/* The table is full: fold the lightest groups into the rest. */
static void shrink(struct peers *peers)
{
	bool *light = peers_lightest(peers->groups, peers->count);
	size_t kept = 0;

	if (peers->rest == NULL) {
		peers->rest = xmalloc(sizeof(*peers->rest));
		begin_group(peers->rest);
		peers->rest->other = true;
		peers->gone = sieve_new(2 * peers->groups_max);
	}
	for (size_t i = 0; i < peers->count; i++) {
		struct peers_group *group = &peers->groups[i];

		if (light[i]) {
			peers_merge(peers->rest, group, &peers->exact_budget);
			sieve_add(peers->gone, hash_identity(peers, &group->identity));
			clear_group(peers, group);
		} else {
			peers->groups[kept++] = *group;
		}
	}
	peers->count = kept;
	resize_slots(peers, peers->slot_count);
	free(light);
}

/* NULL when the table is full. */
static struct peers_group *find_group(struct peers *peers, const struct peers_identity *identity)
{
	struct peers_group *group;
	uint32_t *slot = find_slot(peers, identity);

	if (*slot != NO_GROUP)
		return &peers->groups[*slot];
	if (peers->count == peers->groups_max && !peers->keeps_rest)
		return NULL;
	if (peers->count == peers->groups_max) {
		shrink(peers);
		slot = find_slot(peers, identity);
	}
	peers->groups = array_reserve(peers->groups, peers->count, &peers->capacity, sizeof(*peers->groups));
	*slot = (uint32_t)peers->count;
	group = &peers->groups[peers->count++];
	begin_group(group);
	group->identity = *identity;
	group->partial = sieve_has(peers->gone, hash_identity(peers, identity));
	own_further(&group->identity);
	if (peers->count * 2 > peers->slot_count)
		resize_slots(peers, peers->slot_count * 2);
	return group;
}

/* Return: whether the value is part of what is known. */
static bool add_to(struct peers_sum *sum, int64_t value)
{
	bool is_known = value >= 0 && !__builtin_add_overflow(sum->known, value, &sum->known);

	sum->unknown += !is_known;
	return is_known;
}

static void add_total(struct peers_group *group, enum peers_total total, int64_t value)
{
	group->totals_known |= (uint32_t)add_to(&group->totals[total], value) << total;
}

/* Whether it was established after a retransmission. A handshake before the run does not count. */
static int64_t established_after_resent(const struct conn *conn, int32_t resent)
{
	if (conn->result != RESULT_OK || (resent < 0 && conn->seen & SEEN_EXISTING))
		return 0;
	return resent < 0 ? CONN_UNKNOWN : resent > 0;
}

/* A member whose time is unknown, though it has one by @has, may be the worst of all. */
static void add_spread(struct peers *peers, struct peers_group *group, enum peers_spread spread, int64_t value,
		       bool has)
{
	if (value >= 0)
		distribution_add(&group->spreads[spread], &peers->exact_budget, value);
	else
		group->spreads_unknown[spread] += has;
}

/* Whether its handshake finished within the run. With packets alone this requires a SYN among them. */
static bool established_here(const struct conn *conn)
{
	bool seen_by_host = conn->seen & (SEEN_CALLS | SEEN_KERNEL | SEEN_BPF | SEEN_AUDIT | SEEN_PERF);

	return conn->result == RESULT_OK && !(conn->seen & SEEN_EXISTING) &&
	       (seen_by_host || conn->syn_rtx >= 0 || conn->synack_rtx >= 0);
}

static bool was_called(const struct conn *conn)
{
	return conn->dir == DIR_OUT && conn->result != RESULT_PENDING && conn->seen & (SEEN_CALLS | SEEN_AUDIT) &&
	       !(conn->seen & SEEN_EXISTING);
}

bool peers_has_spread(const struct conn *conn, enum peers_spread spread)
{
	switch (spread) {
	case PEERS_HS:
		return established_here(conn);
	case PEERS_QUEUE:
		return established_here(conn) && conn->dir == DIR_IN;
	case PEERS_CONNECT:
		return was_called(conn);
	case PEERS_RTT:
		return conn->result == RESULT_OK;
	case PEERS_TLS:
		return conn->tls != NULL && conn->tls->hello_ns >= 0;
	case PEERS_FIRST:
		/* With packets, the other side has not answered, or has spoken first. */
		return conn->result == RESULT_OK && (conn->rx_pkts < 0 || conn->tx_pkts < 0);
	default:
		return false;
	}
}

/* Values that count once, in the slice in which they become known, or else in that of the attempt. */
static void count_waits(struct peers *peers, struct peers_group *group, const struct conn *conn)
{
	bool is_new = !(conn->reported & REPORTED_ATTEMPT);

	if (!(conn->reported & REPORTED_HS)) {
		add_total(group, PEERS_HS_TIME, conn->hs_ns);
		add_spread(peers, group, PEERS_HS, conn->hs_ns, is_new && peers_has_spread(conn, PEERS_HS));
	}
	if (!(conn->reported & REPORTED_QUEUE)) {
		add_total(group, PEERS_QUEUE_TIME, conn->queue_ns);
		add_spread(peers, group, PEERS_QUEUE, conn->queue_ns, is_new && peers_has_spread(conn, PEERS_QUEUE));
	}
	if (is_new) {
		add_total(group, PEERS_CONNECT_TIME, conn->connect_ns);
		add_spread(peers, group, PEERS_CONNECT, conn->connect_ns, peers_has_spread(conn, PEERS_CONNECT));
	}
	if (!(conn->reported & REPORTED_FIRST)) {
		add_total(group, PEERS_FIRST_TIME, conn->first_answer_ns);
		add_spread(peers, group, PEERS_FIRST, conn->first_answer_ns,
			   is_new && peers_has_spread(conn, PEERS_FIRST));
	}
	if (conn->tls != NULL && !(conn->reported & REPORTED_TLS))
		add_spread(peers, group, PEERS_TLS, clock_span(conn->tls->hello_ns, conn->tls->data_ns),
			   is_new && peers_has_spread(conn, PEERS_TLS));
	add_spread(peers, group, PEERS_RTT, conn->rtt_ns, peers_has_spread(conn, PEERS_RTT));
}

static void count_attempt(struct peers_group *group, const struct conn *conn)
{
	group->conns++;
	group->results[conn->result]++;
	add_total(group, PEERS_DUP_SYN, established_after_resent(conn, conn->syn_rtx));
	add_total(group, PEERS_DUP_SYNACK, established_after_resent(conn, conn->synack_rtx));
	add_total(group, PEERS_OLDER, conn->result == RESULT_OK && conn->seen & SEEN_EXISTING);
	add_total(group, PEERS_SYN_RTX, conn->syn_rtx);
	add_total(group, PEERS_SYNACK_RTX, conn->synack_rtx);
	if (conn->start_ns >= 0 && (group->first_ns < 0 || conn->start_ns < group->first_ns))
		group->first_ns = conn->start_ns;
}

static void count_member(struct peers *peers, struct peers_group *group, const struct conn *conn)
{
	group->open += conn->open != 0;
	group->why |= conn->why;
	if (!(conn->reported & REPORTED_ATTEMPT))
		count_attempt(group, conn);
	add_total(group, PEERS_RETRANS, columns_retrans(conn));
	add_total(group, PEERS_RX_BYTES, conn->rx_bytes);
	add_total(group, PEERS_TX_BYTES, conn->tx_bytes);
	add_total(group, PEERS_RX_LEAST, conn->rx_least);
	add_total(group, PEERS_TX_LEAST, conn->tx_least);
	add_total(group, PEERS_RX_PKTS, conn->rx_pkts);
	add_total(group, PEERS_TX_PKTS, conn->tx_pkts);
	add_total(group, PEERS_RX_WIRE, conn->rx_wire);
	add_total(group, PEERS_TX_WIRE, conn->tx_wire);
	count_waits(peers, group, conn);
	group->durations += add_to(&group->duration, columns_duration(conn));
	if (conn->end_ns > group->last_ns)
		group->last_ns = conn->end_ns;
	if (conn->process != NULL) {
		peers_remember_pid(group, conn->process->pid);
		peers_remember_comm(group, conn->process->comm);
	}
}

static bool has_group_key(const struct peers_keys *keys)
{
	return keys->groups != NULL && memchr(keys->key, PEERS_KEY_GROUP, keys->count) != NULL;
}

/* Find the groups of a connection, and count it there if @count. */
static bool each_group(struct peers *peers, const struct conn *conn, bool count)
{
	uint64_t mask = has_group_key(&peers->keys) ? groups_match(peers->keys.groups, conn) : 0;
	struct peers_identity identity;
	struct peers_further further;
	bool complete = true;

	peers_identify(&identity, peers->has_further ? &further : NULL, &peers->keys, conn);
	do {
		struct peers_group *group;

		/* Bit N is group number N, which is written as N + 1. */
		identity.group = (uint8_t)__builtin_ffsll((long long)mask);
		mask &= mask - 1;
		group = find_group(peers, &identity);
		if (group != NULL && count)
			count_member(peers, group, conn);
		complete = complete && group != NULL;
	} while (mask != 0);
	return complete;
}

bool peers_add(struct peers *peers, const struct conn *conn)
{
	return each_group(peers, conn, true);
}

bool peers_reserve(struct peers *peers, const struct conn *conn)
{
	return each_group(peers, conn, false);
}

void peers_reserve_groups(struct peers *peers)
{
	struct peers_identity identity;

	memset(&identity, 0, sizeof(identity));
	for (size_t i = 0; peers->keys.groups != NULL && i < groups_count(peers->keys.groups); i++) {
		identity.group = (uint8_t)(i + 1);
		find_group(peers, &identity);
	}
}

size_t peers_count(const struct peers *peers)
{
	return peers->count;
}

struct peers_group *peers_group(struct peers *peers, size_t index)
{
	return &peers->groups[index];
}

struct peers_group *peers_rest(struct peers *peers)
{
	return peers->rest;
}

uint64_t peers_partial(const struct peers *peers)
{
	uint64_t count = 0;

	for (size_t i = 0; peers->gone != NULL && i < peers->count; i++)
		count += peers->groups[i].partial;
	return count;
}

int64_t peers_total(const struct peers_group *group, enum peers_total total)
{
	return group->totals[total].unknown == 0 ? group->totals[total].known : CONN_UNKNOWN;
}

int64_t peers_known(const struct peers_group *group, enum peers_total total)
{
	const struct peers_sum *sum = &group->totals[total];

	return sum->unknown == 0 || group->totals_known >> total & 1 ? sum->known : CONN_UNKNOWN;
}

int64_t peers_failures(const struct peers_group *group)
{
	uint64_t failures = 0;

	for (unsigned int i = 0; i < RESULT_NUM; i++)
		failures += conn_has_failed(i) ? group->results[i] : 0;
	return (int64_t)failures;
}

int64_t peers_duration(const struct peers_group *group)
{
	return group->durations > 0 ? group->duration.known / (int64_t)group->durations : CONN_UNKNOWN;
}

int64_t peers_rate(const struct peers_group *group)
{
	int64_t span = clock_span(group->first_ns, group->last_ns);

	if (span <= 0)
		return CONN_UNKNOWN;
	return clock_rate(group->conns, span);
}
