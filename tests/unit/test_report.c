// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "report/rows/column.h"
#include "report/rows/community_id.h"
#include "report/rows/errno_text.h"
#include "report/io_stat/io_spec.h"
#include "report/io_stat/io_stat.h"
#include "report/reports.h"
#include "report/rows/histogram.h"
#include "report/rows/summary.h"
#include "base/text.h"

#define EPOCH_NS INT64_C(1700000000123456789) /* 2023-11-14 22:13:20 UTC */
#define CONN_NUM 4

/* An answered, a refused and a silent connection, and one of which nothing is known. */
static struct conn conns[CONN_NUM];
static struct process *hostile;

static struct endpoint at(const char *ip, uint16_t port)
{
	struct endpoint endpoint;

	assert_int_equal(endpoint_parse(&endpoint, ip), 0);
	endpoint.port = port;
	return endpoint;
}

static int set_up(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	for (int i = 0; i < CONN_NUM; i++)
		conn_init(&conns[i]);
	hostile = process_new(4711);
	strcpy(hostile->comm, "a \"b\",\x1b[1m\xff");
	hostile->exe = strdup("/opt/\xc3\xa9 x\\y");
	conns[0].flow.local = at("192.0.2.1", 80);
	conns[0].flow.remote = at("::ffff:198.51.100.7", 40001);
	conns[0].flow.netns = 4026531840U;
	conns[0].cookie = UINT64_MAX;
	conns[0].seen = SEEN_CALLS | SEEN_KERNEL | SEEN_WIRE;
	conns[0].start_ns = EPOCH_NS;
	conns[0].end_ns = EPOCH_NS + 2500000499;
	conns[0].error = 0;
	conns[0].connect_ns = 5000000;
	conns[0].hs_ns = 1234567;
	conns[0].hs_net_ns = 1000499;
	conns[0].hs_ack_ns = 234068;
	conns[0].queue_ns = 0;
	conns[0].rtt_ns = 999;
	conns[0].minrtt_ns = 500;
	conns[0].gap_ns = 1500000;
	conns[0].rx_bytes = 1536;
	conns[0].tx_bytes = INT64_C(10) << 30;
	conns[0].rx_least = conns[0].rx_bytes;
	conns[0].tx_least = conns[0].tx_bytes;
	conns[0].rx_wire = 999999;
	conns[0].tx_wire = 1048576;
	conns[0].rx_pkts = 11;
	conns[0].tx_pkts = 12;
	conns[0].syn_rtx = 0;
	conns[0].synack_rtx = 1;
	conns[0].rx_retrans = 3;
	conns[0].tx_retrans = 4;
	conns[0].ooo = 5;
	conns[0].zerowin = 6;
	conns[0].process = hostile;
	conns[0].tid = 4712;
	conns[0].fd = 5;
	conns[0].uid = 0;
	conns[0].dir = DIR_IN;
	conns[0].result = RESULT_OK;
	conns[0].close = CLOSE_RFIN;
	conns[0].state = STATE_CLOSED;
	conns[0].open = 0;
	conns[1].flow.local = at("2001:db8::1", 50000);
	conns[1].flow.remote = at("2001:db8:1234:5678:9abc:def0:1234:5678", 443);
	conns[1].seen = SEEN_WIRE | SEEN_UNATTRIBUTED;
	conns[1].start_ns = conns[1].end_ns = EPOCH_NS + 1000000;
	conns[1].error = ECONNREFUSED;
	conns[1].dir = DIR_OUT;
	conns[1].result = RESULT_REFUSED;
	conns[1].rx_bytes = conns[1].tx_bytes = conns[1].rx_least = conns[1].tx_least = 0;
	conns[1].tx_retrans = 0;
	conns[1].open = 0;
	conns[2].flow.local = at("192.0.2.1", 50001);
	conns[2].flow.remote = at("203.0.113.9", 25);
	conns[2].start_ns = EPOCH_NS - 1000000;
	conns[2].end_ns = EPOCH_NS + 60000000000;
	conns[2].error = EHOSTUNREACH;
	conns[2].icmp_version = 4;
	conns[2].icmp_type = 3;
	conns[2].icmp_code = 1;
	conns[2].dir = DIR_OUT;
	conns[2].result = RESULT_UNREACH;
	conns[2].syn_rtx = 2;
	conns[2].state = TCP_SYN_SENT;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	process_unref(hostile);
	return 0;
}

/* The connections from @context on are open. */
static const struct conn *next_open(void *context, const struct conn *previous)
{
	const struct conn *next = previous == NULL ? context : previous + 1;

	return next < conns + CONN_NUM ? next : NULL;
}

static size_t index_of(const struct report_ops *kind, const struct report_options *options)
{
	size_t i = 0;

	while (i < options->report_count && options->reports[i].ops != kind)
		i++;
	assert_true(i < options->report_count);
	return i;
}

/* What the report says of the first @count connections, to be freed; with @final the others are open. */
static char *say(const struct report_ops *kind, const struct report_options *options, int count, bool final)
{
	struct report *report;
	struct err err = {""};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (report_new(&report, options, index_of(kind, options), out, &err) < 0)
		fail_msg("%s", err.text);
	for (int i = 0; i < count; i++)
		report_finished(report, &conns[i]);
	assert_int_equal(report_print(report, final ? next_open : NULL, conns + count, final, &err), 0);
	assert_int_equal(report_error(report, &err), 0);
	assert_int_equal(report_refused(report), 0);
	report_free(report);
	fclose(out);
	return text;
}

static void expect(const struct report_ops *kind, const struct report_options *options, int count, bool final,
		   const char *expected)
{
	char *text = say(kind, options, count, final);

	assert_string_equal(text, expected);
	free(text);
}

static struct report_options options_for(const struct report_ops *kind, enum report_format format)
{
	struct report_options options = REPORT_OPTIONS_DEFAULT;

	options.reports[0].ops = kind;
	options.format = format;
	return options;
}

static void tables_are_aligned(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_TABLE);
	expect(&report_conns, &options, 4, false,
	       "START           DIR LADDR       LPORT RADDR                                  RPORT RESULT  "
	       "HS_MS RX_BYTES    TX_BYTES RETRANS     DUR_S  PID COMM\n"
	       "22:13:20.122456 out 192.0.2.1   50001 203.0.113.9                               25 unreach    "
	       " -        -           -       - 60.001000    - -\n"
	       "22:13:20.123456 in  192.0.2.1      80 198.51.100.7                           40001 ok      "
	       "1.235     1536 10737418240       7  2.500000 4711 a\\x20\"b\",\\x1b[1m\\xff\n"
	       "22:13:20.124456 out 2001:db8::1 50000 2001:db8:1234:5678:9abc:def0:1234:5678   443 refused    "
	       " -        0           0       0  0.000000    - -\n"
	       "-               -   -               - -                                          - unknown    "
	       " -        -           -       -         -    - -\n");
	options = options_for(&report_peers, REPORT_TABLE);
	expect(&report_peers, &options, 4, false,
	       "PEER                                   DIR PORT CONNS FAIL HS_MS QUEUE_MS RETRANS RX_BYTES    "
	       "TX_BYTES COMMS\n"
	       "198.51.100.7                           in    80     1    0 1.235    0.000       7     1536 "
	       "10737418240 a\\x20\"b\"\\x2c\\x1b[1m\\xff\n"
	       "203.0.113.9                            out   25     1    1     -        -       -        -    "
	       "       - -\n"
	       "2001:db8:1234:5678:9abc:def0:1234:5678 out  443     1    1     -        -       0        0    "
	       "       0 -\n"
	       "-                                      -      -     1    0     -        -       -        -    "
	       "       - -\n");
	options = options_for(&report_conns, REPORT_TABLE);
	options.header = false;
	options.columns = "COMM,PID";
	expect(&report_conns, &options, 4, false,
	       "-                       -\n"
	       "a\\x20\"b\",\\x1b[1m\\xff 4711\n"
	       "-                       -\n"
	       "-                       -\n");
}

static void an_empty_table_has_its_header(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_TABLE);
	expect(&report_conns, &options, 0, false,
	       "START DIR LADDR LPORT RADDR RPORT RESULT HS_MS RX_BYTES TX_BYTES RETRANS DUR_S PID COMM\n");
	options = options_for(&report_peers, REPORT_CSV);
	expect(&report_peers, &options, 0, false,
	       "PEER,DIR,PORT,CONNS,FAIL,HS_MS,QUEUE_MS,RETRANS,RX_BYTES,TX_BYTES,COMMS\r\n");
	options = options_for(&report_peers, REPORT_JSON);
	expect(&report_peers, &options, 0, false, "");
	options = options_for(&report_events, REPORT_TABLE);
	options.columns = "DIR,PID,COMM";
	expect(&report_events, &options, 0, true,
	       "DIR    PID COMM\n"
	       "in    4711 a\\x20\"b\",\\x1b[1m\\xff\n"
	       "out      - -\n"
	       "out      - -\n"
	       "-        - -\n");
}

static void a_terminal_shortens_names_only(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_TABLE);
	options.columns = "RADDR,RX_BYTES,COMM";
	options.width = 60;
	expect(&report_conns, &options, 4, false,
	       "RADDR                                  RX_BYTES COMM\n"
	       "203.0.113.9                                   - -\n"
	       "198.51.100.7                               1536 a\\x20\"b\",\\..\n"
	       "2001:db8:1234:5678:9abc:def0:1234:5678        0 -\n"
	       "-                                             - -\n");
	options = options_for(&report_conns, REPORT_TABLE);
	options.columns = "RADDR,RX_BYTES,COMM";
	options.width = 20;
	options.color = true;
	expect(&report_conns, &options, 4, false,
	       "RADDR                                  RX_BYTES COMM\n"
	       "203.0.113.9                                   - -\n"
	       "198.51.100.7                               1536 a\\..\n"
	       "2001:db8:1234:5678:9abc:def0:1234:5678        0 -\n"
	       "-                                             - -\n");
}

static void colors_mark_what_failed(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_TABLE);
	options.columns = "RESULT,RETRANS,DIR";
	options.color = true;
	expect(&report_conns, &options, 4, false,
	       "RESULT  RETRANS DIR\n"
	       "\033[31munreach\033[0m       - out\n"
	       "ok            \033[33m7\033[0m in\n"
	       "\033[31mrefused\033[0m       0 out\n"
	       "unknown       - -\n");
	options = options_for(&report_peers, REPORT_TABLE);
	options.columns = "PEER,FAIL,SYN_RTX";
	options.color = true;
	expect(&report_peers, &options, 4, false,
	       "PEER                                   FAIL SYN_RTX\n"
	       "198.51.100.7                              0       0\n"
	       "203.0.113.9                               \033[31m1\033[0m       \033[33m2\033[0m\n"
	       "2001:db8:1234:5678:9abc:def0:1234:5678    \033[31m1\033[0m       -\n"
	       "-                                         0       -\n");
	options = options_for(&report_events, REPORT_TABLE);
	options.columns = "RESULT,RETRANS,DIR";
	options.color = true;
	expect(&report_events, &options, 4, false,
	       "RESULT  RETRANS DIR\n"
	       "ok            \033[33m7\033[0m in\n"
	       "\033[31mrefused\033[0m       0 out\n"
	       "\033[31munreach\033[0m       - out\n"
	       "unknown       - -\n");
	options = options_for(&report_conns, REPORT_RAW);
	options.columns = "RESULT,RETRANS,DIR";
	options.color = true;
	expect(&report_conns, &options, 4, false,
	       "RESULT RETRANS DIR\n"
	       "unreach - out\n"
	       "ok 7 in\n"
	       "refused 0 out\n"
	       "unknown - -\n");
}

