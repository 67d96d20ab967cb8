// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "track/conn_filter.h"

static struct conn conn_of(enum conn_dir dir, const char *local, uint16_t lport, const char *remote, uint16_t rport)
{
	struct conn conn;

	conn_init(&conn);
	conn.dir = (uint8_t)dir;
	assert_int_equal(endpoint_parse(&conn.flow.local, local), 0);
	assert_int_equal(endpoint_parse(&conn.flow.remote, remote), 0);
	conn.flow.local.port = lport;
	conn.flow.remote.port = rport;
	return conn;
}

static void empty_filter_wants_everything(void **state)
{
	struct conn conn = conn_of(DIR_IN, "192.0.2.1", 80, "192.0.2.2", 40000);
	struct conn_filter filter = {0};

	(void)state;
	assert_true(conn_filter_is_empty(&filter));
	assert_true(conn_filter_match(&filter, &conn));
	conn_init(&conn);
	assert_true(conn_filter_match(&filter, &conn));
}

static void ports_are_numbers_ranges_and_names(void **state)
{
	struct conn conn = conn_of(DIR_IN, "192.0.2.1", 443, "192.0.2.2", 40000);
	struct conn_filter filter = {0};
	struct err err = {""};

	(void)state;
	assert_int_equal(conn_filter_parse_ports(&filter.lport, "https,8000-8080,!8010,1", &err), 0);
	assert_int_equal(filter.lport.count, 4);
	assert_true(conn_filter_match(&filter, &conn));
	conn.flow.local.port = 8080;
	assert_true(conn_filter_match(&filter, &conn));
	conn.flow.local.port = 8081;
	assert_false(conn_filter_match(&filter, &conn));
	conn.flow.local.port = 8010;
	assert_false(conn_filter_match(&filter, &conn));
	conn.flow.local.port = 0;
	assert_false(conn_filter_match(&filter, &conn));
	conn_filter_free(&filter);
	assert_true(conn_filter_is_empty(&filter));
}

static void exclusions_alone_want_the_rest(void **state)
{
	struct conn conn = conn_of(DIR_OUT, "192.0.2.1", 40000, "192.0.2.2", 22);
	struct conn_filter filter = {0};

	(void)state;
	assert_int_equal(conn_filter_parse_ports(&filter.rport, "!22,!100-200", NULL), 0);
	assert_false(conn_filter_match(&filter, &conn));
	conn.flow.remote.port = 200;
	assert_false(conn_filter_match(&filter, &conn));
	conn.flow.remote.port = 201;
	assert_true(conn_filter_match(&filter, &conn));
	conn.flow.remote.port = 0;
	assert_true(conn_filter_match(&filter, &conn));
	conn_filter_free(&filter);
}

static void refuses_ports(const char *list, const char *part)
{
	struct conn_filter_ports ports = {0};
	struct err err = {""};

	assert_int_equal(conn_filter_parse_ports(&ports, list, &err), -EINVAL);
	assert_int_equal(ports.count, 0);
	assert_null(ports.elements);
	if (strstr(err.text, part) == NULL)
		fail_msg("\"%s\" should say \"%s\", says \"%s\"", list, part, err.text);
}

static void bad_ports_are_refused(void **state)
{
	(void)state;
	refuses_ports("99999", "\"99999\" is not a port; allowed are 1 to 65535");
	refuses_ports("0", "\"0\" is not a port");
	refuses_ports("-1", "\"-1\" is not a port");
	refuses_ports("+80", "\"+80\" is not a port");
	refuses_ports("80-+90", "\"+90\" is not a port");
	refuses_ports("80,80x", "\"80x\" is not a port");
	refuses_ports("80-", "is not a port");
	refuses_ports("90-80", "\"90-80\" is an empty range");
	refuses_ports("80-99999", "\"99999\" is not a port");
	refuses_ports("80-90-100", "is not a port");
	refuses_ports("80,,81", "empty element");
	refuses_ports("!", "empty element");
	refuses_ports("", "empty element");
	refuses_ports("no-such-service", "\"no-such-service\" is neither");
	refuses_ports("111111111111111111111-2", "is not a port");
}

static void a_failed_list_changes_nothing(void **state)
{
	struct conn_filter_ports ports = {0};

	(void)state;
	assert_int_equal(conn_filter_parse_ports(&ports, "80", NULL), 0);
	assert_int_equal(conn_filter_parse_ports(&ports, "81,nonsense!", NULL), -EINVAL);
	assert_int_equal(ports.count, 1);
	assert_int_equal(conn_filter_parse_ports(&ports, "82", NULL), 0);
	assert_int_equal(ports.count, 2);
	assert_int_equal(ports.elements[1].range.low, 82);
	conn_filter_free(&(struct conn_filter){.lport = ports});
}

