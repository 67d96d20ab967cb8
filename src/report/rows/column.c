// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/column.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/table.h"
#include "model/columns.h"
#include "report/rows/community_id.h"
#include "report/rows/errno_text.h"
#include "track/suspicious.h"

/*
 * columns.def becomes one getter per column and the tables of columns. The GET_
 * macros turn the last part of a line into a value of the column's type.
 */

static int64_t column_not_zero(int64_t number)
{
	return number != 0 ? number : CONN_UNKNOWN;
}

static int64_t column_uid(uid_t uid)
{
	return uid != (uid_t)-1 ? (int64_t)uid : CONN_UNKNOWN;
}

static int64_t column_pid(const struct process *process)
{
	return process->pid > 0 ? process->pid : CONN_UNKNOWN;
}

static const char *column_proto(uint8_t proto, struct value *value)
{
	if (proto == IPPROTO_TCP)
		return "tcp";
	if (proto == FLOW_PROTO_MPTCP)
		return "mptcp";
	snprintf(value->buffer, sizeof(value->buffer), "%u", proto);
	return proto != 0 ? value->buffer : NULL;
}

static const char *column_icmp(const struct conn *conn, struct value *value)
{
	if (conn->icmp_version == 0)
		return NULL;
	snprintf(value->buffer, sizeof(value->buffer), "%u:%u/%u", conn->icmp_version, conn->icmp_type,
		 conn->icmp_code);
	return value->buffer;
}

static const char *column_community_id(const struct conn *conn, struct value *value)
{
	_Static_assert(sizeof(value->buffer) >= COMMUNITY_ID_TEXT, "a community id fits in a value");
	return community_id(&conn->flow, value->buffer);
}

static const char *column_network(const struct peers_identity *identity, struct value *value)
{
	char ip[ENDPOINT_TEXT];

	_Static_assert(sizeof(value->buffer) >= ENDPOINT_TEXT + 4, "an address and its prefix length fit in a value");
	if (!identity->known_network)
		return NULL;
	snprintf(value->buffer, sizeof(value->buffer), "%s/%u", endpoint_ip_text(&peers_further(identity)->network, ip),
		 identity->network_bits);
	return value->buffer;
}

/* A user without a name, or whose name did not come in time, is shown by number. */
static const char *column_user(struct names *names, uint32_t uid, struct value *value)
{
	const char *name = names_user(names, uid);

	if (name != NULL || uid == (uint32_t)-1)
		return name;
	snprintf(value->buffer, sizeof(value->buffer), "%" PRIu32, uid);
	return value->buffer;
}

/* NULL means all. */
static const char *column_all(const struct requests_node *node, const char *name)
{
	return name != NULL ? name : node->other ? NULL : "*";
}

/* Without a response it is unknown whether none was sent or none was seen. */
static int64_t column_answers(const struct requests_node *node, uint64_t number)
{
	return node->answers > 0 ? (int64_t)number : CONN_UNKNOWN;
}

const char *column_message_kind(uint8_t kind)
{
	static const char *const words[] = {[MESSAGE_HTTP_REQUEST] = "request",
					    [MESSAGE_HTTP_RESPONSE] = "answer",
					    [MESSAGE_TLS_HELLO] = "hello",
					    [MESSAGE_TLS_ANSWER] = "server-hello",
					    [MESSAGE_TLS_DATA] = "data"};
	TABLE_COVERS(words, MESSAGE_KIND_NUM);

	return kind < MESSAGE_KIND_NUM ? words[kind] : NULL;
}

/* A figure of the members where it is known; with unknown ones it is only a part. */
static int64_t column_known(struct value *value, int64_t figure, uint64_t unknown)
{
	if (unknown == 0)
		return figure;
	value->of_rest = figure;
	return CONN_UNKNOWN;
}

/* A terminal shows the least number of bytes with a plus sign when the exact one is unknown. */
static int64_t column_bytes(struct value *value, int64_t exact, int64_t least)
{
	if (exact < 0)
		value->of_rest = least;
	return exact;
}

static int64_t column_sum_bytes(struct value *value, const struct peers_group *group, enum peers_total exact,
				enum peers_total least)
{
	return column_bytes(value, peers_total(group, exact), peers_known(group, least));
}

static int64_t column_sum(struct value *value, const struct peers_group *group, enum peers_total total)
{
	return column_known(value, peers_known(group, total), group->totals[total].unknown);
}

static int64_t column_median(struct value *value, struct peers_group *group, enum peers_spread spread)
{
	return column_known(value, distribution_median(&group->spreads[spread]), group->spreads_unknown[spread]);
}

static int64_t column_quantile(struct value *value, struct peers_group *group, enum peers_spread spread,
			       unsigned int percent)
{
	return column_known(value, distribution_quantile(&group->spreads[spread], percent),
			    group->spreads_unknown[spread]);
}