/* Two connections to one peer, of the second of which nothing is known but that it came about. */
static char *say_of_two(const struct report_options *options)
{
	struct conn two[2] = {conns[0], conns[0]};
	struct report *report;
	struct err err = {""};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	two[0].seen = two[1].seen = SEEN_CALLS;
	two[0].syn_rtx = 2;
	two[1].hs_ns = two[1].rx_bytes = two[1].rx_least = two[1].tx_retrans = two[1].syn_rtx = CONN_UNKNOWN;
	assert_int_equal(report_new(&report, options, 0, out, &err), 0);
	report_finished(report, &two[0]);
	report_finished(report, &two[1]);
	two[1].result = RESULT_PENDING;
	report_finished(report, &two[1]);
	assert_int_equal(report_print(report, NULL, NULL, true, &err), 0);
	report_free(report);
	fclose(out);
	return text;
}

static void a_figure_never_leaves_out_the_worst(void **state)
{
	struct report_options options = options_for(&report_peers, REPORT_RAW);
	char *text;

	(void)state;
	options.by = "dir";
	options.columns = "HS_MS,HS_P95_MS,HS_MAX_MS,HS_MS_UNKNOWN,QUEUE_MS,RX_BYTES,RETRANS,SYN_RTX";
	text = say_of_two(&options);
	assert_string_equal(text, "HS_MS HS_P95_MS HS_MAX_MS HS_MS_UNKNOWN QUEUE_MS RX_BYTES RETRANS SYN_RTX\n"
				  "- - - 1 0.000 - - -\n");
	free(text);
	options.format = REPORT_JSON;
	text = say_of_two(&options);
	assert_string_equal(text, "{\"hs_ms\":1.235,\"hs_p95_ms\":1.235,\"hs_max_ms\":1.235,\"hs_ms_unknown\":1,"
				  "\"queue_ms\":0.000,\"rx_bytes\":null,\"retrans\":null,\"syn_rtx\":null}\n");
	free(text);
	options.format = REPORT_TABLE;
	text = say_of_two(&options);
	assert_non_null(strstr(text, " - "));
	assert_null(strchr(text, '+'));
	free(text);
	options.width = 200;
	text = say_of_two(&options);
	assert_non_null(strstr(text, "1.235+"));
	assert_non_null(strstr(text, " 1536+ "));
	assert_non_null(strstr(text, " 2+"));
	free(text);
	/* Of a terminal's own columns, those join that have something to say. */
	options.columns = NULL;
	text = say_of_two(&options);
	assert_memory_equal(text, "DIR CONNS FAIL PENDING  HS_MS SYN_RTX QUEUE_MS RETRANS ", 50);
	free(text);
	options.width = 0;
	text = say_of_two(&options);
	assert_memory_equal(text, "DIR CONNS FAIL HS_MS QUEUE_MS RETRANS ", 38);
	free(text);
}

static void raw_has_single_blanks(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_RAW);
	expect(&report_conns, &options, 4, false,
	       "START DIR LADDR LPORT RADDR RPORT RESULT HS_MS RX_BYTES TX_BYTES RETRANS DUR_S PID COMM\n"
	       "22:13:20.122456 out 192.0.2.1 50001 203.0.113.9 25 unreach - - - - 60.001000 - -\n"
	       "22:13:20.123456 in 192.0.2.1 80 198.51.100.7 40001 ok 1.235 1536 10737418240 7 2.500000 4711 "
	       "a\\x20\"b\",\\x1b[1m\\xff\n"
	       "22:13:20.124456 out 2001:db8::1 50000 2001:db8:1234:5678:9abc:def0:1234:5678 443 refused - 0 "
	       "0 0 0.000000 - -\n"
	       "- - - - - - unknown - - - - - - -\n");
	options = options_for(&report_peers, REPORT_RAW);
	options.by = "comm,result";
	expect(&report_peers, &options, 4, false,
	       "COMM RESULT CONNS FAIL HS_MS QUEUE_MS RETRANS RX_BYTES TX_BYTES COMMS\n"
	       "a\\x20\"b\",\\x1b[1m\\xff ok 1 0 1.235 0.000 7 1536 10737418240 "
	       "a\\x20\"b\"\\x2c\\x1b[1m\\xff\n"
	       "- refused 1 1 - - 0 0 0 -\n"
	       "- unknown 1 0 - - - - - -\n"
	       "- unreach 1 1 - - - - - -\n");
}

static void human_shortens_bytes_for_people_only(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_RAW);
	options.columns = "RX_BYTES,TX_BYTES,RX_WIRE,TX_WIRE,RX_PKTS";
	options.human = true;
	expect(&report_conns, &options, 2, false,
	       "RX_BYTES TX_BYTES RX_WIRE TX_WIRE RX_PKTS\n"
	       "1.5K 10G 976K 1.0M 11\n"
	       "0 0 - - -\n");
	options = options_for(&report_conns, REPORT_CSV);
	options.columns = "RX_BYTES,TX_BYTES,RX_WIRE,TX_WIRE,RX_PKTS";
	options.human = true;
	expect(&report_conns, &options, 2, false,
	       "RX_BYTES,TX_BYTES,RX_WIRE,TX_WIRE,RX_PKTS\r\n"
	       "1536,10737418240,999999,1048576,11\r\n"
	       "0,0,-,-,-\r\n");
}

static void csv_is_rfc_4180(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_CSV);
	expect(&report_conns, &options, 4, false,
	       "START,DIR,LADDR,LPORT,RADDR,RPORT,RESULT,HS_MS,RX_BYTES,TX_BYTES,RETRANS,DUR_S,PID,COMM\r\n"
	       "1700000000.122456789,out,192.0.2.1,50001,203.0.113.9,25,unreach,-,-,-,-,60.001000,-,-\r\n"
	       "1700000000.123456789,in,192.0.2.1,80,198.51.100.7,40001,ok,1.235,1536,10737418240,7,2.500000,"
	       "4711,\"a\\x20\"\"b\"\",\\x1b[1m\\xff\"\r\n"
	       "1700000000.124456789,out,2001:db8::1,50000,2001:db8:1234:5678:9abc:def0:1234:5678,443,refused,"
	       "-,0,0,0,0.000000,-,-\r\n"
	       "-,-,-,-,-,-,unknown,-,-,-,-,-,-,-\r\n");
	options = options_for(&report_peers, REPORT_CSV);
	options.by = "comm";
	options.columns = "COMM,COMMS,PIDS,FIRST";
	expect(&report_peers, &options, 4, false,
	       "COMM,COMMS,PIDS,FIRST\r\n"
	       "-,-,-,1700000000.122456789\r\n"
	       "\"a\\x20\"\"b\"\",\\x1b[1m\\xff\",\"a\\x20\"\"b\"\"\\x2c\\x1b[1m\\xff\",4711,"
	       "1700000000.123456789\r\n");
}

static void tsv_has_tabs(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_TSV);
	options.columns = "start,cookie,comm,exe";
	expect(&report_conns, &options, 4, false,
	       "START\tCOOKIE\tCOMM\tEXE\n"
	       "1700000000.122456789\t-\t-\t-\n"
	       "1700000000.123456789\t18446744073709551615\ta\\x20\"b\",\\x1b[1m\\xff\t/opt/\\xc3\\xa9\\x20x"
	       "\\x5cy\n"
	       "1700000000.124456789\t-\t-\t-\n"
	       "-\t-\t-\t-\n");
}

