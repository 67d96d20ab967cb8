// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "track/distribution.h"
#include "track/peers.h"
#include "track/requests.h"

#if defined(__SANITIZE_ADDRESS__)
static const bool sanitized = true;
#elif defined(__has_feature)
static const bool sanitized = __has_feature(address_sanitizer);
#else
static const bool sanitized = false;
#endif

static struct endpoint at(const char *ip, uint16_t port)
{
	struct endpoint endpoint;

	assert_int_equal(endpoint_parse(&endpoint, ip), 0);
	endpoint.port = port;
	return endpoint;
}

static struct conn incoming(const char *peer, uint16_t port)
{
	struct conn conn;

	conn_init(&conn);
	conn.flow.local = at("192.0.2.1", 80);
	conn.flow.remote = at(peer, port);
	conn.dir = DIR_IN;
	conn.result = RESULT_OK;
	conn.open = 0;
	return conn;
}

/* RX and TX. */
static struct groups *groups;

static struct peers *by(const char *text)
{
	struct peers_keys keys;
	struct err err = {""};

	assert_int_equal(peers_parse_keys(text, &keys, &err), 0);
	keys.groups = groups;
	return peers_new(&keys, PEERS_GROUPS_MAX);
}

static void a_distribution_is_exact_within_its_budget(void **state)
{
	struct distribution d = {0};
	int64_t budget = 1000;

	(void)state;
	assert_int_equal(distribution_median(&d), -1);
	assert_int_equal(distribution_quantile(&d, 95), -1);
	distribution_add(&d, &budget, 7);
	assert_int_equal(distribution_median(&d), 7);
	assert_int_equal(distribution_quantile(&d, 95), 7);
	distribution_add(&d, &budget, 10);
	assert_int_equal(distribution_median(&d), 8);
	distribution_add(&d, &budget, 3);
	assert_int_equal(distribution_median(&d), 7);
	assert_int_equal(distribution_quantile(&d, 100), 10);
	/* Added to after it was asked. */
	for (int i = 4; i <= 100; i++)
		distribution_add(&d, &budget, 1000 + i);
	assert_int_equal(d.count, 100);
	assert_int_equal(distribution_quantile(&d, 1), 3);
	assert_int_equal(distribution_quantile(&d, 3), 10);
	assert_int_equal(distribution_quantile(&d, 95), 1095);
	assert_int_equal(distribution_median(&d), 1050);
	assert_int_equal(budget, 1000 - 128);
	distribution_clear(&d, &budget);
	assert_int_equal(budget, 1000);
	assert_int_equal(d.count, 0);
}

static void beyond_its_budget_it_is_near(void **state)
{
	struct distribution d = {0};
	int64_t budget = 100;

	(void)state;
	/* Nine decades, so that every octave from 0 on has its share. */
	for (int64_t i = 0; i < 20000; i++)
		distribution_add(&d, &budget, i * i * 7);
	assert_true(d.is_histogram);
	assert_int_equal(d.count, 20000);
	assert_int_equal(distribution_quantile(&d, 100), INT64_C(19999) * 19999 * 7);
	for (unsigned int percent = 1; percent < 100; percent++) {
		int64_t i = (int64_t)percent * 200 - 1;
		int64_t exact = i * i * 7, found = distribution_quantile(&d, percent);

		assert_true(llabs(found - exact) * 128 <= exact + 128);
	}
	assert_int_equal(budget, 100);
	distribution_clear(&d, &budget);
	assert_int_equal(budget, 100);
	/* The extremes of what fits in 64 bits find a place too. */
	budget = 0;
	for (int i = 0; i < 200; i++)
		distribution_add(&d, &budget, i % 2 ? INT64_MAX : 0);
	assert_true(d.is_histogram);
	assert_int_equal(distribution_quantile(&d, 50), 0);
	assert_int_equal(distribution_quantile(&d, 51) > INT64_MAX / 128 * 127, 1);
	distribution_clear(&d, &budget);
	assert_int_equal(budget, 0);
}

