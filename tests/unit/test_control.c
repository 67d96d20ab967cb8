// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "report/export/control.h"
#include "report/export/control_request.h"
#include "report/export/metrics.h"
#include "report/export/status.h"

static int parse(const char *line, struct control_request *request)
{
	return control_request_parse((struct span){(const uint8_t *)line, strlen(line)}, request);
}

static void requests_are_words(void **state)
{
	static const char *const wrong[] = {
		"",
		"get",
		"GET ",
		"GET  text",
		" GET",
		"GET text x",
		"GETtext",
		"GET TEXT",
		"REFRESH x",
		"REFRESH text ",
		"REFRESH  a",
		"REFRESH text a b",
		"PUT text",
		"REFRESH openmetrics",
		"REFRESH text a/b",
		"REFRESH text \xc3\xa4",
		"REFRESH text a\n",
		"REFRESH text a234567890123456789012345678901234",
	};
	struct control_request request;

	(void)state;
	assert_int_equal(parse("GET", &request), 0);
	assert_int_equal(request.format, CONTROL_JSON);
	assert_false(request.refresh);
	assert_int_equal(parse("GET openmetrics", &request), 0);
	assert_int_equal(request.format, CONTROL_OPENMETRICS);
	assert_int_equal(parse("REFRESH", &request), 0);
	assert_true(request.refresh);
	assert_string_equal(request.client, "");
	assert_int_equal(parse("REFRESH gmetric cron_5-min.a", &request), 0);
	assert_int_equal(request.format, CONTROL_GMETRIC);
	assert_string_equal(request.client, "cron_5-min.a");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (parse(wrong[i], &request) != -EINVAL)
			fail_msg("\"%s\" is a request", wrong[i]);
}

static void a_line_ends_with_lf_or_crlf(void **state)
{
	struct span line;

	(void)state;
	assert_false(control_request_end((struct span){(const uint8_t *)"GET\r", 4}, &line));
	assert_false(control_request_end((struct span){NULL, 0}, &line));
	assert_true(control_request_end((struct span){(const uint8_t *)"GET\r\nx", 6}, &line));
	assert_int_equal(line.length, 3);
	assert_true(control_request_end((struct span){(const uint8_t *)"GET\nGET\n", 8}, &line));
	assert_int_equal(line.length, 3);
}

/* The connections that a test has open. */
static struct conn open_conns[4];
static size_t open_count;

static const struct conn *next_open(void *context, const struct conn *previous)
{
	size_t at = previous == NULL ? 0 : (size_t)(previous - open_conns) + 1;

	(void)context;
	return at < open_count ? &open_conns[at] : NULL;
}

static struct conn conn_of(const char *peer, enum conn_result result)
{
	struct conn conn;

	conn_init(&conn);
	conn.dir = DIR_IN;
	conn.result = (uint8_t)result;
	conn.open = 0;
	assert_int_equal(endpoint_parse(&conn.flow.local, "192.0.2.1"), 0);
	assert_int_equal(endpoint_parse(&conn.flow.remote, peer), 0);
	conn.flow.local.port = 80;
	conn.flow.remote.port = 40000;
	conn.syn_rtx = conn.synack_rtx = 0;
	conn.rx_bytes = 100;
	conn.tx_bytes = 1000;
	conn.rx_least = conn.rx_bytes;
	conn.tx_least = conn.tx_bytes;
	return conn;
}