/* Sums and queues of an earlier moment are not those of the end. */
static bool column_is_current(const struct conn *conn)
{
	return conn->measures->is_current;
}

static int64_t column_scaled(int64_t value, int64_t factor)
{
	return value >= 0 && value <= INT64_MAX / factor ? value * factor : CONN_UNKNOWN;
}

#define column_held(conn, member) \
	(column_is_current(conn) ? column_scaled((conn)->measures->tcp.member, CLOCK_NS_PER_MS) : CONN_UNKNOWN)

/* "1.3"; versions without a name, as drafts, in hexadecimal */
static const char *column_tls_version(const struct conn_tls *tls, struct value *value)
{
	if (tls->version == 0)
		return NULL;
	if (tls->version == 0x300)
		return "ssl3";
	if (tls->version > 0x300 && tls->version <= 0x304)
		snprintf(value->buffer, sizeof(value->buffer), "1.%d", tls->version - 0x301);
	else
		snprintf(value->buffer, sizeof(value->buffer), "0x%04x", tls->version);
	return value->buffer;
}

static void get_number(struct value *value, int64_t number)
{
	value->known = number >= 0;
	value->number = number;
}

static void get_cookie(struct value *value, uint64_t cookie)
{
	value->known = cookie != 0;
	value->number = (int64_t)cookie;
}

static void get_text(struct value *value, const char *text)
{
	value->known = text != NULL && text[0] != '\0';
	value->text = text;
}

static void get_address(struct value *value, const struct endpoint *endpoint)
{
	value->known = endpoint_has_ip(endpoint);
	value->address = *endpoint;
}

static void get_list(struct value *value, const struct peers_group *group, unsigned int count)
{
	value->known = count > 0;
	value->group = group;
}

#define GET_TIME(expression) get_number(value, expression)
#define GET_SECONDS(expression) get_number(value, expression)
#define GET_MS(expression) get_number(value, expression)
#define GET_RATE(expression) get_number(value, expression)
#define GET_COUNT(expression) get_number(value, expression)
#define GET_FAILURES(expression) get_number(value, expression)
#define GET_NOTICE(expression) get_number(value, expression)
#define GET_BYTES(expression) get_number(value, expression)
#define GET_NUMBER(expression) get_number(value, expression)
#define GET_PORT(expression) get_number(value, column_not_zero(expression))
#define GET_COOKIE(expression) get_cookie(value, expression)
#define GET_ADDRESS(expression) get_address(value, &(expression))
#define GET_TEXT(expression) get_text(value, expression)
#define GET_OUTCOME(expression) get_text(value, expression)
#define GET_NAME(expression) get_text(value, expression)
#define GET_WORDS(expression) get_text(value, expression)
#define GET_NUMBERS(expression) get_list(value, expression, (expression)->pid_count)
#define GET_NAMES(expression) get_list(value, expression, (expression)->comm_count)

#define GETTER(kind, name, type, object, expression)                                               \
	static void kind##_##name(const struct row *row, struct names *names, struct value *value) \
	{                                                                                          \
		object = row->kind;                                                                \
		(void)names;                                                                       \
		(void)(kind);                                                                      \
		GET_##type(expression);                                                            \
	}

/* A key and a column of a group may share a name; their functions may not. */
#define CONN_COLUMN(name, type, unit, help, expression) GETTER(conn, name, type, const struct conn *conn, expression)
#define PART_COLUMN(part, name, type, unit, help, expression)                                    \
	static void conn_##name(const struct row *row, struct names *names, struct value *value) \
	{                                                                                        \
		const struct conn *conn = row->conn;                                             \
		(void)names;                                                                     \
		value->known = false;                                                            \
		if (conn->part != NULL)                                                          \
			GET_##type(expression);                                                  \
	}
#define KEY_COLUMN(name, type, unit, help, expression)                                                \
	static void group_KEY_##name(const struct row *row, struct names *names, struct value *value) \
	{                                                                                             \
		struct peers_group *group = row->group;                                               \
		(void)names;                                                                          \
		value->known = false;                                                                 \
		if (!group->other)                                                                    \
			GET_##type(expression);                                                       \
	}
#define GROUP_COLUMN(name, type, unit, help, expression) \
	GETTER(group, name, type, struct peers_group *group, expression)
#define TREE_COLUMN(name, type, unit, help, expression)                                          \
	static void node_##name(const struct row *row, struct names *names, struct value *value) \
	{                                                                                        \
		const struct requests *requests = row->requests;                                 \
		struct requests_node *node = row->node;                                          \
		(void)names;                                                                     \
		(void)requests;                                                                  \
		(void)node;                                                                      \
		GET_##type(expression);                                                          \
	}