static void json_is_a_line_per_row(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_JSON);
	expect(&report_conns, &options, 4, false,
	       "{\"start\":1700000000.122456789,\"end\":1700000060.123456789,\"began\":null,\"dur_s\":60.001000,"
	       "\"dir\":\"out\",\"proto\":\"tcp\",\"laddr\":\"192.0.2.1\",\"lport\":50001,"
	       "\"raddr\":\"203.0.113.9\",\"rport\":25,\"peer\":\"203.0.113.9\",\"port\":25,"
	       "\"server\":\"203.0.113.9\",\"client\":\"192.0.2.1\","
	       "\"result\":\"unreach\",\"errno\":\"EHOSTUNREACH\",\"icmp\":\"4:3/1\",\"connect_ms\":null,"
	       "\"hs_ms\":null,\"hs_net_ms\":null,\"hs_ack_ms\":null,\"queue_ms\":null,"
	       "\"first_ms\":null,\"xfer_ms\":null,"
	       "\"syn_rtx\":2,"
	       "\"synack_rtx\":null,\"rtt_ms\":null,\"minrtt_ms\":null,\"rx_bytes\":null,\"tx_bytes\":null,\"rx_"
	       "least\":null,\"tx_least\":null,"
	       "\"rx_pkts\":null,\"tx_pkts\":null,\"copies\":null,\"rx_wire\":null,\"tx_wire\":null,\"retrans\":null,"
	       "\"rx_retrans\":null,\"tx_retrans\":null,\"ooo\":null,\"zerowin\":null,"
	       "\"keepalive\":null,\"rx_fin\":null,\"tx_fin\":null,\"rx_rst\":null,\"tx_rst\":null,"
	       "\"gap_ms\":null,"
	       ""
	       "\"mss\":null,\"cwnd\":null,\"rttvar_ms\":null,\"rate_bps\":null,\"busy_ms\":null,\"rwnd_ms\":null,"
	       "\"sndbuf_ms\":null,\"notsent\":null,\"unread\":null,\"cc\":null,"
	       "\"state\":\"SYN_SENT\",\"close\":null,"
	       "\"why\":null,\"pid\":null,\"tid\":null,\"comm\":null,\"exe\":null,"
	       "\"uid\":null,\"user\":null,\"fd\":null,\"last_pid\":null,"
	       "\"last_comm\":null,\"ppid\":null,\"parent\":null,\"cmdline\":null,\"cgroup\":null,\"unit\":null,"
	       "\"container\":null,"
	       "\"netns\":null,\"cookie\":null,"
	       "\"cid\":\"1:2sPTV5/hxTMDPrqe4qtAIizq3A0=\",\"host\":null,\"name\":null,"
	       "\"tls_ms\":null,\"tls_version\":null,\"alpn\":null,"
	       "\"group\":null,\"seen\":null,\"conn\":0}\n"
	       "{\"start\":1700000000.123456789,\"end\":1700000002.623457288,\"began\":null,\"dur_s\":2.500000,"
	       "\"dir\":\"in\",\"proto\":\"tcp\",\"laddr\":\"192.0.2.1\",\"lport\":80,"
	       "\"raddr\":\"198.51.100.7\",\"rport\":40001,\"peer\":\"198.51.100.7\",\"port\":80,"
	       "\"server\":\"192.0.2.1\",\"client\":\"198.51.100.7\","
	       "\"result\":\"ok\",\"errno\":\"0\",\"icmp\":null,\"connect_ms\":5.000,\"hs_ms\":1.235,"
	       "\"hs_net_ms\":1.000,\"hs_ack_ms\":0.234,\"queue_ms\":0.000,"
	       "\"first_ms\":null,\"xfer_ms\":null,"
	       "\"syn_rtx\":0,\"synack_rtx\":1,"
	       "\"rtt_ms\":0.001,\"minrtt_ms\":0.001,\"rx_bytes\":1536,\"tx_bytes\":10737418240,\"rx_least\":1536,\"tx_"
	       "least\":10737418240,"
	       "\"rx_pkts\":11,\"tx_pkts\":12,\"copies\":null,\"rx_wire\":999999,\"tx_wire\":1048576,\"retrans\":7,"
	       "\"rx_retrans\":3,\"tx_retrans\":4,\"ooo\":5,\"zerowin\":6,"
	       "\"keepalive\":null,\"rx_fin\":null,\"tx_fin\":null,\"rx_rst\":null,\"tx_rst\":null,"
	       "\"gap_ms\":1.500,"
	       ""
	       "\"mss\":null,\"cwnd\":null,\"rttvar_ms\":null,\"rate_bps\":null,\"busy_ms\":null,\"rwnd_ms\":null,"
	       "\"sndbuf_ms\":null,\"notsent\":null,\"unread\":null,\"cc\":null,"
	       "\"state\":\"closed\",\"close\":\"rfin\",\"why\":null,\"pid\":4711,\"tid\":4712,\"comm\":\"a \\\"b\\\","
	       "\\u001b[1m\\u00ff\",\"exe\":\"/opt/\303\251 x\\\\y\",\"uid\":0,\"user\":\"root\",\"fd\":5,"
	       "\"last_pid\":null,"
	       "\"last_comm\":null,\"ppid\":null,\"parent\":null,\"cmdline\":null,\"cgroup\":null,\"unit\":null,"
	       "\"container\":null,"
	       "\"netns\":4026531840,\"cookie\":\"18446744073709551615\","
	       "\"cid\":\"1:b+XP2YyTOXKhPeAIDV6tFNRF3j0=\",\"host\":null,\"name\":null,"
	       "\"tls_ms\":null,\"tls_version\":null,\"alpn\":null,"
	       "\"group\":null,\"seen\":\"skw\",\"conn\":0}\n"
	       "{\"start\":1700000000.124456789,\"end\":1700000000.124456789,\"began\":null,\"dur_s\":0.000000,"
	       "\"dir\":\"out\",\"proto\":\"tcp\",\"laddr\":\"2001:db8::1\",\"lport\":50000,"
	       "\"raddr\":\"2001:db8:1234:5678:9abc:def0:1234:5678\",\"rport\":443,"
	       "\"peer\":\"2001:db8:1234:5678:9abc:def0:1234:5678\",\"port\":443,"
	       "\"server\":\"2001:db8:1234:5678:9abc:def0:1234:5678\",\"client\":\"2001:db8::1\","
	       "\"result\":\"refused\","
	       "\"errno\":\"ECONNREFUSED\",\"icmp\":null,\"connect_ms\":null,\"hs_ms\":null,"
	       "\"hs_net_ms\":null,\"hs_ack_ms\":null,\"queue_ms\":null,"
	       "\"first_ms\":null,\"xfer_ms\":null,"
	       "\"syn_rtx\":null,\"synack_rtx\":null,"
	       "\"rtt_ms\":null,\"minrtt_ms\":null,\"rx_bytes\":0,\"tx_bytes\":0,\"rx_least\":0,\"tx_least\":0,\"rx_"
	       "pkts\":null,"
	       "\"tx_pkts\":null,\"copies\":null,\"rx_wire\":null,\"tx_wire\":null,\"retrans\":0,\"rx_retrans\":null,"
	       "\"tx_retrans\":0,\"ooo\":null,\"zerowin\":null,"
	       "\"keepalive\":null,\"rx_fin\":null,\"tx_fin\":null,\"rx_rst\":null,\"tx_rst\":null,"
	       "\"gap_ms\":null,"
	       "\"mss\":null,\"cwnd\":null,\"rttvar_ms\":null,\"rate_bps\":null,\"busy_ms\":null,\"rwnd_ms\":null,"
	       "\"sndbuf_ms\":null,\"notsent\":null,\"unread\":null,\"cc\":null,"
	       "\"state\":null,\"close\":null,"
	       "\"why\":null,"
	       "\"pid\":null,\"tid\":null,\"comm\":null,\"exe\":null,\"uid\":null,\"user\":null,\"fd\":null,"
	       "\"last_pid\":null,"
	       "\"last_comm\":null,\"ppid\":null,\"parent\":null,\"cmdline\":null,\"cgroup\":null,\"unit\":null,"
	       "\"container\":null,"
	       "\"netns\":null,\"cookie\":null,\"cid\":\"1:sYBR+gtJDZpVJgofQRwD57mekOg=\","
	       "\"host\":null,\"name\":null,"
	       "\"tls_ms\":null,\"tls_version\":null,\"alpn\":null,"
	       "\"group\":null,\"seen\":\"wu\",\"conn\":0}\n"
	       "{\"start\":null,\"end\":null,\"began\":null,\"dur_s\":null,\"dir\":null,\"proto\":\"tcp\",\"laddr\":"
	       "null,"
	       "\"lport\":null,\"raddr\":null,\"rport\":null,\"peer\":null,\"port\":null,\"server\":null,\"client\":"
	       "null,"
	       "\"result\":\"unknown\",\"errno\":null,\"icmp\":null,\"connect_ms\":null,\"hs_ms\":null,"
	       "\"hs_net_ms\":null,\"hs_ack_ms\":null,\"queue_ms\":null,"
	       "\"first_ms\":null,\"xfer_ms\":null,"
	       "\"syn_rtx\":null,\"synack_rtx\":null,"
	       "\"rtt_ms\":null,\"minrtt_ms\":null,\"rx_bytes\":null,\"tx_bytes\":null,\"rx_least\":null,\"tx_least\":"
	       "null,\"rx_pkts\":null,"
	       "\"tx_pkts\":null,\"copies\":null,\"rx_wire\":null,\"tx_wire\":null,"
	       "\"retrans\":null,\"rx_retrans\":null,"
	       "\"tx_retrans\":null,\"ooo\":null,\"zerowin\":null,"
	       "\"keepalive\":null,\"rx_fin\":null,\"tx_fin\":null,\"rx_rst\":null,\"tx_rst\":null,"
	       "\"gap_ms\":null,"
	       "\"mss\":null,\"cwnd\":null,\"rttvar_ms\":null,\"rate_bps\":null,\"busy_ms\":null,\"rwnd_ms\":null,"
	       "\"sndbuf_ms\":null,\"notsent\":null,\"unread\":null,\"cc\":null,"
	       "\"state\":null,"
	       "\"close\":null,\"why\":null,\"pid\":null,\"tid\":null,\"comm\":null,\"exe\":null,\"uid\":null,"
	       "\"user\":null,\"fd\":null,\"last_pid\":null,"
	       "\"last_comm\":null,\"ppid\":null,\"parent\":null,\"cmdline\":null,\"cgroup\":null,\"unit\":null,"
	       "\"container\":null,"
	       "\"netns\":null,\"cookie\":null,\"cid\":null,"
	       "\"host\":null,\"name\":null,"
	       "\"tls_ms\":null,\"tls_version\":null,\"alpn\":null,"
	       "\"group\":null,\"seen\":null,\"conn\":0}\n");
	options = options_for(&report_peers, REPORT_JSON);
	expect(&report_peers, &options, 4, false,
	       "{\"peer\":\"198.51.100.7\",\"dir\":\"in\",\"port\":80,\"conns\":1,\"ok\":1,\"fail\":0,"
	       "\"refused\":0,\"reset\":0,\"timeout\":0,\"unreach\":0,\"abort\":0,\"error\":0,\"pending\":0,"
	       "\"unknown\":0,\"open\":0,\"syn_rtx\":0,\"synack_rtx\":1,\"syn_rtx_unknown\":0,\"dup_syn\":0,"
	       "\"dup_synack\":1,\"hs_ms\":1.235,\"hs_p95_ms\":1.235,\"hs_max_ms\":1.235,\"hs_ms_unknown\":0,"
	       "\"connect_ms\":5.000,\"connect_p95_ms\":5.000,\"connect_max_ms\":5.000,"
	       "\"connect_ms_unknown\":0,\"queue_ms\":0.000,\"queue_p95_ms\":0.000,\"queue_max_ms\":0.000,"
	       "\"queue_ms_unknown\":0,"
	       "\"first_ms\":null,\"first_p95_ms\":null,\"first_max_ms\":null,\"first_ms_unknown\":0,"
	       "\"tls_ms\":null,\"tls_p95_ms\":null,\"tls_max_ms\":null,"
	       "\"rtt_ms\":0.001,\"rtt_ms_unknown\":0,\"retrans\":7,"
	       "\"retrans_unknown\":0,\"rx_bytes\":1536,\"tx_bytes\":10737418240,\"rx_least\":1536,\"tx_least\":"
	       "10737418240,\"rx_bytes_unknown\":0,"
	       "\"tx_bytes_unknown\":0,\"rx_pkts\":11,\"tx_pkts\":12,\"rx_wire\":999999,\"tx_wire\":1048576,"
	       "\"dur_s\":2.500000,\"rate\":0.399,\"first\":1700000000.123456789,\"last\":1700000002.623457288,"
	       "\"why\":null,\"pids\":[4711],\"comms\":[\"a \\\"b\\\",\\u001b[1m\\u00ff\"]}\n"
	       "{\"peer\":\"203.0.113.9\",\"dir\":\"out\",\"port\":25,\"conns\":1,\"ok\":0,\"fail\":1,"
	       "\"refused\":0,\"reset\":0,\"timeout\":0,\"unreach\":1,\"abort\":0,\"error\":0,\"pending\":0,"
	       "\"unknown\":0,\"open\":1,\"syn_rtx\":2,\"synack_rtx\":null,\"syn_rtx_unknown\":0,\"dup_syn\":0,"
	       "\"dup_synack\":0,\"hs_ms\":null,\"hs_p95_ms\":null,\"hs_max_ms\":null,\"hs_ms_unknown\":0,"
	       "\"connect_ms\":null,\"connect_p95_ms\":null,\"connect_max_ms\":null,\"connect_ms_unknown\":0,"
	       "\"queue_ms\":null,\"queue_p95_ms\":null,\"queue_max_ms\":null,\"queue_ms_unknown\":0,"
	       ""
	       "\"first_ms\":null,\"first_p95_ms\":null,\"first_max_ms\":null,\"first_ms_unknown\":0,"
	       "\"tls_ms\":null,\"tls_p95_ms\":null,\"tls_max_ms\":null,"
	       "\"rtt_ms\":null,\"rtt_ms_unknown\":0,\"retrans\":null,\"retrans_unknown\":1,\"rx_bytes\":null,"
	       "\"tx_bytes\":null,\"rx_least\":null,\"tx_least\":null,\"rx_bytes_unknown\":1,\"tx_bytes_unknown\":1,"
	       "\"rx_pkts\":null,"
	       "\"tx_pkts\":null,\"rx_wire\":null,\"tx_wire\":null,\"dur_s\":60.001000,\"rate\":0.016,"
	       "\"first\":1700000000.122456789,\"last\":1700000060.123456789,\"why\":null,\"pids\":null,\"comms\":null}"
	       "\n"
	       "{\"peer\":\"2001:db8:1234:5678:9abc:def0:1234:5678\",\"dir\":\"out\",\"port\":443,\"conns\":1,"
	       "\"ok\":0,\"fail\":1,\"refused\":1,\"reset\":0,\"timeout\":0,\"unreach\":0,\"abort\":0,"
	       "\"error\":0,\"pending\":0,\"unknown\":0,\"open\":0,\"syn_rtx\":null,\"synack_rtx\":null,"
	       "\"syn_rtx_unknown\":1,\"dup_syn\":0,\"dup_synack\":0,\"hs_ms\":null,\"hs_p95_ms\":null,"
	       "\"hs_max_ms\":null,\"hs_ms_unknown\":0,\"connect_ms\":null,\"connect_p95_ms\":null,"
	       "\"connect_max_ms\":null,\"connect_ms_unknown\":0,\"queue_ms\":null,\"queue_p95_ms\":null,"
	       "\"queue_max_ms\":null,\"queue_ms_unknown\":0,"
	       "\"first_ms\":null,\"first_p95_ms\":null,\"first_max_ms\":null,\"first_ms_unknown\":0,"
	       "\"tls_ms\":null,\"tls_p95_ms\":null,\"tls_max_ms\":null,"
	       "\"rtt_ms\":null,\"rtt_ms_unknown\":0,"
	       "\"retrans\":0,\"retrans_unknown\":0,\"rx_bytes\":0,\"tx_bytes\":0,\"rx_least\":0,\"tx_least\":0,\"rx_"
	       "bytes_unknown\":0,"
	       "\"tx_bytes_unknown\":0,\"rx_pkts\":null,\"tx_pkts\":null,\"rx_wire\":null,\"tx_wire\":null,"
	       "\"dur_s\":0.000000,\"rate\":null,\"first\":1700000000.124456789,\"last\":1700000000.124456789,"
	       "\"why\":null,\"pids\":null,\"comms\":null}\n"
	       "{\"peer\":null,\"dir\":null,\"port\":null,\"conns\":1,\"ok\":0,\"fail\":0,\"refused\":0,"
	       "\"reset\":0,\"timeout\":0,\"unreach\":0,\"abort\":0,\"error\":0,\"pending\":0,\"unknown\":1,"
	       "\"open\":1,\"syn_rtx\":null,\"synack_rtx\":null,\"syn_rtx_unknown\":1,\"dup_syn\":0,"
	       "\"dup_synack\":0,\"hs_ms\":null,\"hs_p95_ms\":null,\"hs_max_ms\":null,\"hs_ms_unknown\":0,"
	       "\"connect_ms\":null,\"connect_p95_ms\":null,\"connect_max_ms\":null,\"connect_ms_unknown\":0,"
	       "\"queue_ms\":null,\"queue_p95_ms\":null,\"queue_max_ms\":null,\"queue_ms_unknown\":0,"
	       ""
	       "\"first_ms\":null,\"first_p95_ms\":null,\"first_max_ms\":null,\"first_ms_unknown\":0,"
	       "\"tls_ms\":null,\"tls_p95_ms\":null,\"tls_max_ms\":null,"
	       "\"rtt_ms\":null,\"rtt_ms_unknown\":0,\"retrans\":null,\"retrans_unknown\":1,\"rx_bytes\":null,"
	       "\"tx_bytes\":null,\"rx_least\":null,\"tx_least\":null,\"rx_bytes_unknown\":1,\"tx_bytes_unknown\":1,"
	       "\"rx_pkts\":null,"
	       "\"tx_pkts\":null,\"rx_wire\":null,\"tx_wire\":null,\"dur_s\":null,\"rate\":null,\"first\":null,"
	       "\"last\":null,\"why\":null,\"pids\":null,\"comms\":null}\n");
	options = options_for(&report_peers, REPORT_JSON);
	options.columns = "PEER,CONNS";
	options.time = REPORT_TIME_CLOCK;
	options.human = true;
	expect(&report_peers, &options, 4, false,
	       "{\"peer\":\"198.51.100.7\",\"conns\":1}\n"
	       "{\"peer\":\"203.0.113.9\",\"conns\":1}\n"
	       "{\"peer\":\"2001:db8:1234:5678:9abc:def0:1234:5678\",\"conns\":1}\n"
	       "{\"peer\":null,\"conns\":1}\n");
}

