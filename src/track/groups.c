// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/groups.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/xalloc.h"
#include "model/network.h"
#include "model/port_range.h"

#define GROUP_RX 0
#define GROUP_TX 1
/** The number of "no group": a rule with an empty name. */
#define EXCLUDED GROUPS_MAX

/* One ADDR with one PORT; "*" is everything of its kind. */
struct rule {
	struct network network;
	struct port_range ports;
	bool any_address;
	uint8_t dir;
	uint8_t group;
};

/* A text that groups_text() has made; few different ones exist. */
struct combination {
	uint64_t mask;
	char *text;
};

struct groups {
	char *names[GROUPS_MAX];
	size_t count;
	struct rule *rules;
	size_t rule_count;
	struct combination *combinations;
	size_t combination_count;
};

struct groups *groups_new(void)
{
	struct groups *groups = xcalloc(1, sizeof(*groups));

	groups->names[GROUP_RX] = xstrdup("RX");
	groups->names[GROUP_TX] = xstrdup("TX");
	groups->count = 2;
	return groups;
}

void groups_free(struct groups *groups)
{
	if (groups == NULL)
		return;
	for (size_t i = 0; i < groups->count; i++)
		free(groups->names[i]);
	for (size_t i = 0; i < groups->combination_count; i++)
		free(groups->combinations[i].text);
	free(groups->combinations);
	free(groups->rules);
	free(groups);
}

/* Names are used in lists, in fields without blanks and before a colon. */
static int check_name(const char *name, struct err *err)
{
	bool wrong = strcmp(name, "-") == 0 || strlen(name) > GROUPS_NAME_MAX;

	for (const char *at = name; *at != '\0'; at++)
		wrong = wrong || *at == ',' || isspace((unsigned char)*at) || iscntrl((unsigned char)*at);
	if (!wrong)
		return 0;
	return err_set(err, EINVAL,
		       ERR_QUOTED " is not a name for a group; allowed are up to %d bytes without blanks and commas, "
				  "and not \"-\"",
		       name, GROUPS_NAME_MAX);
}

/* Return: the group's number, which is groups->count when the name is new, EXCLUDED for an empty one, or -EINVAL. */
static int find_name(const struct groups *groups, const char *name, struct err *err)
{
	int error = check_name(name, err);

	if (error != 0)
		return error;
	if (*name == '\0')
		return EXCLUDED;
	for (size_t i = 0; i < groups->count; i++)
		if (strcmp(groups->names[i], name) == 0)
			return (int)i;
	if (groups->count == GROUPS_MAX)
		return err_set(err, EINVAL, "\"%s\" is one group too many; there may be %d besides RX and TX", name,
			       GROUPS_MAX - 2);
	return (int)groups->count;
}

static int parse_dir(const char *word, uint8_t *dir, struct err *err)
{

	if (strcasecmp(word, "rx") == 0 || strcasecmp(word, "in") == 0) {
		*dir = DIR_IN;
		return 0;
	}
	if (strcasecmp(word, "tx") == 0 || strcasecmp(word, "out") == 0) {
		*dir = DIR_OUT;
		return 0;
	}
	return err_set(err, EINVAL, ERR_QUOTED " is not a direction; allowed are RX, TX, in and out", word);
}

static bool is_any(const char *word)
{
	return strcmp(word, "*") == 0 || strcmp(word, "%") == 0;
}

/* "[2001:db8::]/32" and "[2001:db8::/32]" are both written; network_parse() accepts brackets around an address only. */
static int parse_network(const char *word, struct network *network, struct err *err)
{
	char plain[2 * ENDPOINT_TEXT];
	size_t length = strlen(word);

	if (word[0] != '[' || word[length - 1] != ']' || length >= sizeof(plain))
		return network_parse(word, network, err);
	memcpy(plain, word + 1, length - 2);
	plain[length - 2] = '\0';
	return network_parse(plain, network, err);
}

/* The end of ADDR: the first colon that is not inside brackets. */
static char *end_of_address(char *element)
{
	char *close = element[0] == '[' ? strchr(element, ']') : NULL;

	return strchr(close != NULL ? close : element, ':');
}