static void few_values_are_exact_without_a_budget(void **state)
{
	struct distribution d = {0}, copy = {0};
	int64_t budget = 0;

	(void)state;
	for (int i = 0; i < DISTRIBUTION_ALWAYS_EXACT; i++)
		distribution_add(&d, &budget, 1000003 + i);
	assert_false(d.is_histogram);
	assert_int_equal(distribution_median(&d), 1000003 + 31);
	distribution_copy(&copy, &d);
	distribution_add(&d, &budget, 5000000);
	assert_true(d.is_histogram);
	assert_int_equal(distribution_quantile(&copy, 100), 1000003 + 63);
	distribution_clear(&copy, &budget);
	distribution_copy(&copy, &d);
	assert_int_equal(copy.count, 65);
	assert_int_equal(distribution_quantile(&copy, 100), 5000000);
	distribution_clear(&copy, &budget);
	distribution_clear(&d, &budget);
}

static void keys_are_checked(void **state)
{
	static const char *const wrong[] = {"",         "peers",         "peer,",  "peer,peer", "cidr",    "cidr/",
					    "cidr/129", "cidr/-1",       "cidr/x", "peer/24",   "pe",      "peer dir",
					    "PEER",     "cidr/8,cidr/9", "hosts",  "groups",    "\x1b[31m"};
	struct peers_keys keys = {.count = 99};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err.text[0] = '\0';
		assert_int_equal(peers_parse_keys(wrong[i], &keys, &err), -EINVAL);
		assert_true(strncmp(err.text, "--by ", 5) == 0);
		assert_null(strchr(err.text, '\x1b'));
		assert_int_equal(keys.count, 99);
	}
	assert_int_equal(peers_parse_keys("result,cidr/24,user", &keys, &err), 0);
	assert_int_equal(keys.count, 3);
	assert_int_equal(keys.key[0], PEERS_KEY_RESULT);
	assert_int_equal(keys.key[1], PEERS_KEY_CIDR);
	assert_int_equal(keys.key[2], PEERS_KEY_USER);
	assert_int_equal(keys.cidr_bits, 24);
	for (unsigned int i = 0; i < PEERS_KEY_NUM; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s%s", peers_key_name(i), i == PEERS_KEY_CIDR ? "/0" : "");
		assert_int_equal(peers_parse_keys(name, &keys, &err), 0);
		assert_int_equal(keys.key[0], i);
	}
}

static void every_key_splits(void **state)
{
	/* One connection that differs from the other in everything is in another group by every key. */
	struct process *a = process_new(10), *b = process_new(11);
	char name[] = "host.example";
	struct conn one = incoming("198.51.100.7", 1000), other = incoming("203.0.113.9", 1001);

	(void)state;
	strcpy(a->comm, "one");
	a->exe = strdup("/bin/one");
	b->exe = strdup("/bin/other");
	process_set_cgroup(
		a, "/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope");
	strcpy(a->parent, "sh");
	one.process = a;
	other.process = b;
	one.uid = 0;
	other.dir = DIR_OUT;
	other.flow.local = other.flow.remote;
	other.flow.local.port = 99;
	other.flow.netns = 77;
	other.proto = FLOW_PROTO_MPTCP;
	other.result = RESULT_REFUSED;
	other.host = name;
	other.name = name;
	for (unsigned int key = 0; key < PEERS_KEY_NUM; key++) {
		char word[32];
		struct peers *peers;

		snprintf(word, sizeof(word), "%s%s", peers_key_name(key), key == PEERS_KEY_CIDR ? "/24" : "");
		peers = by(word);
		assert_true(peers_add(peers, &one));
		assert_true(peers_add(peers, &other));
		assert_true(peers_add(peers, &one));
		assert_int_equal(peers_count(peers), 2);
		assert_int_equal(peers_group(peers, 0)->conns, 2);
		assert_int_equal(peers_group(peers, 1)->conns, 1);
		peers_free(peers);
	}
	process_unref(a);
	process_unref(b);
}

