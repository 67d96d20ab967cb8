// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "track/groups.h"

static struct conn conn_of(enum conn_dir dir, const char *remote, uint16_t port)
{
	struct conn conn;

	conn_init(&conn);
	conn.dir = (uint8_t)dir;
	assert_int_equal(endpoint_parse(&conn.flow.local, strchr(remote, ':') ? "2001:db8::1" : "192.0.2.1"), 0);
	assert_int_equal(endpoint_parse(&conn.flow.remote, remote), 0);
	conn.flow.local.port = dir == DIR_OUT ? 40000 : port;
	conn.flow.remote.port = dir == DIR_OUT ? port : 40000;
	return conn;
}

static const char *groups_of(struct groups *groups, enum conn_dir dir, const char *remote, uint16_t port)
{
	struct conn conn = conn_of(dir, remote, port);
	const char *text = groups_text(groups, groups_match(groups, &conn));

	return text != NULL ? text : "-";
}

static void add(struct groups *groups, const char *rule)
{
	struct err err = {""};

	if (groups_add(groups, rule, &err) != 0)
		fail_msg("%s: %s", rule, err.text);
}

static void rx_and_tx_always_exist(void **state)
{
	struct groups *groups = groups_new();

	(void)state;
	assert_int_equal(groups_count(groups), 2);
	assert_string_equal(groups_of(groups, DIR_IN, "192.0.2.7", 80), "RX");
	assert_string_equal(groups_of(groups, DIR_OUT, "2001:db8::7", 443), "TX");
	assert_string_equal(groups_of(groups, DIR_UNKNOWN, "192.0.2.7", 80), "-");
	groups_free(groups);
	groups_free(NULL);
}

static void the_port_is_the_service_and_the_address_the_remote(void **state)
{
	struct groups *groups = groups_new();

	(void)state;
	add(groups, "web:RX@*:80:https");
	add(groups, "db:tx@192.0.2.0/24:5432,[2001:db8::]/32:5432:6000-6010");
	add(groups, "six:In@[2001:db8:1::/48]:%");
	add(groups, "one:OUT@[2001:db8::7]:%");
	assert_string_equal(groups_of(groups, DIR_IN, "192.0.2.7", 80), "RX,web");
	assert_string_equal(groups_of(groups, DIR_IN, "192.0.2.7", 443), "RX,web");
	assert_string_equal(groups_of(groups, DIR_IN, "192.0.2.7", 81), "RX");
	/* 40000 is the other port of each. */
	add(groups, "other:RX@*:40000");
	assert_string_equal(groups_of(groups, DIR_IN, "192.0.2.7", 81), "RX");
	assert_string_equal(groups_of(groups, DIR_OUT, "192.0.2.255", 5432), "TX,db");
	assert_string_equal(groups_of(groups, DIR_OUT, "192.0.3.1", 5432), "TX");
	assert_string_equal(groups_of(groups, DIR_OUT, "192.0.2.1", 6000), "TX");
	assert_string_equal(groups_of(groups, DIR_IN, "192.0.2.1", 5432), "RX");
	assert_string_equal(groups_of(groups, DIR_OUT, "2001:db8::7", 6010), "TX,db,one");
	assert_string_equal(groups_of(groups, DIR_OUT, "2001:db8::8", 6011), "TX");
	assert_string_equal(groups_of(groups, DIR_IN, "2001:db8:1::1", 1), "RX,six");
	groups_free(groups);
}

static void two_rules_of_one_group_count_once(void **state)
{
	struct groups *groups = groups_new();

	(void)state;
	add(groups, "dup:TX@*:80:%,192.0.2.0/24:80");
	add(groups, "dup:TX@*:80");
	assert_int_equal(groups_count(groups), 3);
	assert_string_equal(groups_of(groups, DIR_OUT, "192.0.2.7", 80), "TX,dup");
	/* What is always there may be said. */
	add(groups, "RX:RX@*:*");
	assert_int_equal(groups_count(groups), 3);
	assert_string_equal(groups_of(groups, DIR_IN, "192.0.2.7", 80), "RX");
	groups_free(groups);
}

static void an_empty_name_excludes_wherever_it_stands(void **state)
{
	static const char *const rules[] = {":RX@192.0.2.7:*", "web:RX@*:80"};

	(void)state;
	for (int first = 0; first < 2; first++) {
		struct groups *groups = groups_new();

		add(groups, rules[first]);
		add(groups, rules[!first]);
		assert_int_equal(groups_count(groups), 3);
		assert_string_equal(groups_of(groups, DIR_IN, "192.0.2.7", 80), "-");
		assert_string_equal(groups_of(groups, DIR_OUT, "192.0.2.7", 80), "TX");
		assert_string_equal(groups_of(groups, DIR_IN, "192.0.2.8", 80), "RX,web");
		groups_free(groups);
	}
}