static void changes_are_counted_from_what_was_reported(void **state)
{
	struct groups *groups = groups_new();
	struct metrics *metrics = metrics_new(groups, 10, 0);
	struct conn conn = conn_of("192.0.2.7", RESULT_OK), odd = conn;
	struct status before = {.from_ns = 1, .to_ns = 2 * CLOCK_NS_PER_SEC}, now = {.from_ns = 1, .to_ns = 5};
	struct text text = {0};

	(void)state;
	conn.syn_rtx = 2;
	metrics_finished(metrics, &conn);
	odd.synack_rtx = -1;
	metrics_finished(metrics, &odd);
	open_count = 0;
	metrics_status(metrics, next_open, NULL, &before);
	status_json(&text, &before, false);
	assert_non_null(strstr(text.data,
			       "[{\"RX\":{\"success\":{\"total\":2,\"older\":0,\"dupsyn\":1,\"dupsynack\":null},"
			       "\"failure\":{\"total\":0,\"timeout\":0,\"reject\":0,\"unreach\":0,"));
	text_cut(&text, 0);
	status_gmetric(&text, &before);
	assert_string_equal(text.data, "tcpeek_RX_failure_timeout 0\ntcpeek_RX_failure_reject 0\n"
				       "tcpeek_RX_success_dupsyn 1\ntcpeek_TX_failure_timeout 0\n"
				       "tcpeek_TX_failure_reject 0\ntcpeek_TX_success_dupsyn 0\n"
				       "tcpeek_TX_success_dupsynack 0\n");
	conn.result = RESULT_UNREACH;
	metrics_finished(metrics, &conn);
	conn.result = RESULT_REFUSED;
	metrics_finished(metrics, &conn);
	open_conns[0] = conn_of("192.0.2.8", RESULT_OK);
	open_conns[0].synack_rtx = 1;
	open_conns[0].open = 1;
	open_conns[0].seen = SEEN_EXISTING;
	open_conns[1] = conn_of("192.0.2.8", RESULT_PENDING);
	open_count = 2;
	metrics_status(metrics, next_open, NULL, &now);
	status_since(&now, &before);
	assert_int_equal(now.from_ns, before.to_ns);
	text_cut(&text, 0);
	status_json(&text, &now, true);
	/* The one that was unknown lies before the change. */
	assert_non_null(strstr(text.data,
			       "[{\"RX\":{\"success\":{\"total\":1,\"older\":1,\"dupsyn\":0,\"dupsynack\":1},"
			       "\"failure\":{\"total\":2,\"timeout\":0,\"reject\":1,\"unreach\":1,"
			       "\"refused\":1,\"reset\":0,\"abort\":0,\"error\":0},"
			       "\"pending\":1,\"unknown\":0,\"since\":\"request\"}}"));
	assert_null(strstr(text.data, "pcap"));
	text_cut(&text, 0);
	status_gmetric(&text, &now);
	/* As tcpeek has it, unreachable ones are rejected. */
	assert_non_null(strstr(text.data, "tcpeek_RX_failure_reject 2\n"));
	text_free(&text);
	metrics_free(metrics);
	groups_free(groups);
}

static char *written(struct metrics *metrics, enum metrics_format format, struct text *text)
{
	const struct metrics_run run = {.version = "1.2", .start_ns = INT64_C(1700000000500000000)};

	text_cut(text, 0);
	metrics_write(metrics, next_open, NULL, &run, format, text);
	return text->data;
}

static void has_line(const char *text, const char *line)
{
	const char *found = strstr(text, line);

	if (found == NULL || (found != text && found[-1] != '\n'))
		fail_msg("no line %s in:\n%s", line, text);
}

static void peers_are_limited_and_the_rest_is_other(void **state)
{
	struct groups *groups = groups_new();
	struct metrics *metrics = metrics_new(groups, 2, 0);
	struct text text = {0};
	struct conn conn;

	(void)state;
	open_conns[0] = conn_of("192.0.2.7", RESULT_PENDING);
	open_conns[0].open = 1;
	open_count = 1;
	/* The first has its row from its first report, although others end before it. */
	has_line(written(metrics, METRICS_PROMETHEUS, &text),
		 "conntrace_peer_open_connections{peer=\"192.0.2.7\",direction=\"in\",port=\"80\"} 1\n");
	for (int i = 0; i < 5; i++) {
		char peer[32];

		snprintf(peer, sizeof(peer), "2001:db8::%d", i + 1);
		conn = conn_of("192.0.2.1", i == 3 ? RESULT_TIMEOUT : RESULT_OK);
		assert_int_equal(endpoint_parse(&conn.flow.remote, peer), 0);
		metrics_finished(metrics, &conn);
	}
	written(metrics, METRICS_PROMETHEUS, &text);
	has_line(text.data, "conntrace_peer_connections_total{peer=\"192.0.2.7\",direction=\"in\",port=\"80\","
			    "result=\"ok\"} 0\n");
	has_line(text.data, "conntrace_peer_connections_total{peer=\"2001:db8::1\",direction=\"in\",port=\"80\","
			    "result=\"ok\"} 1\n");
	has_line(text.data, "conntrace_peer_connections_total{peer=\"other\",direction=\"in\",port=\"other\","
			    "result=\"ok\"} 3\n");
	has_line(text.data, "conntrace_peer_connections_total{peer=\"other\",direction=\"in\",port=\"other\","
			    "result=\"timeout\"} 1\n");
	has_line(text.data, "conntrace_peer_sent_bytes_total{peer=\"other\",direction=\"in\",port=\"other\"} 4000\n");
	has_line(text.data, "conntrace_start_time_seconds 1700000000.500000000\n");
	assert_null(strstr(text.data, "2001:db8::2"));
	text_free(&text);
	metrics_free(metrics);
	groups_free(groups);
}