static void json_names_the_report_among_several(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_JSON);
	options.reports[1].ops = &report_peers;
	options.report_count = 2;
	options.columns = "CONNS,START,COMM";
	expect(&report_conns, &options, 2, false,
	       "{\"report\":\"conns\",\"start\":1700000000.123456789,\"comm\":\"a \\\"b\\\","
	       "\\u001b[1m\\u00ff\"}\n"
	       "{\"report\":\"conns\",\"start\":1700000000.124456789,\"comm\":null}\n");
	options = options_for(&report_peers, REPORT_JSON);
	options.reports[0].ops = &report_conns;
	options.reports[1].ops = &report_peers;
	options.report_count = 2;
	options.columns = "CONNS,START,COMMS";
	expect(&report_peers, &options, 2, false,
	       "{\"report\":\"peers\",\"conns\":1,\"comms\":[\"a \\\"b\\\",\\u001b[1m\\u00ff\"]}\n"
	       "{\"report\":\"peers\",\"conns\":1,\"comms\":null}\n");
}

static void tables_of_several_reports_are_apart(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_peers, REPORT_TABLE);
	options.reports[0].ops = &report_events;
	options.reports[1].ops = &report_peers;
	options.report_count = 2;
	options.columns = "CONNS,START";
	expect(&report_peers, &options, 2, false,
	       "\n"
	       "CONNS\n"
	       "    1\n"
	       "    1\n");
}

static void events_come_one_by_one(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_events, REPORT_TABLE);
	expect(&report_events, &options, 4, false,
	       "START           DIR LADDR           LPORT RADDR           RPORT RESULT      HS_MS RX_BYTES "
	       "TX_BYTES RETRANS      DUR_S    PID COMM            SYN_RTX SYNACK_RTX\n"
	       "22:13:20.123456 in  192.0.2.1          80 198.51.100.7    40001 ok          1.235     1536 "
	       "10737418240       7   2.500000   4711 a\\x20\"b\",\\x1b[1m\\xff       0          1\n"
	       "22:13:20.124456 out 2001:db8::1     50000 2001:db8:1234:5678:9abc:def0:1234:5678   443 "
	       "refused         -        0        0       0   0.000000      - -                     -          -\n"
	       "22:13:20.122456 out 192.0.2.1       50001 203.0.113.9        25 unreach         -        -    "
	       "    -       -  60.001000      - -                     2          -\n"
	       "-               -   -                   - -                   - unknown         -        -    "
	       "    -       -          -      - -                     -          -\n");
	options = options_for(&report_events, REPORT_RAW);
	options.columns = "RESULT,COMM";
	options.header = false;
	expect(&report_events, &options, 2, true,
	       "ok a\\x20\"b\",\\x1b[1m\\xff\n"
	       "refused -\n"
	       "unreach -\n"
	       "unknown -\n");
	options = options_for(&report_events, REPORT_TSV);
	options.columns = "RESULT,COMM";
	options.limit = 1;
	options.sort = "comm";
	expect(&report_events, &options, 2, true,
	       "RESULT\tCOMM\n"
	       "ok\ta\\x20\"b\",\\x1b[1m\\xff\n"
	       "refused\t-\n"
	       "unreach\t-\n"
	       "unknown\t-\n");
}

static void open_connections_are_counted_at_the_time(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_peers, REPORT_RAW);
	options.columns = "PEER,CONNS,OPEN,OK,REFUSED,UNREACH";
	expect(&report_peers, &options, 2, true,
	       "PEER CONNS OPEN OK REFUSED UNREACH\n"
	       "198.51.100.7 1 0 1 0 0\n"
	       "203.0.113.9 1 1 0 0 1\n"
	       "2001:db8:1234:5678:9abc:def0:1234:5678 1 0 0 1 0\n"
	       "- 1 1 0 0 0\n");
	options = options_for(&report_conns, REPORT_RAW);
	options.columns = "RADDR,STATE";
	expect(&report_conns, &options, 1, true,
	       "RADDR STATE\n"
	       "203.0.113.9 SYN_SENT\n"
	       "198.51.100.7 closed\n"
	       "2001:db8:1234:5678:9abc:def0:1234:5678 -\n"
	       "- -\n");
}

static void time_has_its_styles(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_RAW);
	options.columns = "START,END,DUR_S";
	options.time = REPORT_TIME_CLOCK;
	expect(&report_conns, &options, 4, false,
	       "START END DUR_S\n"
	       "22:13:20.122456 22:14:20.123456 60.001000\n"
	       "22:13:20.123456 22:13:22.623457 2.500000\n"
	       "22:13:20.124456 22:13:20.124456 0.000000\n"
	       "- - -\n");
	options = options_for(&report_conns, REPORT_RAW);
	options.columns = "START,END,DUR_S";
	options.time = REPORT_TIME_EPOCH;
	expect(&report_conns, &options, 4, false,
	       "START END DUR_S\n"
	       "1700000000.122456789 1700000060.123456789 60.001000\n"
	       "1700000000.123456789 1700000002.623457288 2.500000\n"
	       "1700000000.124456789 1700000000.124456789 0.000000\n"
	       "- - -\n");
	options = options_for(&report_conns, REPORT_RAW);
	options.columns = "START,END";
	options.time = REPORT_TIME_ISO;
	expect(&report_conns, &options, 4, false,
	       "START END\n"
	       "2023-11-14T22:13:20.122456+00:00 2023-11-14T22:14:20.123456+00:00\n"
	       "2023-11-14T22:13:20.123456+00:00 2023-11-14T22:13:22.623457+00:00\n"
	       "2023-11-14T22:13:20.124456+00:00 2023-11-14T22:13:20.124456+00:00\n"
	       "- -\n");
	options = options_for(&report_conns, REPORT_RAW);
	options.columns = "START,END";
	options.time = REPORT_TIME_RELATIVE;
	options.start_ns = EPOCH_NS - 2000000;
	expect(&report_conns, &options, 4, false,
	       "START END\n"
	       "0.001000 60.002000\n"
	       "0.002000 2.502000\n"
	       "0.003000 0.003000\n"
	       "- -\n");
	options = options_for(&report_conns, REPORT_RAW);
	options.columns = "START,END";
	options.time = REPORT_TIME_RELATIVE;
	options.sort = "start:desc";
	expect(&report_conns, &options, 4, false,
	       "START END\n"
	       "0.002000 0.002000\n"
	       "0.001000 2.501000\n"
	       "0.000000 60.001000\n"
	       "- -\n");
	options = options_for(&report_conns, REPORT_TABLE);
	options.columns = "START,END";
	options.time = REPORT_TIME_DELTA;
	expect(&report_conns, &options, 4, false,
	       "START    END\n"
	       "-        -\n"
	       "0.001000 -57.500000\n"
	       "0.001000 -2.499000\n"
	       "-        -\n");
	options = options_for(&report_conns, REPORT_TSV);
	options.columns = "START";
	options.time = REPORT_TIME_ISO;
	expect(&report_conns, &options, 1, false,
	       "START\n"
	       "1700000000.123456789\n");
	options = options_for(&report_events, REPORT_RAW);
	options.columns = "START";
	options.time = REPORT_TIME_DELTA;
	expect(&report_events, &options, 4, false,
	       "START\n"
	       "-\n"
	       "0.001000\n"
	       "-0.002000\n"
	       "-\n");
}