static void networks_have_their_own_prefix(void **state)
{
	static const struct {
		const char *by, *peer, *network;
		unsigned int bits;
	} cases[] = {
		{"cidr/24", "198.51.100.7", "198.51.100.0", 24},
		{"cidr/0", "198.51.100.7", "0.0.0.0", 0},
		{"cidr/64", "198.51.100.7", "198.51.100.7", 32},
		{"cidr/64", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", 64},
		{"cidr/0", "2001:db8::1", "::", 0},
	};
	struct conn conn;
	struct peers *peers;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct peers_identity *identity;
		char text[ENDPOINT_TEXT];

		peers = by(cases[i].by);
		conn = incoming(cases[i].peer, 5);
		peers_add(peers, &conn);
		identity = &peers_group(peers, 0)->identity;
		assert_true(identity->known_network);
		assert_string_equal(endpoint_ip_text(&peers_further(identity)->network, text), cases[i].network);
		assert_int_equal(identity->network_bits, cases[i].bits);
		peers_free(peers);
	}
	peers = by("cidr/8");
	conn_init(&conn);
	peers_add(peers, &conn);
	assert_false(peers_group(peers, 0)->identity.known_network);
	peers_free(peers);
}

static void sums_are_exact_or_unknown(void **state)
{
	struct peers *peers = by("peer,dir,port");
	struct conn conn = incoming("198.51.100.7", 1000);
	const struct peers_group *group;

	(void)state;
	conn.rx_bytes = 100;
	conn.tx_bytes = 5;
	conn.tx_retrans = 2;
	conn.start_ns = 1000;
	conn.end_ns = 3000;
	peers_add(peers, &conn);
	conn.flow.remote.port++;
	conn.tx_bytes = CONN_UNKNOWN;
	conn.rx_retrans = 3;
	conn.start_ns = 500;
	conn.end_ns = CONN_UNKNOWN;
	conn.result = RESULT_RESET;
	conn.open = 1;
	peers_add(peers, &conn);
	conn.tx_bytes = 5;
	conn.start_ns = 2000000000;
	conn.end_ns = 3000000500;
	peers_add(peers, &conn);
	group = peers_group(peers, 0);
	assert_int_equal(peers_count(peers), 1);
	assert_int_equal(group->conns, 3);
	assert_int_equal(group->open, 2);
	assert_int_equal(group->results[RESULT_OK], 1);
	assert_int_equal(peers_failures(group), 2);
	assert_int_equal(peers_total(group, PEERS_RX_BYTES), 300);
	assert_int_equal(peers_total(group, PEERS_TX_BYTES), CONN_UNKNOWN);
	assert_int_equal(peers_total(group, PEERS_RX_PKTS), CONN_UNKNOWN);
	assert_int_equal(peers_total(group, PEERS_RETRANS), 2 + 5 + 5);
	assert_int_equal(peers_duration(group), (2000 + 1000000500) / 2);
	assert_int_equal(group->first_ns, 500);
	assert_int_equal(group->last_ns, 3000000500);
	assert_int_equal(peers_rate(group), 1000);
	/* A sum that does not fit is not exact either. */
	conn.rx_bytes = INT64_MAX;
	peers_add(peers, &conn);
	assert_int_equal(peers_total(peers_group(peers, 0), PEERS_RX_BYTES), CONN_UNKNOWN);
	peers_free(peers);
}

static void nothing_is_known_of_an_empty_connection(void **state)
{
	struct peers *peers = by("peer,dir,port,pid,comm,exe,uid,lport,rport,netns,result,cidr/8");
	struct peers_group *group;
	struct conn conn;

	(void)state;
	conn_init(&conn);
	peers_add(peers, &conn);
	group = peers_group(peers, 0);
	assert_int_equal(group->identity.uid, (uid_t)-1);
	assert_null(peers_further(&group->identity)->text[PEERS_TEXT_EXE]);
	for (unsigned int i = PEERS_SYN_RTX; i < PEERS_TOTAL_NUM; i++)
		assert_int_equal(peers_total(group, i), CONN_UNKNOWN);
	for (unsigned int i = 0; i < PEERS_SPREAD_NUM; i++)
		assert_int_equal(distribution_median(&group->spreads[i]), -1);
	assert_int_equal(peers_duration(group), CONN_UNKNOWN);
	assert_int_equal(peers_rate(group), CONN_UNKNOWN);
	assert_int_equal(group->first_ns, CONN_UNKNOWN);
	assert_int_equal(group->last_ns, CONN_UNKNOWN);
	assert_int_equal(group->pid_count, 0);
	peers_free(peers);
}