static void unknown_ends_match_no_list(void **state)
{
	struct groups *groups = groups_new();
	struct conn conn;

	(void)state;
	add(groups, "all:TX@*:*");
	add(groups, "v4:TX@0.0.0.0/0:*");
	add(groups, "ports:TX@*:1-65535");
	conn_init(&conn);
	conn.dir = DIR_OUT;
	assert_string_equal(groups_text(groups, groups_match(groups, &conn)), "TX,all");
	groups_free(groups);
}

static void wrong_rules_quote_the_word(void **state)
{
	static const struct {
		const char *rule;
		const char *part;
	} cases[] = {
		{"web", "NAME:DIR@ADDR:PORT"},
		{"", "NAME:DIR@ADDR:PORT"},
		{"web:RX", "no \"@\""},
		{"web:UP@*:80", "\"UP\" is not a direction"},
		{"web:@*:80", "\"\" is not a direction"},
		{"web:RX@", "\"\" is not ADDR:PORT"},
		{"web:RX@*", "\"*\" is not ADDR:PORT"},
		{"web:RX@:80", "\":80\" is not ADDR:PORT"},
		{"web:RX@*:", "\"*:\" has an empty port"},
		{"web:RX@*:80:", "has an empty port"},
		{"web:RX@*:80,", "\"\" is not ADDR:PORT"},
		{"web:RX@*:80,,*:81", "\"\" is not ADDR:PORT"},
		{"web:RX@*:0", "\"0\" is not a port"},
		{"web:RX@*:99999", "\"99999\" is not a port"},
		{"web:RX@*:90-80", "\"90-80\" is an empty range"},
		{"web:RX@*:no-such", "\"no-such\""},
		{"web:RX@10.9.0.2/24:80", "the network is 10.9.0.0/24"},
		{"web:RX@10.0.0.0/264:80", "\"10.0.0.0/264\""},
		{"web:RX@10.0.0.0/33:80", "/0 to /32"},
		{"web:RX@[2001:db8::1]/64:80", "has host bits set"},
		{"web:RX@fe80::1:80", "\"fe80\""},
		{"web:RX@[::1:80", "[::1"},
		{"web:RX@[]:80", "\"\" is not an IPv4"},
		{"web:RX@example.org:80", "\"example.org\""},
		{"a b:RX@*:80", "\"a b\" is not a name"},
		{"a,b:RX@*:80", "\"a,b\" is not a name"},
		{"-:RX@*:80", "\"-\" is not a name"},
		{"\033[31m:RX@*:80", "\"\\x1b[31m\" is not a name"},
		{"a234567890123456789012345678901234567890123456789012345678901234:RX@*:1", "is not a name"},
	};
	struct groups *groups = groups_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {""};

		assert_int_equal(groups_add(groups, cases[i].rule, &err), -EINVAL);
		if (strstr(err.text, cases[i].part) == NULL)
			fail_msg("%s: %s", cases[i].rule, err.text);
	}
	assert_int_equal(groups_count(groups), 2);
	groups_free(groups);
}

static void there_is_room_for_62_and_no_more(void **state)
{
	struct groups *groups = groups_new();
	struct err err = {""};
	char rule[32];

	(void)state;
	for (int i = 0; i < GROUPS_MAX - 2; i++) {
		snprintf(rule, sizeof(rule), "g%d:RX@*:80", i);
		add(groups, rule);
	}
	assert_int_equal(groups_add(groups, "more:RX@*:80", &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"more\""));
	add(groups, "g7:TX@*:80");
	assert_int_equal(strncmp(groups_of(groups, DIR_IN, "192.0.2.7", 80), "RX,g0,g1", 8), 0);
	groups_free(groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rx_and_tx_always_exist),
		cmocka_unit_test(the_port_is_the_service_and_the_address_the_remote),
		cmocka_unit_test(two_rules_of_one_group_count_once),
		cmocka_unit_test(an_empty_name_excludes_wherever_it_stands),
		cmocka_unit_test(unknown_ends_match_no_list),
		cmocka_unit_test(wrong_rules_quote_the_word),
		cmocka_unit_test(there_is_room_for_62_and_no_more),
	};

	return UNIT_RUN(tests);
}