static void a_limit_cuts_the_sorted_rows(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_conns, REPORT_RAW);
	options.columns = "START,DIR";
	options.time = REPORT_TIME_EPOCH;
	options.limit = 2;
	expect(&report_conns, &options, 4, false,
	       "START DIR\n"
	       "1700000000.122456789 out\n"
	       "1700000000.123456789 in\n");
	options = options_for(&report_peers, REPORT_RAW);
	options.columns = "PEER,TX_BYTES";
	options.sort = "tx_bytes:desc";
	options.limit = 1;
	expect(&report_peers, &options, 4, false,
	       "PEER TX_BYTES\n"
	       "198.51.100.7 10737418240\n");
}

static void keys_come_first(void **state)
{
	struct report_options options;

	(void)state;
	options = options_for(&report_peers, REPORT_RAW);
	options.by = "result,cidr/16,uid,user,lport,rport,netns,proto,pid,exe";
	expect(&report_peers, &options, 4, false,
	       "RESULT CIDR UID USER LPORT RPORT NETNS PROTO PID EXE CONNS FAIL HS_MS QUEUE_MS RETRANS "
	       "RX_BYTES TX_BYTES COMMS\n"
	       "ok 198.51.0.0/16 0 root 80 40001 4026531840 tcp 4711 /opt/\\xc3\\xa9\\x20x\\x5cy 1 0 1.235 "
	       "0.000 7 1536 10737418240 a\\x20\"b\"\\x2c\\x1b[1m\\xff\n"
	       "refused 2001::/16 - - 50000 443 - tcp - - 1 1 - - 0 0 0 -\n"
	       "unknown - - - - - - tcp - - 1 0 - - - - - -\n"
	       "unreach 203.0.0.0/16 - - 50001 25 - tcp - - 1 1 - - - - - -\n");
	options = options_for(&report_peers, REPORT_RAW);
	options.by = "dir";
	options.columns = "+RATE,PIDS,CONNS";
	expect(&report_peers, &options, 4, false,
	       "DIR CONNS FAIL HS_MS QUEUE_MS RETRANS RX_BYTES TX_BYTES COMMS RATE PIDS\n"
	       "out 2 2 - - - - - - 0.033 -\n"
	       "in 1 0 1.235 0.000 7 1536 10737418240 a\\x20\"b\"\\x2c\\x1b[1m\\xff 0.399 4711\n"
	       "- 1 0 - - - - - - - -\n");
}

static void unknown_words_are_refused(void **state)
{
	static const struct {
		const char *by, *sort, *columns, *says;
	} cases[] = {
		{NULL, NULL, "RXBYTES",
		 "--columns: no column \"RXBYTES\" here; did you mean RX_BYTES? "
		 "--list-columns lists all"},
		{NULL, NULL, "+comn",
		 "--columns: no column \"comn\" here; did you mean COMM? "
		 "--list-columns lists all"},
		{NULL, NULL, "",
		 "--columns: no column \"\" here; --list-columns "
		 "lists those of the report"},
		{NULL, NULL, "PID,,COMM",
		 "--columns: no column \"\" here; "
		 "--list-columns lists those of the report"},
		{NULL, NULL, "PID,+COMM",
		 "--columns: no column \"+COMM\" here; did you mean COMM? "
		 "--list-columns lists all"},
		{NULL, NULL, "\x1b[2J\n",
		 "--columns: no column \"\\x1b[2J\\x0a\" here; "
		 "--list-columns lists those of the report"},
		{NULL, "stat", NULL,
		 "--sort: no column \"stat\" here; did you mean START? --list-columns "
		 "lists all"},
		{NULL, "pid:up", NULL, "--sort: no order \"up\"; allowed are asc and desc, as in --sort=pid:desc"},
		{NULL, "pid:desc:asc", NULL,
		 "--sort: no order \"desc:asc\"; allowed are asc and desc, as in "
		 "--sort=pid:desc"},
		{"pear", NULL, NULL,
		 "--by knows no key \"pear\"; the keys are peer, dir, port, pid, comm, exe, "
		 "uid, user, lport, "
		 "rport, netns, proto, cidr/N, result, host, group, laddr, server, client, cgroup, unit, "
		 "container, parent, name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report_options options =
			options_for(cases[i].by != NULL ? &report_peers : &report_conns, REPORT_TABLE);
		struct report *report = (struct report *)&options;
		struct err err = {""};

		options.by = cases[i].by;
		options.sort = cases[i].sort;
		options.columns = cases[i].columns;
		assert_int_equal(report_new(&report, &options, 0, stdout, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].says);
		assert_ptr_equal(report, &options);
	}
}

static void a_column_of_another_report_is_no_error(void **state)
{
	struct report_options options = options_for(&report_conns, REPORT_RAW);
	struct histogram_spec histogram = {.spread = PEERS_HS};
	struct report *report;
	struct err err = {""};

	(void)state;
	options.columns = "CONNS,FAIL";
	options.sort = "conns:desc";
	assert_int_equal(report_new(&report, &options, 0, stdout, &err), -EINVAL);
	options.reports[1].ops = &report_peers;
	options.report_count = 2;
	options.columns = "CONNS,PID";
	expect(&report_conns, &options, 1, false, "PID\n4711\n");
	/* With none of its own left, a report has its usual ones. */
	options.columns = "CONNS,FAIL";
	expect(&report_conns, &options, 0, false,
	       "START DIR LADDR LPORT RADDR RPORT RESULT HS_MS RX_BYTES TX_BYTES RETRANS DUR_S PID COMM\n");
	/* Each report is asked with its own keys: the histogram of all has none. */
	options = options_for(&report_histogram, REPORT_RAW);
	options.reports[0].spec = &histogram;
	options.reports[1].ops = &report_peers;
	options.report_count = 2;
	options.columns = "PEER,COUNT";
	expect(&report_histogram, &options, 1, false, "COUNT\n1\n");
	options.columns = "CONNS,FAIR";
	assert_int_equal(report_new(&report, &options, 0, stdout, &err), -EINVAL);
}

static void operands_are_parsed(void **state)
{
	enum report_format format = REPORT_TSV;
	struct report_choice choice = {NULL, NULL};
	enum report_time time = REPORT_TIME_ISO;
	struct err err = {""};

	(void)state;
	assert_int_equal(reports_parse(&choice, "conns", NULL, &err), 0);
	assert_ptr_equal(choice.ops, &report_conns);
	assert_int_equal(reports_parse(&choice, "peers", NULL, &err), 0);
	assert_ptr_equal(choice.ops, &report_peers);
	assert_int_equal(reports_parse(&choice, "conv,tcp", NULL, &err), 0);
	assert_ptr_equal(choice.ops, &report_conns);
	assert_int_equal(reports_parse(&choice, "events", NULL, &err), -EINVAL);
	assert_string_equal(err.text, "--report does not know \"events\"; allowed are peers, conns (also "
				      "called conv,tcp), groups, http,tree, tls,tree, io,stat,SEC and "
				      "histogram,COLUMN");
	assert_int_equal(report_parse_format("json", &format, &err), 0);
	assert_int_equal(format, REPORT_JSON);
	assert_int_equal(report_parse_format("xml", &format, &err), -EINVAL);
	assert_string_equal(err.text,
			    "--format does not know \"xml\"; "
			    "allowed are table, raw, json, csv, tsv, for io,stat plot and for --ladder mermaid");
	assert_int_equal(report_parse_time("delta", &time, &err), 0);
	assert_int_equal(time, REPORT_TIME_DELTA);
	assert_int_equal(report_parse_time("", &time, &err), -EINVAL);
	assert_string_equal(err.text, "--time does not know \"\"; allowed are clock, epoch, iso, relative and delta");
}

/* The order of two known cells of one column as text: numbers as numbers, the rest by their bytes. */
static int order_of(const struct column *column, const char *a, const char *b)
{
	double left = strtod(a, NULL), right = strtod(b, NULL);

	if (column->type == COLUMN_ADDRESS) {
		struct endpoint x = at(a, 0), y = at(b, 0);

		return endpoint_compare(&x, &y);
	}
	if (column_is_right(column->type) || column->type == COLUMN_TIME || column->type == COLUMN_NUMBERS)
		return (left > right) - (left < right);
	return strcmp(a, b);
}

static void check_order(const struct report_ops *kind, const struct column *column, const char *by, bool descending)
{
	struct report_options options = options_for(kind, REPORT_TSV);
	char *sort = NULL, *text, *rest, *line, *before = NULL;
	size_t rows = 0;

	assert_true(asprintf(&sort, "%s:%s", column->name, descending ? "desc" : "asc") > 0);
	options.sort = sort;
	options.columns = column->name;
	options.header = false;
	options.by = by;
	rest = text = say(kind, &options, CONN_NUM, false);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		rows++;
		if (before != NULL && strcmp(before, "-") == 0)
			assert_string_equal(line, "-");
		else if (before != NULL && strcmp(line, "-") != 0 && descending)
			assert_true(order_of(column, before, line) >= 0);
		else if (before != NULL && strcmp(line, "-") != 0)
			assert_true(order_of(column, before, line) <= 0);
		before = line;
	}
	assert_int_equal(rows, CONN_NUM);
	free(text);
	free(sort);
}