static void what_was_evicted_is_counted(void **state)
{
	struct metrics_run run = {.version = "1.2"};
	struct groups *groups = groups_new();
	struct metrics *metrics = metrics_new(groups, 2, 0);
	struct text text = {0};

	(void)state;
	open_count = 0;
	run.summary.evicted = 3;
	run.summary.lost[LOST_TABLE] = 20;
	metrics_write(metrics, next_open, NULL, &run, METRICS_PROMETHEUS, &text);
	has_line(text.data, "conntrace_evicted_connections_total 23\n");
	has_line(text.data, "conntrace_lost_total{where=\"table\"} 20\n");
	text_free(&text);
	metrics_free(metrics);
	groups_free(groups);
}

static void counters_never_go_down(void **state)
{
	struct groups *groups = groups_new();
	struct metrics *metrics = metrics_new(groups, 10, 0);
	struct text text = {0};
	struct conn conn = conn_of("192.0.2.7", RESULT_OK);

	(void)state;
	open_conns[0] = conn;
	open_conns[0].open = 1;
	open_count = 1;
	has_line(written(metrics, METRICS_PROMETHEUS, &text),
		 "conntrace_group_received_bytes_total{group=\"RX\"} 100\n");
	/* It ends, and the bytes received are unknown then. Reported bytes stay. */
	open_count = 0;
	conn.rx_bytes = CONN_UNKNOWN;
	conn.rx_least = 130;
	metrics_finished(metrics, &conn);
	written(metrics, METRICS_PROMETHEUS, &text);
	/* Its certain part counts. */
	has_line(text.data, "conntrace_group_received_bytes_total{group=\"RX\"} 130\n");
	has_line(text.data, "conntrace_group_unseen_connections_total{group=\"RX\",figure=\"received_bytes\"} 1\n");
	has_line(text.data, "conntrace_group_open_connections{group=\"RX\"} 0\n");
	text_free(&text);
	metrics_free(metrics);
	groups_free(groups);
}

static void names_are_escaped(void **state)
{
	struct groups *groups = groups_new();
	struct metrics *metrics;
	struct text text = {0};

	(void)state;
	assert_int_equal(groups_add(groups, "a\"b\\c{d}:RX@*:80", NULL), 0);
	assert_int_equal(groups_add(groups, "\xe3\x82\xa6\xff;rm:RX@*:80", NULL), 0);
	metrics = metrics_new(groups, 10, 0);
	open_count = 0;
	written(metrics, METRICS_PROMETHEUS, &text);
	has_line(text.data, "conntrace_group_open_connections{group=\"a\\\"b\\\\c{d}\"} 0\n");
	has_line(text.data, "conntrace_group_open_connections{group=\"\xe3\x82\xa6\\\\xff;rm\"} 0\n");
	written(metrics, METRICS_OPENMETRICS, &text);
	has_line(text.data, "# TYPE conntrace_group_connections counter\n");
	has_line(text.data, "conntrace_group_connections_total{group=\"RX\",result=\"ok\"} 0\n");
	assert_string_equal(text.data + text.length - 6, "# EOF\n");
	assert_null(strstr(text.data, "conntrace_peer_"));
	{
		struct status status = {.from_ns = 1, .to_ns = 2};

		metrics_status(metrics, next_open, NULL, &status);
		text_cut(&text, 0);
		status_gmetric(&text, &status);
		assert_non_null(strstr(text.data, "\ntcpeek_a_b_c_d__failure_timeout 0\n"));
		assert_non_null(strstr(text.data, "\ntcpeek______rm_failure_timeout 0\n"));
	}
	text_free(&text);
	metrics_free(metrics);
	groups_free(groups);
}

/* ---- the socket, server and clients in one process --------------------------- */

static struct groups *served;
static int64_t counted;

static void give_status(void *context, struct status *status)
{
	(void)context;
	status->groups = served;
	status->to_ns = counted;
	status->items[0][STATUS_OK].known = counted;
}