static void what_is_unknown_of_a_member_is_counted(void **state)
{
	struct peers *peers = by("dir");
	struct conn conn = incoming("198.51.100.7", 1000);
	struct peers_group *group;

	(void)state;
	conn.result = RESULT_OK;
	conn.seen = SEEN_CALLS | SEEN_KERNEL;
	conn.hs_ns = 20;
	conn.queue_ns = 30;
	conn.rtt_ns = conn.connect_ns = CONN_UNKNOWN;
	peers_add(peers, &conn);
	conn.hs_ns = conn.queue_ns = CONN_UNKNOWN;
	peers_add(peers, &conn);
	/* A handshake before the run, or before the capture, is none of the run's. */
	conn.seen |= SEEN_EXISTING;
	peers_add(peers, &conn);
	conn.seen = SEEN_WIRE;
	conn.syn_rtx = conn.synack_rtx = -1;
	peers_add(peers, &conn);
	/* Nor is there one of an attempt that failed. */
	conn.seen = SEEN_CALLS;
	conn.result = RESULT_TIMEOUT;
	peers_add(peers, &conn);
	group = peers_group(peers, 0);
	assert_int_equal(group->spreads_unknown[PEERS_HS], 1);
	assert_int_equal(group->spreads_unknown[PEERS_QUEUE], 1);
	assert_int_equal(group->spreads_unknown[PEERS_RTT], 4);
	assert_int_equal(group->spreads_unknown[PEERS_CONNECT], 0);
	assert_int_equal(distribution_quantile(&group->spreads[PEERS_HS], 100), 20);
	conn.dir = DIR_OUT;
	peers_add(peers, &conn);
	conn.connect_ns = 5;
	peers_add(peers, &conn);
	conn.connect_ns = CONN_UNKNOWN;
	conn.result = RESULT_PENDING;
	peers_add(peers, &conn);
	conn.result = RESULT_OK;
	peers_add(peers, &conn);
	group = peers_group(peers, 1);
	assert_int_equal(group->spreads_unknown[PEERS_CONNECT], 2);
	assert_int_equal(group->spreads[PEERS_CONNECT].count, 1);
	assert_int_equal(group->spreads_unknown[PEERS_HS], 1);
	assert_int_equal(group->spreads_unknown[PEERS_QUEUE], 0);
	/* Values of an earlier slice are not counted again. */
	conn.reported = REPORTED_ATTEMPT;
	peers_add(peers, &conn);
	assert_int_equal(peers_group(peers, 1)->spreads_unknown[PEERS_HS], 1);
	peers_free(peers);
}

static void lists_are_distinct_and_bounded(void **state)
{
	struct peers *peers = by("dir");
	const struct peers_group *group;
	struct conn conn = incoming("198.51.100.7", 1000);

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct process *process = process_new(100 + i % 70);

		snprintf(process->comm, sizeof(process->comm), "worker/%d", i % 3);
		conn.process = process;
		peers_add(peers, &conn);
		process_unref(process);
	}
	group = peers_group(peers, 0);
	assert_int_equal(group->pid_count, PEERS_LIST_MAX);
	assert_true(group->more_pids);
	assert_int_equal(group->pids[63], 163);
	assert_int_equal(group->comm_count, 3);
	assert_false(group->more_comms);
	assert_string_equal(group->comms[2], "worker/2");
	peers_free(peers);
}

static void a_copy_leaves_the_first_alone(void **state)
{
	struct peers *peers = by("peer,exe"), *copy;
	struct process *process = process_new(1);
	struct conn conn = incoming("198.51.100.7", 1000);

	(void)state;
	process->exe = strdup("/bin/x");
	strcpy(process->comm, "x");
	conn.process = process;
	conn.hs_ns = 10;
	for (int i = 0; i < 3; i++) {
		process->pid = 10 + i;
		peers_add(peers, &conn);
	}
	copy = peers_copy(peers);
	conn.hs_ns = 1000;
	for (int i = 0; i < 40; i++) {
		process->pid = 20 + i;
		peers_add(copy, &conn);
	}
	conn.flow.remote = at("203.0.113.1", 1);
	peers_add(copy, &conn);
	assert_int_equal(peers_count(peers), 1);
	assert_int_equal(peers_count(copy), 2);
	assert_int_equal(peers_group(peers, 0)->conns, 3);
	assert_int_equal(peers_group(copy, 0)->conns, 43);
	assert_int_equal(peers_group(peers, 0)->pid_count, 3);
	assert_int_equal(peers_group(copy, 0)->pid_count, 43);
	assert_int_equal(distribution_median(&peers_group(peers, 0)->spreads[PEERS_HS]), 10);
	assert_int_equal(distribution_median(&peers_group(copy, 0)->spreads[PEERS_HS]), 1000);
	peers_free(copy);
	/* A copy of nothing can be added to as well. */
	peers_free(peers);
	peers = by("peer");
	copy = peers_copy(peers);
	assert_true(peers_add(copy, &conn));
	peers_free(peers);
	peers_free(copy);
	process_unref(process);
}