#define MESSAGE_COLUMN(name, type, unit, help, expression)                                       \
	static void seen_##name(const struct row *row, struct names *names, struct value *value) \
	{                                                                                        \
		const struct message_seen *seen = row->seen;                                     \
		const struct message *message = seen->message;                                   \
		(void)names;                                                                     \
		(void)message;                                                                   \
		GET_##type(expression);                                                          \
	}
#include "report/rows/columns.def"

static const struct column conns[] = {
#define CONN_COLUMN(name, type, unit, help, expression) {#name, COLUMN_##type, unit, help, conn_##name, 0},
#define PART_COLUMN(part, name, type, unit, help, expression) \
	{#name, COLUMN_##type, unit, help, conn_##name, offsetof(struct conn, part)},
#include "report/rows/columns.def"
};

static const struct column keys[PEERS_KEY_NUM] = {
#define KEY_COLUMN(name, type, unit, help, expression) \
	[PEERS_KEY_##name] = {#name, COLUMN_##type, unit, help, group_KEY_##name, 0},
#include "report/rows/columns.def"
};

static const struct column groups[] = {
#define GROUP_COLUMN(name, type, unit, help, expression) {#name, COLUMN_##type, unit, help, group_##name, 0},
#include "report/rows/columns.def"
};

static const struct column tree[] = {
#define TREE_COLUMN(name, type, unit, help, expression) {#name, COLUMN_##type, unit, help, node_##name, 0},
#include "report/rows/columns.def"
};

static const struct column messages[] = {
#define MESSAGE_COLUMN(name, type, unit, help, expression) {#name, COLUMN_##type, unit, help, seen_##name, 0},
#include "report/rows/columns.def"
};

const struct column *column_messages(size_t *count)
{
	*count = sizeof(messages) / sizeof(messages[0]);
	return messages;
}

static const char *field_header(const char *name)
{
	return strcmp(name, MESSAGE_NAME_ALL) == 0 ? "FIELDS" : name;
}

static void get_field(const struct row *row, struct names *names, struct value *value)
{
	const struct message_seen *seen = row->seen;

	(void)names;
	get_text(value, NULL);
	for (unsigned int i = 0; i < seen->names->count && !redact_is_on(); i++)
		if (strcasecmp(field_header(seen->names->name[i]), value->column->name) == 0)
			get_text(value, seen->values.value[i]);
}

void column_fields_init(struct column_fields *fields, const struct message_names *names)
{
	memset(fields, 0, sizeof(*fields));
	for (unsigned int i = 0; i < names->count; i++) {
		const char *header = field_header(names->name[i]);

		for (size_t j = 0; header[j] != '\0'; j++)
			fields->name[i][j] = (char)toupper((unsigned char)header[j]);
		fields->column[i] = (struct column){fields->name[i], COLUMN_NAME, "", "", get_field, 0};
	}
}

const struct column *column_tree(size_t *count)
{
	*count = sizeof(tree) / sizeof(tree[0]);
	return tree;
}

const struct column *column_conns(size_t *count)
{
	*count = sizeof(conns) / sizeof(conns[0]);
	return conns;
}

const struct column *column_groups(size_t *count)
{
	*count = sizeof(groups) / sizeof(groups[0]);
	return groups;
}

const struct column *column_key(enum peers_key key)
{
	return &keys[key];
}

bool column_is_key(const struct column *column)
{
	/* HOST and PATH */
	return (column >= keys && column < keys + PEERS_KEY_NUM) || column == &tree[0] || column == &tree[1];
}

static const struct {
	const char *text;
	bool right;
} types[] = {
	[COLUMN_TIME] = {"time", false},     [COLUMN_SECONDS] = {"number", true},
	[COLUMN_MS] = {"number", true},      [COLUMN_RATE] = {"number", true},
	[COLUMN_COUNT] = {"integer", true},  [COLUMN_FAILURES] = {"integer", true},
	[COLUMN_NOTICE] = {"integer", true}, [COLUMN_BYTES] = {"integer", true},
	[COLUMN_NUMBER] = {"integer", true}, [COLUMN_PORT] = {"integer", true},
	[COLUMN_COOKIE] = {"string", true},  [COLUMN_ADDRESS] = {"string", false},
	[COLUMN_TEXT] = {"string", false},   [COLUMN_OUTCOME] = {"string", false},
	[COLUMN_NAME] = {"string", false},   [COLUMN_NUMBERS] = {"integers", false},
	[COLUMN_NAMES] = {"strings", false}, [COLUMN_WORDS] = {"strings", false},
};

TABLE_COVERS(types, COLUMN_TYPE_NUM);

const char *column_type_text(enum column_type type)
{
	return types[type].text;
}

bool column_is_right(enum column_type type)
{
	return types[type].right;
}
