/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_PEERS_KEYS_H
#define CONNTRACE_TRACK_PEERS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/conn.h"
#include "track/groups.h"

/* The keys of groups of connections. */

/** enum peers_key - by what connections can be grouped (option --by) */
enum peers_key {
	/** address of the other side */
	PEERS_KEY_PEER,
	PEERS_KEY_DIR,
	/** port of the service */
	PEERS_KEY_PORT,
	PEERS_KEY_PID,
	PEERS_KEY_COMM,
	PEERS_KEY_EXE,
	PEERS_KEY_UID,
	/** grouped as uid, shown by name */
	PEERS_KEY_USER,
	PEERS_KEY_LPORT,
	PEERS_KEY_RPORT,
	PEERS_KEY_NETNS,
	PEERS_KEY_PROTO,
	/** network of the other side */
	PEERS_KEY_CIDR,
	PEERS_KEY_RESULT,
	/** name that the opener requested */
	PEERS_KEY_HOST,
	/** a group of --group; a connection counts in each of its groups */
	PEERS_KEY_GROUP,
	/** address of the traced side */
	PEERS_KEY_LADDR,
	/** address of the side that was connected to, and of the side that opened */
	PEERS_KEY_SERVER,
	PEERS_KEY_CLIENT,
	/** control group of the process, the unit and the container it names, and name of the parent */
	PEERS_KEY_CGROUP,
	PEERS_KEY_UNIT,
	PEERS_KEY_CONTAINER,
	PEERS_KEY_PARENT,
	/** name of the other side, by answers of DNS */
	PEERS_KEY_NAME,
	PEERS_KEY_NUM
};

/** enum peers_text - keys that are text of any length */
enum peers_text {
	PEERS_TEXT_EXE,
	PEERS_TEXT_HOST,
	PEERS_TEXT_CGROUP,
	PEERS_TEXT_UNIT,
	PEERS_TEXT_CONTAINER,
	PEERS_TEXT_PARENT,
	PEERS_TEXT_NAME,
	PEERS_TEXT_NUM
};

/**
 * struct peers_keys - the keys in their order
 * @key: enum peers_key
 * @count: how many
 * @cidr_bits: prefix length of PEERS_KEY_CIDR
 * @groups: for PEERS_KEY_GROUP; borrowed; NULL: there are none
 */
struct peers_keys {
	uint8_t key[PEERS_KEY_NUM];
	unsigned int count;
	unsigned int cidr_bits;
	const struct groups *groups;
};

/** The keys of the report groups. */
#define PEERS_KEYS_GROUPS ((struct peers_keys){.key = {PEERS_KEY_GROUP}, .count = 1})

/** Default of --by. */
#define PEERS_KEYS_DEFAULT "peer,dir,port"

/**
 * peers_parse_keys() - the operand of --by
 * @text: names of keys, separated by commas; "cidr" has its prefix length: "cidr/24"
 * @keys: set on success only
 *
 * Return: 0, or -EINVAL with the message in @err: an unknown name, a repeated one, a prefix outside 0 to 128.
 */
int peers_parse_keys(const char *text, struct peers_keys *keys, struct err *err);

/** peers_key_name() - "peer", "dir", ... */
const char *peers_key_name(enum peers_key key);

/**
 * struct peers_further - keys that are rarely asked for; zero if they are none, or unknown
 * @laddr: address of the traced side, without port
 * @server: address of the side that was connected to, without port; unknown without a direction
 * @client: address of the side that opened, likewise
 * @network: the other side's address with only the first cidr_bits kept
 * @text: by enum peers_text: raw bytes, owned by the group
 */
struct peers_further {
	struct endpoint laddr;
	struct endpoint server;
	struct endpoint client;
	struct endpoint network;
	char *text[PEERS_TEXT_NUM];
};

/**
 * struct peers_identity - what the members of a group have in common
 *
 * Fields that are no keys, and unknown ones, are zero (texts NULL); an unknown @uid is -1 (as uid_t). It is hashed and
 * compared as bytes up to the last one that is a key, so the usual keys come first. The others are kept apart, because
 * there may be many rows.
 *
 * @peer: its port is always 0
 * @port: of the service
 * @dir: enum conn_dir
 * @group: number of the group plus one, 0 none
 * @proto: IPPROTO_TCP
 * @result: enum conn_result
 * @network_bits: how many bits of the network count
 * @known_network: 1 when the other side's address, and so its network, is known; a network may be all zero
 * @lport: local port
 * @rport: remote port
 * @pid: thread group id
 * @uid: of the socket, else of the process
 * @netns: inode
 * @comm: raw bytes, "" unknown
 * @further: NULL if no key is there; see peers_further()
 */
struct peers_identity {
	struct endpoint peer;
	uint16_t port;
	uint8_t dir;
	uint8_t group;
	uint8_t proto;
	uint8_t result;
	uint8_t network_bits;
	uint8_t known_network;
	uint16_t lport;
	uint16_t rport;
	int32_t pid;
	uint32_t uid;
	uint32_t netns;
	char comm[16];
	struct peers_further *further;
};

/** peers_identity_bytes() - how many bytes at the begin of an identity hold the keys that are not kept apart */
size_t peers_identity_bytes(const struct peers_keys *keys);

/** peers_has_further() - whether some key is in struct peers_further */
bool peers_has_further(const struct peers_keys *keys);

/**
 * peers_identify() - the identity of a connection
 * @identity: its texts are those of @conn, its group is 0
 * @further: what @identity refers to, NULL if peers_has_further() is false
 */
void peers_identify(struct peers_identity *identity, struct peers_further *further, const struct peers_keys *keys,
		    const struct conn *conn);

/** peers_further() - the keys that are kept apart; all unknown where none of them is a key */
const struct peers_further *peers_further(const struct peers_identity *identity);

#endif