static void every_column_sorts_both_ways(void **state)
{
	const struct column *columns;
	size_t count;

	(void)state;
	columns = column_conns(&count);
	assert_true(count >= 50);
	for (size_t i = 0; i < count; i++) {
		check_order(&report_conns, &columns[i], NULL, false);
		check_order(&report_conns, &columns[i], NULL, true);
	}
	columns = column_groups(&count);
	assert_true(count >= 34);
	for (size_t i = 0; i < count; i++) {
		check_order(&report_peers, &columns[i], "rport", false);
		check_order(&report_peers, &columns[i], "rport", true);
	}
	for (unsigned int key = 0; key < PEERS_KEY_NUM; key++) {
		/* The second key makes four groups whatever the first is. */
		char by[32];

		snprintf(by, sizeof(by), "%s%s%s", peers_key_name(key), key == PEERS_KEY_CIDR ? "/8" : "",
			 key == PEERS_KEY_RPORT ? "" : ",rport");
		check_order(&report_peers, column_key(key), by, false);
		check_order(&report_peers, column_key(key), by, true);
	}
}

static void sorting_is_by_several_columns_and_stable(void **state)
{
	struct report_options options = options_for(&report_conns, REPORT_RAW);

	(void)state;
	options.columns = "DIR,LPORT";
	options.header = false;
	options.sort = "dir:desc,lport";
	expect(&report_conns, &options, 4, false, "out 50000\nout 50001\nin 80\n- -\n");
	options.sort = "dir:desc,lport:desc";
	expect(&report_conns, &options, 4, false, "out 50001\nout 50000\nin 80\n- -\n");
	/* What is equal stands in the report's own order: START. */
	options.sort = "DIR";
	expect(&report_conns, &options, 4, false, "in 80\nout 50001\nout 50000\n- -\n");
}

static void a_long_table_is_aligned_throughout(void **state)
{
	struct report_options options = options_for(&report_conns, REPORT_TABLE);
	struct report *report;
	char *text = NULL, *rest, *line;
	size_t size = 0, width = 0, rows = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	options.columns = "RX_BYTES,DIR,LPORT";
	assert_int_equal(report_new(&report, &options, 0, out, NULL), 0);
	for (int i = 0; i < 3000; i++) {
		struct conn conn = conns[0];

		conn.start_ns += i;
		conn.rx_bytes = (int64_t)i * i * i;
		report_finished(report, &conn);
	}
	assert_int_equal(report_print(report, NULL, NULL, true, NULL), 0);
	report_free(report);
	fclose(out);
	for (rest = text; (line = strsep(&rest, "\n")) != NULL && *line != '\0'; rows++) {
		if (rows == 0)
			assert_string_equal(line, "   RX_BYTES DIR LPORT");
		width = rows == 0 ? strlen(line) : width;
		assert_int_equal(strlen(line), width);
		assert_int_equal(strncmp(line + width - 9, rows == 0 ? "DIR" : "in ", 3), 0);
	}
	assert_int_equal(rows, 3001);
	free(text);
}

/* The first rows, with and without a limit, of many connections that finish in no order. */
static char *say_many(uint64_t limit)
{
	struct report_options options = options_for(&report_conns, REPORT_RAW);
	struct report *report;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	options.columns = "RX_BYTES,START,PID";
	options.sort = "rx_bytes:desc";
	options.limit = limit;
	options.header = false;
	assert_int_equal(report_new(&report, &options, 0, out, NULL), 0);
	for (int64_t i = 0; i < 30000; i++) {
		struct conn conn = conns[0];

		conn.rx_bytes = i * 7919 % 10007;
		conn.start_ns += i * 3571 % 8191 * 1000000;
		report_finished(report, &conn);
	}
	assert_int_equal(report_print(report, next_open, conns + 2, true, NULL), 0);
	report_free(report);
	fclose(out);
	return text;
}

static void a_limit_saves_memory_and_changes_nothing(void **state)
{
	char *all = say_many(0), *first = say_many(50);
	size_t lines = 0, length = 0;

	(void)state;
	while (lines < 50)
		lines += all[length++] == '\n';
	assert_int_equal(strlen(first), length);
	assert_memory_equal(all, first, length);
	/* Every copy has given its reference back. */
	assert_int_equal(hostile->references, 1);
	free(all);
	free(first);
}

static void names_are_asked_for_on_request(void **state)
{
	struct report_options options = options_for(&report_conns, REPORT_RAW);
	struct conn saved = conns[0];
	struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct servent *service = getservbyport(htons(80), "tcp");
	char host[NI_MAXHOST], *expected = NULL;
	const struct sockaddr *address = (const struct sockaddr *)&loopback;

	(void)state;
	if (getnameinfo(address, sizeof(loopback), host, sizeof(host), NULL, 0, NI_NAMEREQD) != 0)
		strcpy(host, "127.0.0.1");
	conns[0].flow.remote = at("127.0.0.1", 1);
	options.columns = "RADDR,LPORT,PEER";
	options.header = false;
	options.resolve = true;
	assert_true(asprintf(&expected, "%s %s %s\n", host, service != NULL ? service->s_name : "80", host) > 0);
	expect(&report_conns, &options, 1, false, expected);
	options.format = REPORT_TSV;
	expect(&report_conns, &options, 1, false, "127.0.0.1\t80\t127.0.0.1\n");
	conns[0] = saved;
	free(expected);
}

/* What one group says of @count processes. */
static char *say_processes(enum report_format format, int count)
{
	struct report_options options = options_for(&report_peers, format);
	struct report *report;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	options.columns = "PIDS,COMMS";
	options.header = false;
	assert_int_equal(report_new(&report, &options, 0, out, NULL), 0);
	for (int i = 0; i < count; i++) {
		struct conn conn = conns[0];

		conn.process = process_new(100 + i);
		snprintf(conn.process->comm, sizeof(conn.process->comm), "w,%d", i % 3 == 2 ? i : i % 3);
		report_finished(report, &conn);
		process_unref(conn.process);
	}
	assert_int_equal(report_print(report, NULL, NULL, true, NULL), 0);
	report_free(report);
	fclose(out);
	return text;
}

static void lists_say_that_there_is_more(void **state)
{
	char *text = say_processes(REPORT_RAW, 3);

	(void)state;
	assert_string_equal(text, "100,101,102 w\\x2c0,w\\x2c1,w\\x2c2\n");
	free(text);
	text = say_processes(REPORT_JSON, 2);
	assert_string_equal(text, "{\"pids\":[100,101],\"comms\":[\"w,0\",\"w,1\"]}\n");
	free(text);
	text = say_processes(REPORT_RAW, 200);
	assert_non_null(strstr(text, ",162,163,... w\\x2c0,"));
	assert_non_null(strstr(text, ",w\\x2c185,...\n"));
	free(text);
	text = say_processes(REPORT_JSON, 200);
	assert_non_null(strstr(text, ",162,163,null],\"comms\":["));
	assert_non_null(strstr(text, ",\"w,185\",null]}\n"));
	free(text);
}

static void local_time_says_how_far_it_is_off(void **state)
{
	struct report_options options = options_for(&report_conns, REPORT_RAW);

	(void)state;
	options.columns = "START";
	options.header = false;
	options.time = REPORT_TIME_ISO;
	setenv("TZ", "XXX3:30", 1); /* west of Greenwich */
	tzset();
	expect(&report_conns, &options, 1, false, "2023-11-14T18:43:20.123456-03:30\n");
	options.time = REPORT_TIME_CLOCK;
	expect(&report_conns, &options, 1, false, "18:43:20.123456\n");
	setenv("TZ", "UTC", 1);
	tzset();
}

static void a_report_can_be_printed_again(void **state)
{
	struct report_options options = options_for(&report_peers, REPORT_RAW);
	struct report *report;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	options.columns = "PEER,CONNS,OPEN,COMMS";
	assert_int_equal(report_new(&report, &options, 0, out, NULL), 0);
	report_finished(report, &conns[0]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(report_print(report, next_open, conns + 2, false, NULL), 0);
	report_finished(report, &conns[2]);
	assert_int_equal(report_print(report, NULL, NULL, true, NULL), 0);
	report_free(report);
	fclose(out);
	/* The header stands once in a stream; connections that were open are not counted twice. */
	assert_string_equal(text, "PEER CONNS OPEN COMMS\n"
				  "198.51.100.7 1 0 a\\x20\"b\"\\x2c\\x1b[1m\\xff\n203.0.113.9 1 1 -\n- 1 1 -\n"
				  "198.51.100.7 1 0 a\\x20\"b\"\\x2c\\x1b[1m\\xff\n203.0.113.9 1 1 -\n- 1 1 -\n"
				  "198.51.100.7 1 0 a\\x20\"b\"\\x2c\\x1b[1m\\xff\n203.0.113.9 1 1 -\n");
	free(text);
	text = NULL;
	/* A table has its header each time, and a blank line between. */
	out = open_memstream(&text, &size);
	options.format = REPORT_TABLE;
	options.columns = "CONNS";
	assert_int_equal(report_new(&report, &options, 0, out, NULL), 0);
	report_finished(report, &conns[0]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(report_print(report, NULL, NULL, i == 1, NULL), 0);
	report_free(report);
	fclose(out);
	assert_string_equal(text, "CONNS\n    1\n\nCONNS\n    1\n");
	free(text);
}

static void rows_between_other_tables_have_titles(void **state)
{
	static const struct io_filters filters;
	struct report_options options = options_for(&report_io_stat, REPORT_TABLE);
	struct report *report;
	struct io_spec spec;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct event frame = event_new(EVENT_FRAME, ORIGIN_WIRE, 0);
	const void *last = &options; /* some other table */

	(void)state;
	memset(&spec, 0, sizeof(spec));
	spec.interval_ns = CLOCK_NS_PER_SEC;
	spec.count = 1;
	spec.columns[0] = (struct io_column){.function = IO_FRAMES, .filter = -1};
	options.reports[options.report_count++].ops = &report_peers;
	options.last_printer = &last;
	options.time = REPORT_TIME_EPOCH;
	options.start_ns = 0;
	options.reports[0].spec = &spec;
	options.io_filters = &filters;
	assert_int_equal(report_new(&report, &options, 0, out, NULL), 0);
	frame.frame.length = 60;
	report_frame(report, &frame);
	/* None is over, two are, and none; another table follows, and the rest. */
	io_stat_print(report, CLOCK_NS_PER_SEC, false);
	io_stat_print(report, 3 * CLOCK_NS_PER_SEC, false);
	io_stat_print(report, 3 * CLOCK_NS_PER_SEC, false);
	last = &options;
	io_stat_print(report, 3 * CLOCK_NS_PER_SEC, true);
	report_free(report);
	fclose(out);
	assert_string_equal(text, "\n"
				  "START                     DUR_S FRAMES\n"
				  "0.000000000            1.000000      1\n"
				  "1.000000000            1.000000      0\n"
				  "\n"
				  "START                     DUR_S FRAMES\n"
				  "2.000000000            1.000000      0\n");
	free(text);
}

static void names_that_could_be_mistaken_are_escaped(void **state)
{
	struct report_options options = options_for(&report_conns, REPORT_RAW);
	char *exe = hostile->exe;
	char comm[16];

	(void)state;
	memcpy(comm, hostile->comm, sizeof(comm));
	strcpy(hostile->comm, "-");
	hostile->exe = NULL;
	options.columns = "COMM,EXE";
	options.header = false;
	expect(&report_conns, &options, 1, false, "\\x2d -\n");
	/* Fifteen bytes that are no character; the longest a name can get. */
	memset(hostile->comm, 0xfe, 15);
	hostile->comm[15] = '\0';
	hostile->exe = strdup("\t\n\r\x7f");
	expect(&report_conns, &options, 1, false,
	       "\\xfe\\xfe\\xfe\\xfe\\xfe\\xfe\\xfe\\xfe\\xfe\\xfe\\xfe\\xfe\\xfe\\xfe\\xfe \\x09\\x0a\\x0d\\x7f\n");
	options.format = REPORT_JSON;
	expect(&report_conns, &options, 1, false,
	       "{\"comm\":\"\\u00fe\\u00fe\\u00fe\\u00fe\\u00fe\\u00fe\\u00fe\\u00fe\\u00fe\\u00fe\\u00fe\\u00fe\\u00fe"
	       "\\u00fe\\u00fe\",\"exe\":\"\\u0009\\u000a\\u000d\\u007f\"}\n");
	free(hostile->exe);
	hostile->exe = exe;
	memcpy(hostile->comm, comm, sizeof(comm));
}

static void a_failure_to_write_comes_back(void **state)
{
	struct report_options options = options_for(&report_conns, REPORT_TABLE);
	static const struct report_ops *const kinds[] = {&report_conns, &report_peers, &report_events};
	struct summary summary = {0};
	int pipes[2];
	FILE *out = fopen("/dev/full", "w");
	FILE *broken;

	(void)state;
	assert_non_null(out);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(pipes), 0);
	close(pipes[0]);
	broken = fdopen(pipes[1], "w");
	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int format = 0; format < REPORT_FORMAT_NUM; format++) {
			struct report *report;
			struct err err = {""};

			options.reports[0].ops = kinds[i];
			options.format = format;
			assert_int_equal(report_new(&report, &options, 0, out, &err), 0);
			report_finished(report, &conns[0]);
			assert_int_equal(report_print(report, NULL, NULL, true, &err), -ENOSPC);
			assert_non_null(strstr(err.text, strerror(ENOSPC)));
			assert_int_equal(report_error(report, NULL), -ENOSPC);
			report_free(report);
			assert_int_equal(report_new(&report, &options, 0, broken, &err), 0);
			report_finished(report, &conns[0]);
			assert_int_equal(report_print(report, NULL, NULL, true, &err), -EPIPE);
			report_free(report);
		}
	}
	assert_int_equal(report_summary(out, REPORT_TABLE, &summary), -ENOSPC);
	assert_int_equal(report_list_columns(out), -ENOSPC);
	fclose(out);
	fclose(broken);
}