static void a_full_table_refuses_new_groups_only(void **state)
{
	struct peers_keys keys;
	struct peers *peers;
	struct conn conn = incoming("198.51.100.7", 1);

	(void)state;
	assert_int_equal(peers_parse_keys("rport", &keys, NULL), 0);
	peers = peers_new(&keys, 1000);
	for (uint16_t port = 1; port <= 1000; port++) {
		conn.flow.remote.port = port;
		assert_true(peers_add(peers, &conn));
	}
	conn.flow.remote.port = 1001;
	assert_false(peers_add(peers, &conn));
	conn.flow.remote.port = 500;
	assert_true(peers_add(peers, &conn));
	assert_int_equal(peers_count(peers), 1000);
	assert_int_equal(peers_group(peers, 499)->conns, 2);
	peers_free(peers);
}

static void many_connections_need_little_memory(void **state)
{
	struct peers *peers = by(PEERS_KEYS_DEFAULT);
	struct conn conn = incoming("198.51.100.7", 1);
	struct rusage usage;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		conn.flow.remote.port = (uint16_t)(1 + i % 60000);
		conn.hs_ns = i * 1000;
		conn.queue_ns = i * 10;
		conn.rtt_ns = i * 100;
		conn.rx_bytes = i;
		peers_add(peers, &conn);
	}
	assert_int_equal(peers_count(peers), 1);
	/* Still exact: the mean of the values number 50,000 and 50,001. */
	assert_int_equal(distribution_median(&peers_group(peers, 0)->spreads[PEERS_HS]), 49999500);
	assert_int_equal(distribution_quantile(&peers_group(peers, 0)->spreads[PEERS_HS], 95), 94999000);
	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	/* A sanitizer's own memory would be counted too. */
	if (!sanitized)
		assert_true(usage.ru_maxrss > 0 && usage.ru_maxrss <= 64 * 1024);
	peers_free(peers);
}

static void a_connection_counts_in_each_of_its_groups(void **state)
{
	struct peers_keys keys = PEERS_KEYS_GROUPS;
	struct conn conn = incoming("198.51.100.7", 1000);
	struct peers *peers;

	(void)state;
	keys.groups = groups;
	peers = peers_new(&keys, PEERS_GROUPS_MAX);
	peers_reserve_groups(peers);
	assert_int_equal(peers_count(peers), 3);
	conn.flow.local.port = 8080;
	conn.syn_rtx = 1;
	assert_true(peers_add(peers, &conn));
	assert_true(peers_reserve(peers, &conn));
	conn.syn_rtx = 0;
	conn.synack_rtx = 2;
	assert_true(peers_add(peers, &conn));
	assert_int_equal(peers_group(peers, 0)->conns, 2);
	assert_int_equal(peers_group(peers, 1)->conns, 0);
	assert_int_equal(peers_group(peers, 2)->conns, 2);
	assert_int_equal(peers_total(peers_group(peers, 2), PEERS_DUP_SYN), 1);
	/* The SYN/ACK of the first was not captured: 1 is known, the total is not. */
	assert_int_equal(peers_total(peers_group(peers, 2), PEERS_DUP_SYNACK), CONN_UNKNOWN);
	assert_int_equal(peers_group(peers, 2)->totals[PEERS_DUP_SYNACK].known, 1);
	assert_int_equal(peers_group(peers, 2)->totals[PEERS_DUP_SYNACK].unknown, 1);
	/* A handshake before the run is none of it, and one that failed did not come about. */
	conn = incoming("198.51.100.8", 1000);
	conn.seen = SEEN_EXISTING;
	assert_true(peers_add(peers, &conn));
	conn.seen = 0;
	conn.result = RESULT_TIMEOUT;
	assert_true(peers_add(peers, &conn));
	assert_int_equal(peers_group(peers, 0)->totals[PEERS_DUP_SYN].unknown, 0);
	/* Nor is it one that was established within the run. */
	assert_int_equal(peers_total(peers_group(peers, 0), PEERS_OLDER), 1);
	assert_int_equal(peers_total(peers_group(peers, 2), PEERS_OLDER), 0);
	peers_free(peers);
}

