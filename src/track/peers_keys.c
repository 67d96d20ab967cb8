// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/peers_keys.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"
#include "base/table.h"
#include "base/words.h"
#include "model/columns.h"

static const char *const key_names[] = {
	[PEERS_KEY_PEER] = "peer",     [PEERS_KEY_DIR] = "dir",
	[PEERS_KEY_PORT] = "port",     [PEERS_KEY_PID] = "pid",
	[PEERS_KEY_COMM] = "comm",     [PEERS_KEY_EXE] = "exe",
	[PEERS_KEY_UID] = "uid",       [PEERS_KEY_USER] = "user",
	[PEERS_KEY_LPORT] = "lport",   [PEERS_KEY_RPORT] = "rport",
	[PEERS_KEY_NETNS] = "netns",   [PEERS_KEY_PROTO] = "proto",
	[PEERS_KEY_CIDR] = "cidr",     [PEERS_KEY_RESULT] = "result",
	[PEERS_KEY_HOST] = "host",     [PEERS_KEY_GROUP] = "group",
	[PEERS_KEY_LADDR] = "laddr",   [PEERS_KEY_SERVER] = "server",
	[PEERS_KEY_CLIENT] = "client", [PEERS_KEY_CGROUP] = "cgroup",
	[PEERS_KEY_UNIT] = "unit",     [PEERS_KEY_CONTAINER] = "container",
	[PEERS_KEY_PARENT] = "parent", [PEERS_KEY_NAME] = "name",
};

TABLE_COVERS(key_names, PEERS_KEY_NUM);

/* Where a field of the identity ends. */
#define END(field) (offsetof(struct peers_identity, field) + sizeof(((struct peers_identity *)0)->field))

_Static_assert(END(comm) <= UINT8_MAX, "its end fits");

static const uint8_t key_ends[] = {
	[PEERS_KEY_PEER] = END(peer),
	[PEERS_KEY_DIR] = END(dir),
	[PEERS_KEY_PORT] = END(port),
	[PEERS_KEY_PID] = END(pid),
	[PEERS_KEY_COMM] = END(comm),
	[PEERS_KEY_EXE] = 0,
	[PEERS_KEY_UID] = END(uid),
	[PEERS_KEY_USER] = END(uid),
	[PEERS_KEY_LPORT] = END(lport),
	[PEERS_KEY_RPORT] = END(rport),
	[PEERS_KEY_NETNS] = END(netns),
	[PEERS_KEY_PROTO] = END(proto),
	[PEERS_KEY_CIDR] = END(known_network),
	[PEERS_KEY_RESULT] = END(result),
	[PEERS_KEY_HOST] = 0,
	[PEERS_KEY_GROUP] = END(group),
	[PEERS_KEY_LADDR] = 0,
	[PEERS_KEY_SERVER] = 0,
	[PEERS_KEY_CLIENT] = 0,
	[PEERS_KEY_CGROUP] = 0,
	[PEERS_KEY_UNIT] = 0,
	[PEERS_KEY_CONTAINER] = 0,
	[PEERS_KEY_PARENT] = 0,
	[PEERS_KEY_NAME] = 0,
};

TABLE_COVERS(key_ends, PEERS_KEY_NUM);

size_t peers_identity_bytes(const struct peers_keys *keys)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < keys->count; i++)
		if (key_ends[keys->key[i]] > bytes)
			bytes = key_ends[keys->key[i]];
	return bytes;
}

bool peers_has_further(const struct peers_keys *keys)
{
	for (unsigned int i = 0; i < keys->count; i++)
		if (key_ends[keys->key[i]] == 0 || keys->key[i] == PEERS_KEY_CIDR)
			return true;
	return false;
}

const struct peers_further *peers_further(const struct peers_identity *identity)
{
	static const struct peers_further none;

	return identity->further != NULL ? identity->further : &none;
}

const char *peers_key_name(enum peers_key key)
{
	return key_names[key];
}

static int parse_key(const char *word, struct peers_keys *keys, struct err *err)
{
	unsigned int key = 0;
	size_t length = strcspn(word, "/");
	int64_t bits;

	while (key < PEERS_KEY_NUM && (strncmp(word, key_names[key], length) != 0 || key_names[key][length] != '\0'))
		key++;
	if (key == PEERS_KEY_NUM || (key != PEERS_KEY_CIDR && word[length] == '/'))
		return err_set(err, EINVAL,
			       "--by knows no key " ERR_QUOTED
			       "; the keys are peer, dir, port, pid, comm, exe, uid, user, "
			       "lport, rport, netns, proto, cidr/N, result, host, group, laddr, server, client, "
			       "cgroup, unit, container, parent, name",
			       word);
	for (unsigned int i = 0; i < keys->count; i++)
		if (keys->key[i] == key)
			return err_set(err, EINVAL, "--by names the key " ERR_QUOTED " twice; once is enough",
				       key_names[key]);
	if (key == PEERS_KEY_CIDR) {
		if (word[length] != '/' || number_parse(word + length + 1, 0, 128, &bits) < 0)
			return err_set(err, EINVAL,
				       "--by key " ERR_QUOTED " needs a prefix length from 0 to 128, like cidr/24",
				       word);
		keys->cidr_bits = (unsigned int)bits;
	}
	keys->key[keys->count++] = (uint8_t)key;
	return 0;
}