/* The rules of one "ADDR:PORT[:PORT...]", appended to @rules. @rule has the group and the direction already. */
static int parse_element(char *element, struct rule rule, struct rule **rules, size_t *count, struct err *err)
{
	char *rest = end_of_address(element), *port, whole[128];
	int error = 0;

	snprintf(whole, sizeof(whole), "%s", element);
	if (*element == '\0' || rest == element || rest == NULL)
		return err_set(err, EINVAL, ERR_QUOTED " is not ADDR:PORT; * stands for any address or port", element);
	*rest++ = '\0';
	rule.any_address = is_any(element);
	if (!rule.any_address)
		error = parse_network(element, &rule.network, err);
	while (error == 0 && (port = strsep(&rest, ":")) != NULL) {
		rule.ports = (struct port_range){0, UINT16_MAX};
		if (*port == '\0')
			error = err_set(err, EINVAL, ERR_QUOTED " has an empty port; * stands for any", whole);
		else if (!is_any(port))
			error = port_range_parse(port, &rule.ports, err);
		*rules = array_extend(*rules, *count, sizeof(**rules));
		(*rules)[(*count)++] = rule;
	}
	return error;
}

static int parse_rule(const struct groups *groups, char *name, struct rule **rules, size_t *count, struct err *err)
{
	char *dir = strchr(name, ':'), *rest = dir != NULL ? strchr(dir, '@') : NULL, *element;
	struct rule rule = {.any_address = false};
	int error, number;

	if (rest == NULL)
		return err_set(err, EINVAL, "there is no %s; a rule is NAME:DIR@ADDR:PORT",
			       dir == NULL ? "\":\" behind the name" : "\"@\" behind the direction");
	*dir++ = '\0';
	*rest++ = '\0';
	number = find_name(groups, name, err);
	if (number < 0)
		return number;
	rule.group = (uint8_t)number;
	error = parse_dir(dir, &rule.dir, err);
	while (error == 0 && (element = strsep(&rest, ",")) != NULL)
		error = parse_element(element, rule, rules, count, err);
	return error;
}

int groups_add(struct groups *groups, const char *rule, struct err *err)
{
	char *copy = xstrdup(rule);
	struct rule *rules = NULL;
	size_t count = 0;
	int error = parse_rule(groups, copy, &rules, &count, err);

	if (error == 0 && rules != NULL) {
		/* parse_rule() has reduced the copy to the name. */
		if (rules[0].group == groups->count)
			groups->names[groups->count++] = xstrdup(copy);
		groups->rules = xreallocarray(groups->rules, groups->rule_count + count, sizeof(*rules));
		memcpy(groups->rules + groups->rule_count, rules, count * sizeof(*rules));
		groups->rule_count += count;
	} else {

		err_wrap(err, ERR_QUOTED, rule);
	}
	free(rules);
	free(copy);
	return error;
}

size_t groups_count(const struct groups *groups)
{
	return groups->count;
}

const char *groups_name(const struct groups *groups, size_t index)
{
	return groups->names[index];
}

static bool rule_matches(const struct rule *rule, const struct conn *conn, uint16_t port)
{
	if (rule->dir != conn->dir || !port_range_contains(&rule->ports, port))
		return false;
	return rule->any_address || network_contains(&rule->network, &conn->flow.remote);
}

uint64_t groups_match(const struct groups *groups, const struct conn *conn)
{
	uint64_t mask = UINT64_C(1) << (conn->dir == DIR_IN ? GROUP_RX : GROUP_TX);
	uint16_t port = conn_service_port(conn);

	if (conn->dir == DIR_UNKNOWN)
		return 0;
	for (size_t i = 0; i < groups->rule_count; i++) {
		if (!rule_matches(&groups->rules[i], conn, port))
			continue;
		if (groups->rules[i].group == EXCLUDED)
			return 0;
		mask |= UINT64_C(1) << groups->rules[i].group;
	}
	return mask;
}

const char *groups_text(struct groups *groups, uint64_t mask)
{
	char text[GROUPS_MAX * (GROUPS_NAME_MAX + 1) + 1], *end = text;

	if (mask == 0)
		return NULL;
	for (size_t i = 0; i < groups->combination_count; i++)
		if (groups->combinations[i].mask == mask)
			return groups->combinations[i].text;
	for (size_t i = 0; i < groups->count; i++) {
		if (!(mask >> i & 1))
			continue;
		if (end != text)
			*end++ = ',';
		end = stpcpy(end, groups->names[i]);
	}
	groups->combinations =
		array_extend(groups->combinations, groups->combination_count, sizeof(*groups->combinations));
	groups->combinations[groups->combination_count] = (struct combination){mask, xstrdup(text)};
	return groups->combinations[groups->combination_count++].text;
}