static void expect_summary(const struct summary *summary, enum report_format format, const char *expected)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_summary(out, format, summary), 0);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void the_accounts_say_what_was_lost(void **state)
{
	struct summary summary = {.duration_ns = 12345678901,
				  .connections = 1,
				  .cpu_ns = 250000000,
				  .stops = 1,
				  .peak_bytes = 7840 * 1024};

	(void)state;
	assert_false(report_has_lost(&summary));
	expect_summary(&summary, REPORT_CSV,
		       "conntrace: 12.345679 s, 1 connection, lost nothing; cost 0.250000 s "
		       "CPU, 7840 KiB, 1 stop, "
		       "0 packets\n");
	summary.connections = 20;
	summary.outcomes.results[RESULT_OK] = 14;
	summary.outcomes.results[RESULT_ERROR] = 1;
	summary.outcomes.results[RESULT_PENDING] = 3;
	summary.outcomes.syn_resent = 2;
	summary.outcomes.end_unknown = 2;
	summary.outcomes.inexact = 4;
	summary.inexact_remedy = "--watch-close";
	summary.accepts.failed = 7;
	summary.accepts.kinds = 1;
	summary.accepts.kind[0].pid = 4711;
	summary.accepts.kind[0].error = EMFILE;
	summary.accepts.kind[0].count = 7;
	summary.accepts.unaccepted = 2;
	summary.accepts.overflows = 1;
	summary.unattributed = 3;
	summary.has_processes = true;
	summary.packets = 1;
	summary.malformed = 1;
	summary.cpu_ns = CONN_UNKNOWN;
	summary.packet_peak_bytes = 5321 * 1024;
	summary.evicted = 7;
	assert_true(report_has_lost(&summary));
	expect_summary(&summary, REPORT_TABLE,
		       "conntrace: 12.345679 s, 20 connections (3 pending, 2 with retransmitted SYN; -O "
		       "+PENDING,SYN_RTX), process unknown of 3 of them, 2 with unknown end (closed or reset), "
		       "4 with inexact bytes (20.0 %), exact by --watch-close, accept(2) failed 7 times "
		       "(EMFILE 7 in 4711), 2 never accepted, accept queues of the network namespace overflowed "
		       "1 time, lost 7 connections (evicted "
		       "from memory); "
		       "cost - s CPU, 7840 + 5321 KiB, 1 stop, 1 packet (1 of them cut or malformed)\n");
	summary.left_out[SUMMARY_LEFT_COPY] = 5;
	summary.left_out[SUMMARY_LEFT_TUNNEL] = 1;
	summary.too_short = 9;
	summary.failed = 2;
	assert_int_equal(endpoint_parse(&summary.failed_with, "192.0.2.7"), 0);
	summary.failed_with.port = 8080;
	summary.lines = (struct log_lines){.read = 70, .left = {[LOG_LEFT_OTHER] = 50, [LOG_LEFT_APART] = 1}};
	expect_summary(&summary, REPORT_TABLE,
		       "conntrace: 12.345679 s, 20 connections (3 pending, 2 with retransmitted SYN; -O "
		       "+PENDING,SYN_RTX), process unknown of 3 of them, 2 with unknown end (closed or reset), "
		       "4 with inexact bytes (20.0 %), exact by --watch-close, "
		       "9 more of this host too short to find their owner (2 failed or were reset, the last one with "
		       "192.0.2.7 "
		       "port 8080), accept(2) failed 7 times "
		       "(EMFILE 7 in 4711), 2 never accepted, accept queues of the network namespace overflowed 1 "
		       "time, lost 7 connections (evicted from memory); "
		       "cost - s CPU, 7840 + 5321 KiB, 1 stop, 1 packet (1 of them cut or malformed); TCP frames in no "
		       "row: 5 copies, 1 in a tunnel (--decapsulate); 70 lines of the log (not "
		       "used: 50 of other calls or records, 1 without the other line of their call)\n");
	summary.tcp_frames = 9;
	summary.both_ends = 2;
	summary.malformed = 0;
	summary.packet_peak_bytes = 0;
	summary.peak_bytes = CONN_UNKNOWN;
	summary.evicted = 0;
	summary.lost[LOST_NETLINK] = -1;
	summary.lost[LOST_CAPTURE_KERNEL] = 12;
	assert_true(report_has_lost(&summary));
	expect_summary(&summary, REPORT_TABLE,
		       "conntrace: 12.345679 s, 20 connections (3 pending, 2 with retransmitted SYN; -O "
		       "+PENDING,SYN_RTX), process unknown of 3 of them, 2 with unknown end (closed or reset), "
		       "4 with inexact bytes (20.0 %), exact by --watch-close, "
		       "9 more of this host too short to find their owner (2 failed or were reset, the last one with "
		       "192.0.2.7 "
		       "port 8080), accept(2) failed 7 times "
		       "(EMFILE 7 in 4711), 2 never accepted, accept queues of the network namespace overflowed "
		       "1 time, lost 12 packets (capture "
		       "buffer of the "
		       "kernel) + an unknown number of socket events (netlink); cost - s CPU, - KiB, 1 stop, 1 "
		       "packet; TCP frames in no row: 5 copies, 1 in a tunnel (--decapsulate); 70 lines of the log "
		       "(not used: 50 of other "
		       "calls or records, 1 without the other line of their call)\n");
	expect_summary(&summary, REPORT_JSON,
		       "{\"summary\": {\"duration_s\":12.345679,\"connections\":20,\"ok\":14,\"failed\":1,"
		       "\"pending\":3,\"unknown\":0,\"syn_resent\":2,\"syn_resent_unknown\":0,"
		       "\"older\":0,\"end_unknown\":2,\"inexact\":4,\"unmatched\":0,\"unchosen\":0,"
		       "\"accept_failed\":7,\"accept_failures\":[{\"pid\":4711,\"errno\":\"EMFILE\",\"count\":7}],"
		       "\"unaccepted\":2,\"accept_waiting\":0,\"accept_queues_full\":0,\"accept_shared\":0,"
		       "\"listen_overflows\":1,"
		       "\"unattributed\":3,"
		       "\"targets\":0,\"unwatched\":0,\"partial\":0,\"reason\":null,\"advice\":null,\"too_short\":9,"
		       "\"too_short_failed\":2,\"gaps\":0,\"accepted_unseen\":0,\"accepted_unfound\":0,"
		       "\"lost\":{"
		       "\"capture_kernel\":12,\"capture_interface\":0,\"packet_queue\":0,\"netlink\":null,"
		       "\"call_queue\":0,"
		       "\"table\":0,\"messages\":0,\"packet_process\":0,\"timeline\":0,\"answers\":0,"
		       "\"lookups\":0,\"ring\":0,\"audit\":0},"
		       "\"evicted\":0,\"io_stat_uncounted\":0,"
		       "\"cpu_s\":null,\"peak_kib\":null,\"packet_peak_kib\":null,"
		       "\"stops\":1,\"packets\":1,\"malformed\":0,\"tcp_frames\":9,\"left_out\":{\"copy\":5,\"late\":0,"
		       "\"fragment\":0,\"malformed\":0,\"tunnel\":1,\"filtered\":0,\"unclaimed\":0,\"early\":0,"
		       "\"hidden\":0},"
		       "\"both_ends\":2,\"disordered\":0,\"timeless\":0,\"log_lines\":70,"
		       "\"log_unused\":{\"other\":50,\"foreign\":0,\"damaged\":0,\"numberless\":0,\"long\":0,"
		       "\"apart\":1,\"addressless\":0,\"kindless\":0}}}\n");
}

static size_t widest_line(const char *text)
{
	size_t most = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		most = length > most ? length : most;
		text += length + (text[length] == '\n');
	}
	return most;
}