int peers_parse_keys(const char *text, struct peers_keys *keys, struct err *err)
{
	struct peers_keys parsed = {.count = 0};
	struct words words = words_open(text);
	char *word;
	int ret = 0;

	while (ret == 0 && (word = words_next(&words)) != NULL)
		ret = parse_key(word, &parsed, err);
	words_close(&words);
	if (ret == 0)
		*keys = parsed;
	return ret;
}

/* The prefix length for this address: an IPv4 address has only 32 bits. */
static void identify_network(struct peers_identity *identity, const struct conn *conn, unsigned int bits)
{
	struct endpoint *network = &identity->further->network;

	if (!endpoint_has_ip(&conn->flow.remote))
		return;
	network->ip = conn->flow.remote.ip;
	if (endpoint_is_v4(network) && bits > 32)
		bits = 32;
	identity->known_network = 1;
	identity->network_bits = (uint8_t)bits;
	endpoint_mask(network, bits);
}

static void identify_process(struct peers_identity *identity, enum peers_key key, const struct process *process)
{
	if (key == PEERS_KEY_PID)
		identity->pid = process->pid > 0 ? process->pid : 0;
	else if (key == PEERS_KEY_COMM)
		memcpy(identity->comm, process->comm, strnlen(process->comm, sizeof(identity->comm)));
	else if (key == PEERS_KEY_EXE)
		identity->further->text[PEERS_TEXT_EXE] = process->exe;
	else if (key == PEERS_KEY_CGROUP)
		identity->further->text[PEERS_TEXT_CGROUP] = process->cgroup;
	else if (key == PEERS_KEY_UNIT)
		identity->further->text[PEERS_TEXT_UNIT] = process->unit;
	else if (key == PEERS_KEY_CONTAINER)
		identity->further->text[PEERS_TEXT_CONTAINER] = process->container;
	else if (key == PEERS_KEY_PARENT && process->parent[0] != '\0')
		identity->further->text[PEERS_TEXT_PARENT] = (char *)(uintptr_t)process->parent;
}

static void identify_address(struct peers_identity *identity, enum peers_key key, const struct conn *conn)
{
	if (key == PEERS_KEY_PEER)
		identity->peer.ip = conn->flow.remote.ip;
	else if (key == PEERS_KEY_LADDR)
		identity->further->laddr.ip = conn->flow.local.ip;
	else if (key == PEERS_KEY_SERVER)
		identity->further->server.ip = conn_server(conn)->ip;
	else if (key == PEERS_KEY_CLIENT)
		identity->further->client.ip = conn_client(conn)->ip;
}

static void identify_port(struct peers_identity *identity, enum peers_key key, const struct conn *conn)
{
	if (key == PEERS_KEY_PORT)
		identity->port = conn_service_port(conn);
	else if (key == PEERS_KEY_LPORT)
		identity->lport = conn->flow.local.port;
	else if (key == PEERS_KEY_RPORT)
		identity->rport = conn->flow.remote.port;
}

void peers_identify(struct peers_identity *identity, struct peers_further *further, const struct peers_keys *keys,
		    const struct conn *conn)
{
	memset(identity, 0, sizeof(*identity));
	if (further != NULL)
		memset(further, 0, sizeof(*further));
	identity->further = further;
	for (unsigned int i = 0; i < keys->count; i++) {
		enum peers_key key = (enum peers_key)keys->key[i];

		switch (key) {
		case PEERS_KEY_PEER:
		case PEERS_KEY_LADDR:
		case PEERS_KEY_SERVER:
		case PEERS_KEY_CLIENT:
			identify_address(identity, key, conn);
			break;
		case PEERS_KEY_PORT:
		case PEERS_KEY_LPORT:
		case PEERS_KEY_RPORT:
			identify_port(identity, key, conn);
			break;
		case PEERS_KEY_PID:
		case PEERS_KEY_COMM:
		case PEERS_KEY_EXE:
		case PEERS_KEY_CGROUP:
		case PEERS_KEY_UNIT:
		case PEERS_KEY_CONTAINER:
		case PEERS_KEY_PARENT:
			if (conn->process != NULL)
				identify_process(identity, key, conn->process);
			break;
		case PEERS_KEY_UID:
		case PEERS_KEY_USER:
			identity->uid = columns_uid(conn);
			break;
		case PEERS_KEY_DIR:
			identity->dir = conn->dir;
			break;
		case PEERS_KEY_NETNS:
			identity->netns = conn->flow.netns;
			break;
		case PEERS_KEY_PROTO:
			identity->proto = conn->proto;
			break;
		case PEERS_KEY_CIDR:
			identify_network(identity, conn, keys->cidr_bits);
			break;
		case PEERS_KEY_RESULT:
			identity->result = conn->result;
			break;
		case PEERS_KEY_HOST:
			identity->further->text[PEERS_TEXT_HOST] = conn->host;
			break;
		case PEERS_KEY_NAME:
			identity->further->text[PEERS_TEXT_NAME] = conn->name;
			break;
		case PEERS_KEY_GROUP: /* several: see peers_add() */
		case PEERS_KEY_NUM:
			break;
		}
	}
}