static void peers_are_networks(void **state)
{
	struct conn conn = conn_of(DIR_IN, "192.0.2.1", 80, "10.1.2.3", 40000);
	struct conn_filter filter = {0};

	(void)state;
	assert_int_equal(conn_filter_parse_nets(&filter.peer, "10.0.0.0/8,!10.1.2.4,2001:db8::/32", NULL), 0);
	assert_true(conn_filter_match(&filter, &conn));
	conn = conn_of(DIR_IN, "192.0.2.1", 80, "10.1.2.4", 40000);
	assert_false(conn_filter_match(&filter, &conn));
	conn = conn_of(DIR_IN, "192.0.2.1", 80, "11.0.0.0", 40000);
	assert_false(conn_filter_match(&filter, &conn));
	conn = conn_of(DIR_IN, "::1", 80, "2001:db8:ffff::1", 40000);
	assert_true(conn_filter_match(&filter, &conn));
	conn = conn_of(DIR_IN, "::1", 80, "2001:db9::1", 40000);
	assert_false(conn_filter_match(&filter, &conn));
	conn_filter_free(&filter);
	/* Everything of one family is not everything of the other. */
	assert_int_equal(conn_filter_parse_nets(&filter.peer, "0.0.0.0/0", NULL), 0);
	assert_false(conn_filter_match(&filter, &conn));
	conn = conn_of(DIR_IN, "192.0.2.1", 80, "11.0.0.0", 40000);
	assert_true(conn_filter_match(&filter, &conn));
	conn_filter_free(&filter);
}

static void refuses_nets(const char *list, const char *part)
{
	struct conn_filter_nets nets = {0};
	struct err err = {""};

	assert_int_equal(conn_filter_parse_nets(&nets, list, &err), -EINVAL);
	assert_int_equal(nets.count, 0);
	if (strstr(err.text, part) == NULL)
		fail_msg("\"%s\" should say \"%s\", says \"%s\"", list, part, err.text);
}

static void bad_networks_are_refused(void **state)
{
	(void)state;
	refuses_nets("192.0.2.0/33", "\"192.0.2.0/33\" has no prefix length that fits; allowed are /0 to /32");
	refuses_nets("2001:db8::/129", "allowed are /0 to /128");
	refuses_nets("192.0.2.0/", "prefix length");
	refuses_nets("192.0.2.0/-1", "prefix length");
	refuses_nets("10.1.2.3/8",
		     "\"10.1.2.3/8\" has host bits set; the network is 10.0.0.0/8, the address alone 10.1.2.3");
	refuses_nets("2001:db8::1/32", "the network is 2001:db8::/32");
	refuses_nets("192.0.2", "is not an IPv4 or IPv6 address");
	refuses_nets("example.org", "is not an IPv4 or IPv6 address");
	refuses_nets("192.0.2.1,", "empty element");
	refuses_nets("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/8", "is not an IPv4 or IPv6 address");
}

static void family_and_direction(void **state)
{
	struct conn four = conn_of(DIR_IN, "192.0.2.1", 80, "192.0.2.2", 40000);
	struct conn six = conn_of(DIR_OUT, "::1", 40000, "::1", 80);
	struct conn_filter filter = {.v4 = true};
	struct conn unknown;

	(void)state;
	conn_init(&unknown);
	assert_true(conn_filter_match(&filter, &four));
	assert_false(conn_filter_match(&filter, &six));
	assert_false(conn_filter_match(&filter, &unknown));
	filter.v6 = true;
	assert_true(conn_filter_match(&filter, &six));
	assert_true(conn_filter_match(&filter, &unknown));
	filter = (struct conn_filter){.dir = DIR_OUT};
	assert_false(conn_filter_match(&filter, &four));
	assert_true(conn_filter_match(&filter, &six));
	assert_false(conn_filter_match(&filter, &unknown));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_filter_wants_everything),  cmocka_unit_test(ports_are_numbers_ranges_and_names),
		cmocka_unit_test(exclusions_alone_want_the_rest), cmocka_unit_test(bad_ports_are_refused),
		cmocka_unit_test(a_failed_list_changes_nothing),  cmocka_unit_test(peers_are_networks),
		cmocka_unit_test(bad_networks_are_refused),       cmocka_unit_test(family_and_direction),
	};

	return UNIT_RUN(tests);
}