/* However large a number is, a line does not wrap; a number that names something is whole. */
static void large_numbers_wrap_no_line(void **state)
{
	static const struct report_ops *const kinds[] = {&report_conns, &report_events};
	struct conn before = conns[0];
	char *got;

	(void)state;
	conns[0].rx_bytes = conns[0].tx_bytes = conns[0].hs_ns = conns[0].queue_ns = INT64_MAX;
	conns[0].rx_retrans = conns[0].tx_retrans = INT32_MAX;
	conns[0].end_ns = INT64_MAX;
	conns[0].process->pid = 4194304;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct report_options options = options_for(kinds[k], REPORT_TABLE);

		for (options.time = 0; options.time <= REPORT_TIME_DELTA; options.time++) {
			for (options.width = 80; options.width <= 220; options.width += 20) {
				got = say(kinds[k], &options, 4, kinds[k] == &report_events);
				assert_true(widest_line(got) >= 1 && widest_line(got) <= options.width);
				if (strstr(got, " PID") != NULL)
					assert_non_null(strstr(got, "4194304"));
				free(got);
			}
		}
		/* Where nothing wraps they are exact. */
		options = options_for(kinds[k], REPORT_TABLE);
		got = say(kinds[k], &options, 4, kinds[k] == &report_events);
		assert_non_null(strstr(got, "9223372036854775807"));
		free(got);
	}
	conns[0].process->pid = 4711;
	conns[0] = before;
}

static void tables_fit_on_a_terminal(void **state)
{
	static const struct report_ops *const kinds[] = {&report_peers, &report_conns, &report_groups, &report_events};
	struct groups *groups = groups_new();
	struct conn before = conns[0], second = conns[1];

	(void)state;
	conns[0].flow.remote = at("2001:db8:1234:5678:9abc:def0:c0a8:1b", 40001);
	conns[0].flow.local = at("2001:db8:1234:5678:9abc:def0:c0a8:1", 80);
	conns[0].rx_bytes = 123456789;
	conns[1].flow.remote = at("2001:db8:1234:5678:9abc:def0:c0a8:1c", 40001);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct report_options options = options_for(kinds[k], REPORT_TABLE);
		char *got, *chosen;

		options.groups = groups;
		for (options.width = 80; options.width <= 220; options.width += 10) {
			got = say(kinds[k], &options, 4, kinds[k] == &report_events);
			assert_true(widest_line(got) >= 1 && widest_line(got) <= options.width);
			if (kinds[k] != &report_groups) {
				assert_non_null(strstr(got, "1b "));
				assert_non_null(strstr(got, "1c "));
			}
			free(got);
		}
		/* Nowhere else does a column go, nor one that was asked for. */
		options.width = 0;
		got = say(kinds[k], &options, 4, kinds[k] == &report_events);
		assert_non_null(strstr(got, kinds[k] == &report_peers    ? "QUEUE_MS RETRANS"
					    : kinds[k] == &report_groups ? "DUP_SYN DUP_SYNACK"
									 : "LADDR"));
		options.width = 80;
		options.columns = "LADDR,RADDR,EXE,COMM,PID,RESULT,QUEUE_MS,HS_MS,RX_BYTES,TX_BYTES,DUR_S";
		chosen = kinds[k] == &report_conns ? say(kinds[k], &options, 4, false) : NULL;
		assert_true(chosen == NULL || strstr(chosen, "LADDR") != NULL);
		free(got);
		free(chosen);
	}
	conns[0] = before;
	conns[1] = second;
	groups_free(groups);
}

/* One group more than a table has room for: a quarter of them go. */
static char *print_flood(const struct report_options *options)
{
	const unsigned int heavy = 40, invented = (unsigned int)options->peers_max;
	struct report *report;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_new(&report, options, 0, out, NULL), 0);
	for (unsigned int i = 0; i < invented + heavy; i++) {
		struct conn conn = conns[1];

		conn.flow.remote = at("10.0.0.0", 1);
		conn.flow.remote.ip.s6_addr32[3] = htonl(0x0a000000 + (i < invented ? i : invented));
		conn.result = RESULT_TIMEOUT;
		conn.hs_ns = 1000000;
		report_finished(report, &conn);
	}
	assert_int_equal(report_print(report, NULL, NULL, true, NULL), 0);
	assert_int_equal(report_refused(report), 0);
	report_free(report);
	fclose(out);
	return text;
}

static void what_there_is_no_room_for_is_the_last_row(void **state)
{
	struct report_options options = options_for(&report_peers, REPORT_RAW);
	struct histogram_spec histogram = {.by = "peer", .spread = PEERS_HS};
	char *text, *json;

	(void)state;
	options.by = "peer,uid,result";
	options.columns = "UID,PEER,RESULT,CONNS,FAIL";
	options.limit = 1;
	options.peers_max = 1024;
	text = print_flood(&options);
	assert_string_equal(text, "UID PEER RESULT CONNS FAIL\n"
				  "- 10.0.4.0 timeout 40 40\n"
				  "other - - 256 256\n");
	options.format = REPORT_JSON;
	json = print_flood(&options);
	assert_non_null(strstr(json, "{\"uid\":null,\"peer\":null,\"result\":null,\"conns\":256,\"fail\":256,"
				     "\"other\":true}\n"));
	free(text);
	free(json);
	options = options_for(&report_histogram, REPORT_RAW);
	options.reports[0].spec = &histogram;
	options.limit = 1;
	options.peers_max = 1024;
	text = print_flood(&options);
	assert_non_null(strstr(text, "\nother "));
	assert_non_null(strstr(text, " 256 "));
	free(text);
}

static void the_list_names_every_column(void **state)
{
	char *text = NULL, *rest, *line;
	size_t size = 0, rows = 0, conns, groups, tree, messages;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	column_conns(&conns);
	column_groups(&groups);
	column_tree(&tree);
	column_messages(&messages);
	assert_int_equal(report_list_columns(out), 0);
	fclose(out);
	assert_non_null(strstr(text, "\nconns    RX_BYTES      bytes       integer  payload the traced side "
				     "received, each "
				     "byte once\n"));
	assert_non_null(strstr(text, "\npeers    CIDR          -           string   key: network of the other side\n"));
	for (rest = text; (line = strsep(&rest, "\n")) != NULL && *line != '\0'; rows++)
		assert_true(strlen(line) > 42);
	assert_int_equal(rows, 1 + PEERS_KEY_NUM + groups + conns + tree + messages);
	free(text);
}

static void decimals_are_rounded_without_floats(void **state)
{
	static const struct {
		int64_t number, unit;
		unsigned int decimals;
		const char *text;
	} cases[] = {
		{0, 1000000, 3, "0.000"},
		{499, 1000000, 3, "0.000"},
		{500, 1000000, 3, "0.001"},
		{999999, 1000000, 3, "1.000"},
		{1234567, 1000000, 3, "1.235"},
		{-500, 1000000, 3, "-0.001"},
		{-499, 1000000, 3, "0.000"},
		{1, 1000000000, 9, "0.000000001"},
		{17, 10, 1, "1.7"},
		{1999, 1000, 0, "2"},
		{INT64_MAX, 1000000000, 9, "9223372036.854775807"},
		{INT64_MIN, 1000000000, 6, "-9223372036.854776"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text text = {0};

		text_add_decimal(&text, cases[i].number, cases[i].unit, cases[i].decimals);
		assert_string_equal(text.data, cases[i].text);
		assert_int_equal(text.length, strlen(cases[i].text));
		text_free(&text);
	}
}

static void errno_has_its_names(void **state)
{
	char buffer[16];

	(void)state;
	assert_string_equal(errno_text(0, buffer, sizeof(buffer)), "0");
	assert_string_equal(errno_text(ECONNREFUSED, buffer, sizeof(buffer)), "ECONNREFUSED");
	assert_string_equal(errno_text(EINPROGRESS, buffer, sizeof(buffer)), "EINPROGRESS");
	assert_string_equal(errno_text(EPERM, buffer, sizeof(buffer)), "EPERM");
	assert_string_equal(errno_text(512, buffer, sizeof(buffer)), "512");
}

static void community_ids_are_those_of_others(void **state)
{
	/* The first two as Zeek and the specification's own examples have them. */
	static const struct {
		const char *local;
		uint16_t lport;
		const char *remote;
		uint16_t rport;
		const char *id;
	} cases[] = {
		{"1.2.3.4", 1122, "5.6.7.8", 3344, "1:wCb3OG7yAFWelaUydu0D+125CLM="},
		{"128.232.110.120", 34855, "66.35.250.204", 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"2001:470:e5bf:dead:4957:2174:e82c:4887", 63943, "2607:f8b0:400c:c03::1a", 25,
		 "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
		{"10.0.0.1", 10, "10.0.0.1", 20, "1:1Lc+0H/HgLmR5V4rmOeuDZQS11k="},
	};
	struct flow flow = {.proto = IPPROTO_TCP}, reverse;
	char text[COMMUNITY_ID_TEXT];

	(void)state;
	assert_null(community_id(&flow, text));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		flow.local = at(cases[i].local, cases[i].lport);
		flow.remote = at(cases[i].remote, cases[i].rport);
		reverse = flow_reverse(&flow);
		assert_string_equal(community_id(&flow, text), cases[i].id);
		assert_string_equal(community_id(&reverse, text), cases[i].id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_aligned),
		cmocka_unit_test(an_empty_table_has_its_header),
		cmocka_unit_test(a_terminal_shortens_names_only),
		cmocka_unit_test(colors_mark_what_failed),
		cmocka_unit_test(a_figure_never_leaves_out_the_worst),
		cmocka_unit_test(raw_has_single_blanks),
		cmocka_unit_test(human_shortens_bytes_for_people_only),
		cmocka_unit_test(csv_is_rfc_4180),
		cmocka_unit_test(tsv_has_tabs),
		cmocka_unit_test(json_is_a_line_per_row),
		cmocka_unit_test(json_names_the_report_among_several),
		cmocka_unit_test(tables_of_several_reports_are_apart),
		cmocka_unit_test(events_come_one_by_one),
		cmocka_unit_test(open_connections_are_counted_at_the_time),
		cmocka_unit_test(time_has_its_styles),
		cmocka_unit_test(a_limit_cuts_the_sorted_rows),
		cmocka_unit_test(keys_come_first),
		cmocka_unit_test(unknown_words_are_refused),
		cmocka_unit_test(a_column_of_another_report_is_no_error),
		cmocka_unit_test(operands_are_parsed),
		cmocka_unit_test(every_column_sorts_both_ways),
		cmocka_unit_test(sorting_is_by_several_columns_and_stable),
		cmocka_unit_test(a_long_table_is_aligned_throughout),
		cmocka_unit_test(a_limit_saves_memory_and_changes_nothing),
		cmocka_unit_test(names_are_asked_for_on_request),
		cmocka_unit_test(lists_say_that_there_is_more),
		cmocka_unit_test(local_time_says_how_far_it_is_off),
		cmocka_unit_test(a_report_can_be_printed_again),
		cmocka_unit_test(rows_between_other_tables_have_titles),
		cmocka_unit_test(names_that_could_be_mistaken_are_escaped),
		cmocka_unit_test(a_failure_to_write_comes_back),
		cmocka_unit_test(the_accounts_say_what_was_lost),
		cmocka_unit_test(large_numbers_wrap_no_line),
		cmocka_unit_test(tables_fit_on_a_terminal),
		cmocka_unit_test(what_there_is_no_room_for_is_the_last_row),
		cmocka_unit_test(the_list_names_every_column),
		cmocka_unit_test(decimals_are_rounded_without_floats),
		cmocka_unit_test(errno_has_its_names),
		cmocka_unit_test(community_ids_are_those_of_others),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