static void give_openmetrics(void *context, struct text *text)
{
	(void)context;
	text_add(text, "# EOF\n");
}

static int client_at(const char *path, const char *request)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

/* The answer that the client has when there is nothing more to do; "" for none. */
static const char *reported_to(struct control *control, int fd)
{
	static char answer[65536];
	ssize_t got;

	for (int i = 0; i < 8; i++)
		control_serve(control);
	got = recv(fd, answer, sizeof(answer) - 1, 0);
	answer[got > 0 ? got : 0] = '\0';
	close(fd);
	return answer;
}

/* The client n0 has been forgotten, and each answer to it says that the figures are of the whole run. */
static void check_forgotten(struct control *control, const char *path)
{
	const char *answer = reported_to(control, client_at(path, "REFRESH gmetric n0\n"));

	assert_ptr_equal(strstr(answer, CONTROL_FORGOTTEN), answer);
	answer = reported_to(control, client_at(path, "REFRESH gmetric n0\n"));
	assert_null(strstr(answer, "#"));
	/* Now n1 has been. */
	answer = reported_to(control, client_at(path, "REFRESH json n1\n"));
	assert_non_null(strstr(answer, "\"total\":7,"));
	assert_non_null(strstr(answer, "\"since\":\"start\"}}"));
	answer = reported_to(control, client_at(path, "REFRESH json n1\n"));
	assert_non_null(strstr(answer, "\"total\":0,"));
	assert_non_null(strstr(answer, "\"since\":\"request\"}}"));
	assert_non_null(strstr(reported_to(control, client_at(path, "GET json\n")), "\"since\":\"start\"}}"));
}

static void clients_are_answered_and_never_waited_for(void **state)
{
	const struct control_source source = {NULL, give_status, give_openmetrics};
	char folder[] = "/tmp/conntrace-control-XXXXXX", path[64], request[64];
	int fds[3 * CONTROL_CLIENTS_MAX];
	struct control *control = NULL, *other = NULL;
	struct err err = {""};

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/in/socket", folder);
	assert_int_equal(control_open(&control, path, &source, &err), 0);
	assert_int_equal(control_open(&other, path, &source, &err), -EADDRINUSE);
	assert_null(other);
	served = groups_new();
	counted = 5;
	assert_non_null(strstr(reported_to(control, client_at(path, "GET\n")), "\"total\":5,"));
	assert_string_equal(reported_to(control, client_at(path, "GET openmetrics\r\n")), "# EOF\n");
	assert_string_equal(reported_to(control, client_at(path, "EHLO\n")), "{\"error\":\"unknown request\"}\n");
	assert_non_null(strstr(reported_to(control, client_at(path, "REFRESH json a\n")), "\"total\":5,"));
	counted = 7;
	assert_non_null(strstr(reported_to(control, client_at(path, "REFRESH json a\n")), "\"total\":2,"));
	assert_non_null(strstr(reported_to(control, client_at(path, "REFRESH json b\n")), "\"total\":7,"));
	/* Three times as many as there is room for: those that ask nothing, and one that comes behind them. */
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		fds[i] = client_at(path, i % 2 ? "GET text" : "");
		control_serve(control);
	}
	assert_non_null(
		strstr(reported_to(control, client_at(path, "GET text\n")), "\nRX\n  Success                 7\n"));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
	/* More names than are remembered: the first ones start a new count, the last ones do not. */
	for (int i = 0; i <= CONTROL_BASELINES_OF_USER; i++) {
		snprintf(request, sizeof(request), "REFRESH json n%d\n", i);
		reported_to(control, client_at(path, request));
	}
	assert_non_null(strstr(reported_to(control, client_at(path, request)), "\"total\":0,"));
	check_forgotten(control, path);
	fds[0] = client_at(path, "REFRESH json n0\n");
	control_close(control);
	close(fds[0]);
	assert_int_equal(access(path, F_OK), -1);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
	groups_free(served);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_words),
		cmocka_unit_test(a_line_ends_with_lf_or_crlf),
		cmocka_unit_test(changes_are_counted_from_what_was_reported),
		cmocka_unit_test(peers_are_limited_and_the_rest_is_other),
		cmocka_unit_test(counters_never_go_down),
		cmocka_unit_test(what_was_evicted_is_counted),
		cmocka_unit_test(names_are_escaped),
		cmocka_unit_test(clients_are_answered_and_never_waited_for),
	};

	return UNIT_RUN(tests);
}