static void one_sign_is_no_duration(void **state)
{
	struct conn conn = incoming("198.51.100.7", 1000);
	struct peers *peers = by("dir");

	(void)state;
	/* Only its final counters are known: its duration is unknown. */
	conn.start_ns = conn.end_ns = 5000;
	conn.seen = SEEN_KERNEL;
	assert_true(peers_add(peers, &conn));
	assert_int_equal(peers_duration(peers_group(peers, 0)), CONN_UNKNOWN);
	/* A single packet is a span that was seen, of no length. */
	conn.seen = SEEN_WIRE;
	assert_true(peers_add(peers, &conn));
	assert_int_equal(peers_duration(peers_group(peers, 0)), 0);
	peers_free(peers);
}

/* The same numbers of three figures of each kind, whichever order they come in. */
static struct conn varied(unsigned int i)
{
	char peer[32];
	struct conn conn;

	snprintf(peer, sizeof(peer), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
	conn = incoming(peer, (uint16_t)(i % 60000 + 1));
	conn.result = (uint8_t)(i % RESULT_NUM);
	conn.open = i % 2;
	conn.start_ns = 1000 + (int64_t)(i * 7919 % 10007);
	conn.end_ns = conn.start_ns + i % 100;
	conn.rx_bytes = i % 5 > 0 ? (int64_t)i : CONN_UNKNOWN;
	conn.tx_bytes = i;
	conn.hs_ns = i % 3 > 0 ? (int64_t)(i * 31 % 1009) : CONN_UNKNOWN;
	conn.syn_rtx = (int32_t)(i % 4);
	conn.seen = SEEN_WIRE;
	return conn;
}

static void what_there_is_no_room_for_is_summed_up(void **state)
{
	const struct peers_keys all = {.key = {PEERS_KEY_DIR}, .count = 1};
	struct peers_keys keys = {.key = {PEERS_KEY_PEER}, .count = 1};
	struct peers *expected = peers_new(&all, 1), *small, *copy;
	struct peers_group sum = {.first_ns = CONN_UNKNOWN, .last_ns = CONN_UNKNOWN}, *one;
	int64_t budget = INT64_MAX;

	(void)state;
	small = peers_new(&keys, 64);
	peers_keep_rest(small);
	for (unsigned int i = 0; i < 5000; i++) {
		struct conn conn = varied(i);

		assert_true(peers_add(expected, &conn));
		assert_true(peers_add(small, &conn));
		assert_true(peers_count(small) <= 64);
	}
	copy = peers_copy(small);
	peers_free(small);
	assert_non_null(peers_rest(copy));
	assert_true(peers_rest(copy)->other);
	for (size_t i = 0; i < peers_count(copy); i++)
		peers_merge(&sum, peers_group(copy, i), &budget);
	peers_merge(&sum, peers_rest(copy), &budget);
	one = peers_group(expected, 0);
	assert_int_equal(sum.conns, 5000);
	assert_int_equal(sum.open, one->open);
	assert_memory_equal(sum.results, one->results, sizeof(sum.results));
	assert_memory_equal(sum.totals, one->totals, sizeof(sum.totals));
	assert_memory_equal(&sum.duration, &one->duration, sizeof(sum.duration));
	assert_memory_equal(sum.spreads_unknown, one->spreads_unknown, sizeof(sum.spreads_unknown));
	assert_int_equal(sum.first_ns, one->first_ns);
	assert_int_equal(sum.last_ns, one->last_ns);
	for (unsigned int i = 0; i < PEERS_SPREAD_NUM; i++) {
		assert_int_equal(sum.spreads[i].count, one->spreads[i].count);
		assert_int_equal(distribution_median(&sum.spreads[i]), distribution_median(&one->spreads[i]));
		assert_int_equal(distribution_quantile(&sum.spreads[i], 100),
				 distribution_quantile(&one->spreads[i], 100));
		distribution_clear(&sum.spreads[i], &budget);
	}
	peers_free(copy);
	peers_free(expected);
}

static size_t find_peer(struct peers *peers, const char *ip)
{
	struct endpoint wanted = at(ip, 0);
	size_t i = 0;

	while (i < peers_count(peers) && !endpoint_ip_equal(&peers_group(peers, i)->identity.peer, &wanted))
		i++;
	return i;
}

static void a_flood_hides_no_heavy_peer(void **state)
{
	struct peers_keys keys = {.key = {PEERS_KEY_PEER}, .count = 1};
	struct peers *peers = peers_new(&keys, 100);
	struct conn conn;
	size_t i;

	(void)state;
	peers_keep_rest(peers);
	conn = incoming("192.0.2.7", 1); /* one connection that came about */
	assert_true(peers_add(peers, &conn));
	conn = incoming("192.0.2.8", 1); /* heavy before */
	conn.result = RESULT_PENDING;
	for (int n = 0; n < 50; n++)
		assert_true(peers_add(peers, &conn));
	for (unsigned int n = 0; n < 10000; n++) {
		conn = varied(n);
		conn.result = RESULT_PENDING;
		conn.rx_bytes = conn.tx_bytes = 0;
		assert_true(peers_add(peers, &conn));
		conn = incoming("192.0.2.9", 1); /* begins late, and slowly */
		conn.result = RESULT_TIMEOUT;
		if (n >= 5000 && n % 10 == 0)
			assert_true(peers_add(peers, &conn));
	}
	i = find_peer(peers, "192.0.2.7");
	assert_true(i < peers_count(peers) && peers_group(peers, i)->conns == 1);
	i = find_peer(peers, "192.0.2.8");
	assert_true(i < peers_count(peers) && peers_group(peers, i)->conns == 50);
	i = find_peer(peers, "192.0.2.9");
	assert_true(i < peers_count(peers) && peers_group(peers, i)->conns == 500);
	/* One that comes back may lack what it had. */
	conn = varied(1);
	assert_true(peers_add(peers, &conn));
	i = find_peer(peers, "10.0.0.1");
	assert_true(i < peers_count(peers) && peers_group(peers, i)->partial);
	assert_true(peers_partial(peers) >= 1);
	peers_free(peers);
}

static void a_full_tree_counts_the_rest_where_it_belongs(void **state)
{
	struct requests *requests = requests_new(MESSAGE_HTTP_REQUEST, 4);
	struct message message = {.kind = MESSAGE_HTTP_REQUEST};
	struct requests_node **list;
	uint64_t hosts = 0, paths = 0;
	size_t count;

	(void)state;
	for (unsigned int i = 0; i < 60; i++) {
		snprintf(message.host, sizeof(message.host), "host%u", i % 3);
		snprintf(message.target, sizeof(message.target), "/%u", i % 5);
		requests_add(requests, i, &message, i);
	}
	list = requests_list(requests, &count);
	assert_int_equal(list[0]->count, 60);
	assert_true(list[count - 1]->other && list[count - 1]->host == NULL);
	for (size_t i = 1; i < count; i++) {
		if (list[i]->parent == list[0])
			hosts += list[i]->count;
		else
			paths += list[i]->count;
		if (list[i]->other && list[i]->host != NULL)
			assert_ptr_equal(list[i]->parent->rest, list[i]);
	}
	assert_int_equal(hosts, 60);
	assert_int_equal(paths, 60 - list[count - 1]->count);
	free(list);
	requests_free(requests);
}

/* Many requests are sent ahead of their answers: each answer counts where it belongs, or in the rest, but counts. */
static void answers_beyond_those_awaited_are_the_rest(void **state)
{
	struct requests *requests = requests_new(MESSAGE_HTTP_REQUEST, 100);
	struct message message = {.kind = MESSAGE_HTTP_REQUEST, .host = "host"};
	struct message answer = {.kind = MESSAGE_HTTP_RESPONSE};
	struct requests_node **list;
	uint64_t answers = 0, rest = 0;
	size_t count;

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(message.target, sizeof(message.target), "/%u", i);
		requests_add(requests, 1, &message, i);
	}
	for (unsigned int i = 0; i < 20; i++) {
		answer.status = i < 10 ? 200 : 404;
		requests_add(requests, 1, &answer, 20 + i);
	}
	/* What is asked for then is awaited again. One more answer is to nothing. */
	snprintf(message.target, sizeof(message.target), "/last");
	requests_add(requests, 1, &message, 50);
	answer.status = 500;
	requests_add(requests, 1, &answer, 51);
	requests_add(requests, 1, &answer, 52);
	list = requests_list(requests, &count);
	assert_int_equal(list[0]->answers, 21);
	assert_int_equal(list[0]->errors, 11);
	for (size_t i = 1; i < count; i++) {
		const struct requests_node *node = list[i];

		if (node->parent == list[0])
			answers += node->answers;
		if (node->other)
			rest += node->answers;
		if (node->path != NULL && strcmp(node->path, "/last") == 0)
			assert_true(node->answers == 1 && node->errors == 1);
		else if (node->path != NULL)
			assert_true(node->answers <= 1 && node->errors == 0);
	}
	assert_int_equal(answers, 21);
	assert_int_equal(rest, 12);
	assert_true(list[count - 1]->other && list[count - 1]->host == NULL);
	assert_int_equal(list[count - 1]->count, 0);
	free(list);
	requests_free(requests);
}

/* Requests whose connection lost its slot to a younger one are counted, unless it had ended or awaited nothing. */
static void answers_that_cannot_be_found_are_counted(void **state)
{
	struct requests *requests = requests_new(MESSAGE_HTTP_REQUEST, 100);
	struct message message = {.kind = MESSAGE_HTTP_REQUEST, .host = "host", .target = "/"};
	struct message answer = {.kind = MESSAGE_HTTP_RESPONSE, .status = 200};
	struct requests_node **list;
	size_t count;

	(void)state;
	for (uint64_t id = 1; id <= 70000; id++) {
		requests_add(requests, id, &message, 1);
		if (id <= 1000)
			requests_end(requests, id);
		else if (id <= 2000)
			requests_add(requests, id, &answer, 2);
	}
	/* A request more of the first one, beyond those whose nodes are known. */
	for (unsigned int i = 0; i < 10; i++)
		requests_add(requests, 70000, &message, 3);
	/* 65,536 are known: 2001 to 4464 awaited an answer and were displaced. */
	assert_int_equal(requests_displaced(requests), 70000 - 65536 - 2000);
	requests_add(requests, 70000 + 65536, &message, 4);
	assert_int_equal(requests_displaced(requests), 70000 - 65536 - 2000 + 11);
	requests_add(requests, 3000, &answer, 5);
	list = requests_list(requests, &count);
	assert_int_equal(list[0]->answers, 1000);
	free(list);
	requests_free(requests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_distribution_is_exact_within_its_budget),
		cmocka_unit_test(beyond_its_budget_it_is_near),
		cmocka_unit_test(few_values_are_exact_without_a_budget),
		cmocka_unit_test(keys_are_checked),
		cmocka_unit_test(every_key_splits),
		cmocka_unit_test(networks_have_their_own_prefix),
		cmocka_unit_test(sums_are_exact_or_unknown),
		cmocka_unit_test(nothing_is_known_of_an_empty_connection),
		cmocka_unit_test(what_is_unknown_of_a_member_is_counted),
		cmocka_unit_test(lists_are_distinct_and_bounded),
		cmocka_unit_test(a_copy_leaves_the_first_alone),
		cmocka_unit_test(a_full_table_refuses_new_groups_only),
		cmocka_unit_test(what_there_is_no_room_for_is_summed_up),
		cmocka_unit_test(a_flood_hides_no_heavy_peer),
		cmocka_unit_test(a_full_tree_counts_the_rest_where_it_belongs),
		cmocka_unit_test(answers_beyond_those_awaited_are_the_rest),
		cmocka_unit_test(answers_that_cannot_be_found_are_counted),
		cmocka_unit_test(many_connections_need_little_memory),
		cmocka_unit_test(a_connection_counts_in_each_of_its_groups),
		cmocka_unit_test(one_sign_is_no_duration),
	};
	int failed;

	groups = groups_new();
	assert_int_equal(groups_add(groups, "web:RX@*:8080", NULL), 0);
	failed = UNIT_RUN(tests);
	groups_free(groups);
	return failed;
}
