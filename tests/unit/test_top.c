// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "report/top/top_closed.h"
#include "report/top/top_keys.h"
#include "report/top/top_layout.h"
#include "report/top/top_model.h"

#define SEC CLOCK_NS_PER_SEC
#define MS CLOCK_NS_PER_MS
/* 2023-11-14 22:13:20 UTC */
#define START (INT64_C(1700000000) * SEC)

/*
 * The screens below are what is to be seen; see() says where one differs. To
 * look at the others, print them.
 */

struct scene {
	struct top_model *model;
	struct top_state state;
	struct top_list list;
	struct top_grid grid;
	struct top_style style;
	struct process *nginx, *curl;
	int64_t now_ns;
};

static struct endpoint at(const char *ip, uint16_t port)
{
	struct endpoint endpoint;

	assert_int_equal(endpoint_parse(&endpoint, ip), 0);
	endpoint.port = port;
	return endpoint;
}

static struct conn connection(uint64_t id, enum conn_dir dir, const char *local, uint16_t lport, const char *remote,
			      uint16_t rport)
{
	struct conn conn;

	conn_init(&conn);
	conn.id = id;
	conn.dir = (uint8_t)dir;
	conn.flow.local = at(local, lport);
	conn.flow.remote = at(remote, rport);
	conn.seen = SEEN_CALLS | SEEN_KERNEL;
	conn.start_ns = conn.end_ns = START + 100 * MS;
	conn.result = RESULT_OK;
	conn.state = TCP_ESTABLISHED;
	conn.rx_bytes = conn.tx_bytes = 0;
	conn.tx_retrans = 0;
	conn.open = 1;
	return conn;
}

static void begin(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->model = top_model_new(START);
	top_state_init(&scene->state);
	scene->state.utf8 = true;
	scene->state.keep_ns = 2 * SEC;
	strcpy(scene->state.title, "pid 711");
	scene->style.state = &scene->state;
	scene->nginx = process_new(711);
	strcpy(scene->nginx->comm, "nginx");
	scene->curl = process_new(1234567);
	strcpy(scene->curl->comm, "a b\x1b[1mcurl");
}

static void end(struct scene *scene)
{
	top_model_free(scene->model);
	top_order_free(&scene->list);
	top_grid_free(&scene->grid);
	process_unref(scene->nginx);
	process_unref(scene->curl);
}

static void tick(struct scene *scene, int64_t after_ns, const struct conn *conns, size_t count)
{
	scene->now_ns = scene->style.now_ns = START + after_ns;
	top_model_begin(scene->model, scene->now_ns);
	for (size_t i = 0; i < count; i++)
		top_model_open(scene->model, &conns[i]);
	top_model_end(scene->model, scene->state.keep_ns, 0);
}

static void order(struct scene *scene)
{
	const struct top_rows rows = top_model_rows(scene->model);

	top_order(&scene->list, &rows, &scene->style);
	top_keys_settle(&scene->state, &scene->list, top_layout_rows(scene->grid.height));
}

static void draw(struct scene *scene, unsigned int width, unsigned int height)
{
	top_grid_resize(&scene->grid, width, height);
	order(scene);
	scene->state.scroll_most =
		top_layout(&scene->grid, &scene->list, top_model_totals(scene->model), &scene->style);
}

static char *plain(const struct scene *scene)
{
	struct text text = {0};

	for (unsigned int y = 0; y < scene->grid.height; y++)
		top_grid_plain(&text, &scene->grid, y);
	return text.data;
}

static void see(struct scene *scene, unsigned int width, unsigned int height, const char *wanted)
{
	char *got;

	draw(scene, width, height);
	got = plain(scene);
	if (strcmp(got, wanted) != 0)
		print_error("got:\n%swanted:\n%s", got, wanted);
	assert_string_equal(got, wanted);
	free(got);
}

static void press(struct scene *scene, int key)
{
	assert_int_equal(top_keys_press(&scene->state, key, &scene->list, top_layout_rows(scene->grid.height)),
			 TOP_ACTION_DRAW);
	order(scene);
}

static void type(struct scene *scene, const char *keys)
{
	while (*keys != '\0')
		press(scene, *keys++);
}

#define CONNS 4

/* Two served, one of them over IPv6; one that failed; one older than the run. Seen twice, a second apart. */
static void play(struct scene *scene)
{
	struct conn conns[CONNS] = {
		connection(1, DIR_IN, "192.0.2.1", 443, "198.51.100.7", 40001),
		connection(2, DIR_IN, "192.0.2.1", 80, "203.0.113.250", 65535),
		connection(3, DIR_OUT, "192.0.2.1", 50000, "198.51.100.9", 25),
		connection(4, DIR_IN, "192.0.2.1", 22, "198.51.100.7", 40002),
	};

	conns[0].process = conns[1].process = scene->nginx;
	conns[2].process = scene->curl;
	conns[3].seen |= SEEN_EXISTING;
	conns[3].tx_retrans = -1;
	conns[3].rx_bytes = 5000000;
	conns[3].tx_bytes = INT64_C(123456789012);
	conns[2].state = TCP_SYN_SENT;
	conns[2].result = RESULT_PENDING;
	tick(scene, SEC, conns, CONNS);
	conns[0].rx_bytes = 1536;
	conns[0].tx_bytes = 2500000;
	conns[0].rtt_ns = 12 * MS + 345678;
	conns[0].hs_ns = 25 * MS;
	conns[0].queue_ns = 1 * MS;
	conns[0].tx_retrans = 7;
	conns[1].rx_bytes = 999;
	conns[1].tx_bytes = 0;
	conns[1].rtt_ns = 45678;
	conns[3].rx_bytes = 5000100;
	conns[2].result = RESULT_REFUSED;
	conns[2].state = STATE_CLOSED;
	conns[2].open = 0;
	conns[2].end_ns = START + 1500 * MS;
	top_model_finished(scene->model, &conns[2]);
	conns[2] = conns[3];
	tick(scene, 2 * SEC, conns, CONNS - 1);
}

/* ---- numbers ------------------------------------------------------------------------------ */

static void expect_amount(int64_t amount, enum top_units units, const char *wanted)
{
	struct text text = {0};

	top_text_amount(&text, amount, units);
	assert_string_equal(text.data, wanted);
	assert_true(text.length <= 4);
	text_free(&text);
}

static void expect_bytes(const struct top_row *row, const char *rx, const char *tx, const char *both)
{
	static const struct top_state state = {.units = TOP_UNITS_BYTES};
	const struct top_style style = {.state = &state};
	const enum top_column columns[] = {TOP_RX, TOP_TX, TOP_BYTES};
	const char *const wanted[] = {rx, tx, both};

	for (size_t i = 0; i < 3; i++) {
		struct text text = {0};

		top_cell(&text, row, columns[i], &style, 8);
		assert_string_equal(text.data, wanted[i]);
		text_free(&text);
	}
}

static void at_least_so_many_bytes(void **state)
{
	struct top_row row = {0}, exact = {0}, fold = {0};

	(void)state;
	exact.conn = connection(1, DIR_IN, "192.0.2.1", 80, "192.0.2.2", 40000);
	exact.conn.rx_bytes = exact.conn.rx_least = 100;
	exact.conn.tx_bytes = exact.conn.tx_least = 7;
	row.conn = connection(2, DIR_IN, "192.0.2.1", 80, "192.0.2.2", 40001);
	row.conn.rx_bytes = row.conn.rx_least = row.conn.tx_least = CONN_UNKNOWN;
	row.conn.tx_bytes = CONN_UNKNOWN;
	expect_bytes(&exact, "100", "7", "107");
	expect_bytes(&row, "-", "-", "-");
	row.conn.rx_least = 156;
	expect_bytes(&row, "156+", "-", "-");
	row.conn.tx_bytes = row.conn.tx_least = 10;
	expect_bytes(&row, "156+", "10", "166+");
	top_fold_begin(&fold, &exact);
	top_fold_add(&fold, &exact);
	top_fold_add(&fold, &row);
	expect_bytes(&fold, "256+", "17", "273+");
}

static void an_unknown_pid_is_no_number(void **state)
{
	struct process *one_of_several = process_new(-1);
	struct text text = {0};

	(void)state;
	strcpy(one_of_several->comm, "nginx");
	top_process_text(&text, one_of_several, 40);
	assert_string_equal(text.data, "nginx[-]");
	text_free(&text);
	process_unref(one_of_several);
}

static void the_most_of_a_minute_is_no_less_than_now(void **state)
{
	struct top_totals totals = {.rx_rate = 548, .tx_rate = 10};
	struct scene scene;
	char *got;

	(void)state;
	begin(&scene);
	totals.past[0][TOP_MINUTE - 1] = 411;
	totals.past[1][TOP_MINUTE - 1] = 12;
	tick(&scene, SEC, NULL, 0);
	order(&scene);
	top_grid_resize(&scene.grid, 80, 10);
	top_layout(&scene.grid, &scene.list, &totals, &scene.style);
	got = plain(&scene);
	assert_non_null(strstr(got, "max 548 "));
	assert_non_null(strstr(got, "max 12\n"));
	free(got);
	end(&scene);
}

static void test_amounts(void **state)
{
	(void)state;
	expect_amount(-1, TOP_UNITS_BYTES, "-");
	expect_amount(0, TOP_UNITS_BYTES, "0");
	expect_amount(999, TOP_UNITS_BYTES, "999");
	expect_amount(1000, TOP_UNITS_BYTES, "1.0k");
	expect_amount(1049, TOP_UNITS_BYTES, "1.0k");
	expect_amount(1050, TOP_UNITS_BYTES, "1.1k");
	expect_amount(9949, TOP_UNITS_BYTES, "9.9k");
	expect_amount(9950, TOP_UNITS_BYTES, "10k");
	expect_amount(999499, TOP_UNITS_BYTES, "999k");
	expect_amount(999500, TOP_UNITS_BYTES, "1.0M");
	expect_amount(1023, TOP_UNITS_BYTES_IEC, "1.0k");
	expect_amount(1536, TOP_UNITS_BYTES_IEC, "1.5k");
	expect_amount(INT64_C(1) << 40, TOP_UNITS_BYTES_IEC, "1.0T");
	expect_amount(INT64_MAX, TOP_UNITS_BYTES, "9.2E");
	/* Amounts stay in bytes when rates are in bits. */
	expect_amount(1000, TOP_UNITS_BITS, "1.0k");
	for (int64_t amount = 1; amount < INT64_MAX / 3; amount = amount * 3 + 1) {
		for (unsigned int units = 0; units < TOP_UNITS_NUM; units++) {
			struct text text = {0};

			top_text_amount(&text, amount, units);
			assert_true(text.length <= 4);
			text_cut(&text, 0);
			top_text_rate(&text, amount, units);
			assert_true(text.length <= 4);
			text_free(&text);
		}
	}
}

static void test_spans(void **state)
{
	static const struct {
		int64_t span_ns;
		const char *text;
	} spans[] = {
		{-1, "-"},           {0, "0s"},
		{SEC - 1, "0s"},     {59 * SEC, "59s"},
		{60 * SEC, "1m"},    {3599 * SEC, "59m"},
		{3600 * SEC, "1h"},  {86399 * SEC, "23h"},
		{86400 * SEC, "1d"}, {INT64_C(86400) * 5000 * SEC, "999d"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct text text = {0};

		top_text_span(&text, spans[i].span_ns);
		assert_string_equal(text.data, spans[i].text);
		text_free(&text);
	}
}

/* ---- rates -------------------------------------------------------------------------------- */

static const struct top_row *row_of(const struct scene *scene, uint64_t id)
{
	const struct top_rows rows = top_model_rows(scene->model);

	for (size_t i = 0; i < rows.count; i++)
		if (rows.rows[i]->conn.id == id)
			return rows.rows[i];
	return NULL;
}

/* One that was there before the run has a rate from the second look on; one whose birth was seen at once. */
static void test_rates(void **state)
{
	struct scene scene;
	struct conn conns[2] = {
		connection(1, DIR_IN, "192.0.2.1", 80, "192.0.2.2", 4001),
		connection(2, DIR_IN, "192.0.2.1", 80, "192.0.2.2", 4002),
	};

	(void)state;
	begin(&scene);
	conns[0].seen |= SEEN_EXISTING;
	conns[0].rx_bytes = 1000000;
	conns[1].rx_bytes = 3000;
	tick(&scene, 500 * MS, conns, 2);
	assert_int_equal(row_of(&scene, 1)->rx_rate, CONN_UNKNOWN);
	assert_int_equal(row_of(&scene, 2)->rx_rate, 6000);
	assert_int_equal(top_model_totals(scene.model)->rx_rate, 6000);
	conns[0].rx_bytes += 500;
	tick(&scene, 1000 * MS, conns, 2);
	assert_int_equal(row_of(&scene, 1)->rx_rate, 1000);
	assert_int_equal(row_of(&scene, 2)->rx_rate, 0);
	assert_int_equal(top_model_totals(scene.model)->rx_rate, 1000);
	/* The window is a second, so what came first is out of it. */
	tick(&scene, 1500 * MS, conns, 2);
	assert_int_equal(row_of(&scene, 1)->rx_rate, 500);
	assert_int_equal(row_of(&scene, 2)->rx_rate, 0);
	/* Counters that were wiped are no rate. */
	conns[1].rx_bytes = 10;
	conns[1].tx_bytes = CONN_UNKNOWN;
	tick(&scene, 2000 * MS, conns, 2);
	assert_int_equal(row_of(&scene, 2)->rx_rate, CONN_UNKNOWN);
	assert_int_equal(row_of(&scene, 2)->tx_rate, CONN_UNKNOWN);
	/* A tick that comes late: the rate is of the time since the one before. */
	conns[0].rx_bytes += 8000;
	tick(&scene, 6000 * MS, conns, 2);
	assert_int_equal(row_of(&scene, 1)->rx_rate, 2000);
	end(&scene);
}

/* Short ones that are reported between ticks are rows for the given time, and stay counted. */
static void test_short(void **state)
{
	struct scene scene;
	const struct top_totals *totals;
	char host[16];

	(void)state;
	begin(&scene);
	totals = top_model_totals(scene.model);
	for (uint64_t id = 1; id <= 1000; id++) {
		struct conn conn = connection(id, DIR_IN, "192.0.2.1", 80, "192.0.2.2", (uint16_t)id);

		conn.rx_bytes = 100;
		conn.open = 0;
		conn.process = scene.nginx;
		conn.result = id % 10 == 0 ? RESULT_RESET : RESULT_OK;
		strcpy(host, "example");
		conn.host = host;
		top_model_finished(scene.model, &conn);
		/* What it points to is lent. */
		strcpy(host, "gone");
	}
	assert_null(row_of(&scene, 1));
	tick(&scene, SEC, NULL, 0);
	assert_non_null(row_of(&scene, 1000));
	assert_string_equal(row_of(&scene, 1000)->conn.host, "example");
	assert_int_equal(totals->seen, 1000);
	assert_int_equal(totals->failed, 100);
	assert_int_equal(totals->open, 0);
	assert_int_equal(totals->rx_rate, 100000);
	tick(&scene, 2 * SEC, NULL, 0);
	assert_int_equal(totals->rx_rate, 0);
	assert_non_null(row_of(&scene, 1000));
	tick(&scene, 2 * SEC + 200 * MS, NULL, 0);
	assert_null(row_of(&scene, 1000));
	assert_int_equal(totals->seen, 1000);
	/* They have left the list, and nothing else. */
	draw(&scene, 80, 10);
	assert_int_equal(scene.list.count, 0);
	assert_int_equal(scene.list.total.members, 1000);
	assert_int_equal(scene.list.total.failed, 100);
	assert_int_equal(scene.list.total.living, 0);
	assert_int_equal(scene.list.total.conn.rx_bytes, 100000);
	type(&scene, "/state=reset\n");
	assert_int_equal(scene.list.total.members, 100);
	type(&scene, "/\x15port=80 comm=ginx\n");
	assert_int_equal(scene.list.total.members, 1000);
	type(&scene, "/\x15port=7\n");
	assert_int_equal(scene.list.total.members, 0);
	press(&scene, TOP_KEY_ESCAPE);
	scene.state.fold = TOP_FOLD_PEERS;
	see(&scene, 80, 7,
	    " pid 711                 0 open, 1000 seen, 100 failed                  0:00:02\n"
	    "RX     0                  █  max 100k   TX     0                       max 0\n"
	    "PEER             PROCESS CONNS CLOSED FAIL DIR STATE    IDLE▼RX/s▼TX/s   RX   TX\n"
	    "192.0.2.2        nginx    1000   1000  100 in  closed     2s    0    0 100k    0\n"
	    "\n"
	    "TOTAL                     1000   1000  100                      0    0 100k    0\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause         1-1 of 1  by RATE  B/s\n");
	process_ref(scene.nginx);
	end(&scene);
	assert_int_equal(scene.nginx->references, 1);
	process_unref(scene.nginx);
}

/* One that has ended, and that the tracker still has, is counted once, though it is not listed any more. */
static void test_lingering(void **state)
{
	struct scene scene;
	struct conn conn = connection(1, DIR_OUT, "192.0.2.1", 4001, "192.0.2.2", 80);

	(void)state;
	begin(&scene);
	conn.open = 0;
	conn.state = STATE_CLOSED;
	for (int i = 1; i < 20; i++)
		tick(&scene, i * SEC, &conn, 1);
	assert_int_equal(top_model_totals(scene.model)->seen, 1);
	assert_true(row_of(&scene, 1)->hidden);
	order(&scene);
	assert_int_equal(scene.list.count, 0);
	top_model_finished(scene.model, &conn);
	tick(&scene, 20 * SEC, NULL, 0);
	assert_int_equal(top_model_totals(scene.model)->seen, 1);
	assert_null(row_of(&scene, 1));
	end(&scene);
}

/* ---- screens ------------------------------------------------------------------------------ */

static void test_screens(void **state)
{
	struct scene scene;
	char *got;

	(void)state;
	begin(&scene);
	see(&scene, 60, 7,
	    " pid 711          0 open, 0 seen, 0 failed          0:00:00\n"
	    "RX     -                      TX     -\n"
	    "PEER             PROCESS DIR STATE  IDLE▼RX/s▼TX/s   RX   TX\n"
	    " no connection yet\n"
	    "\n"
	    "TOTAL  0 open, 0 closed                     -    -    0    0\n"
	    "q quit  ? help  s sort  / filter      0-0 of 0  by RATE  B/s\n");
	play(&scene);
	see(&scene, 40, 10,
	    " pid 711         3 open         0:00:02\n"
	    "RX  2.6k         █  TX  2.5M           █\n"
	    "PEER            PROCESS STATE ▼RX/s▼TX/s\n"
	    "198.…00.7:40001 nginx   ESTAB  1.5k 2.5M\n"
	    "203.….250:65535 nginx   ESTAB   999    0\n"
	    "198.…00.7:40002 -       ESTAB   100    0\n"
	    "198.51.100.9:25 a\\x20.. refus…    0    0\n"
	    "\n"
	    "TOTAL  3 open, 1 closed        2.6k 2.5M\n"
	    "q quit  ? help    1-4 of 4  by RATE  B/s\n");
	see(&scene, 80, 10,
	    " pid 711                    3 open, 4 seen, 1 failed                    0:00:02\n"
	    "RX  2.6k                   █ max 2.6k   TX  2.5M                     █ max 2.5M\n"
	    "PEER                  PROCESS      DIR STATE   IDLE▼RX/s▼TX/s   RX   TX  RTT RTX\n"
	    "198.51.100.7:40001    nginx[711]   in  ESTAB     0s 1.5k 2.5M 1.5k 2.5M 12.3   7\n"
	    "203.0.113.250:65535   nginx[711]   in  ESTAB     0s  999    0  999    0 0.05   0\n"
	    "198.51.100.7:40002    -            in  ESTAB     0s  100    0 5.0M 123G    -   -\n"
	    "198.51.100.9:25       a\\x20b\\x1b.. out refused   0s    0    0    0    0    -   0\n"
	    "\n"
	    "TOTAL  3 open, 1 closed                             2.6k 2.5M 5.0M 123G        -\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause         1-4 of 4  by RATE  B/s\n");
	scene.state.paused = scene.state.is_file = true;
	scene.state.percent = 37;
	scene.state.units = TOP_UNITS_BITS;
	scene.state.utf8 = false;
	see(&scene, 80, 8,
	    " PAUSED  pid 711           3 open, 4 seen, 1 failed            0:00:02  x1  37%\n"
	    "RX   21k                   @ max 21k    TX   20M                     @ max 20M\n"
	    "PEER                  PROCESS      DIR STATE   IDLE>RX/s>TX/s   RX   TX  RTT RTX\n"
	    "198.51.100.7:40001    nginx[711]   in  ESTAB     0s  12k  20M 1.5k 2.5M 12.3   7\n"
	    "203.0.113.250:65535   nginx[711]   in  ESTAB     0s 8.0k    0  999    0 0.05   0\n"
	    "198.51.100.7:40002    -            in  ESTAB     0s  800    0 5.0M 123G    -   -\n"
	    "TOTAL  3 open, 1 closed                              21k  20M 5.0M 123G        -\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause       1-3 of 4  by RATE  bit/s\n");
	scene.state.paused = scene.state.is_file = false;
	scene.state.units = TOP_UNITS_BYTES;
	scene.state.utf8 = true;
	scene.state.fold = TOP_FOLD_PEERS;
	see(&scene, 80, 10,
	    " pid 711                    3 open, 4 seen, 1 failed                    0:00:02\n"
	    "RX  2.6k                   █ max 2.6k   TX  2.5M                     █ max 2.5M\n"
	    "PEER             PROCESS CONNS CLOSED FAIL DIR STATE    IDLE▼RX/s▼TX/s   RX   TX\n"
	    "198.51.100.7     -           2      0    0 in  2 open     0s 1.6k 2.5M 5.0M 123G\n"
	    "203.0.113.250    nginx       1      0    0 in  ESTAB      0s  999    0  999    0\n"
	    "198.51.100.9     a\\x20..     1      1    1 out refused    0s    0    0    0    0\n"
	    "\n"
	    "\n"
	    "TOTAL  3 open, 1 closed      4      1    1                   2.6k 2.5M 5.0M 123G\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause         1-3 of 3  by RATE  B/s\n");
	scene.state.fold = TOP_FOLD_PROCESSES;
	see(&scene, 80, 10,
	    " pid 711                    3 open, 4 seen, 1 failed                    0:00:02\n"
	    "RX  2.6k                   █ max 2.6k   TX  2.5M                     █ max 2.5M\n"
	    "PROCESS       CONNS CLOSED FAIL DIR STATE     IDLE▼RX/s▼TX/s   RX   TX   RTT RTX\n"
	    "nginx[711]        2      0    0 in  2 open      0s 2.5k 2.5M 2.5k 2.5M 12.35   7\n"
	    "-                 1      0    0 in  ESTAB       0s  100    0 5.0M 123G     -   -\n"
	    "a\\x20b\\x1b[..     1      1    1 out refused     0s    0    0    0    0     -   0\n"
	    "\n"
	    "\n"
	    "TOTAL             4      1    1                    2.6k 2.5M 5.0M 123G         -\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause         1-3 of 3  by RATE  B/s\n");
	scene.state.fold = TOP_FOLD_NONE;
	draw(&scene, 39, 3);
	got = plain(&scene);
	assert_string_equal(got, "39x3: needs 40x6\n\n\n");
	free(got);
	/* Where there is room, every column. */
	draw(&scene, 200, 10);
	got = plain(&scene);
	assert_non_null(strstr(got, "  HS_MS QUEUE_MS  \xe2\x96\xbcRATE  BYTES MINUTE\n"));
	assert_non_null(strstr(got, "nginx[711]                  443 in  ESTABLISHED    0s   1.5k   2.5M"));
	free(got);
	end(&scene);
}

/* What is not decided has a column in folded rows, and a figure of some members only has a mark. */
static void test_partial(void **state)
{
	struct scene scene;
	struct conn conns[5];

	(void)state;
	begin(&scene);
	for (uint16_t i = 0; i < 5; i++)
		conns[i] = connection(i + 1u, DIR_OUT, "192.0.2.1", (uint16_t)(4000 + i), "198.51.100.7", 80);
	conns[0].hs_ns = conns[0].rtt_ns = 25 * MS;
	conns[2].result = RESULT_PENDING;
	conns[2].state = TCP_SYN_SENT;
	conns[3].result = RESULT_UNKNOWN;
	conns[4].result = RESULT_TIMEOUT;
	conns[4].flow.remote = at("198.51.100.9", 80);
	tick(&scene, SEC, conns, 5);
	scene.state.fold = TOP_FOLD_PEERS;
	draw(&scene, 100, 10);
	assert_int_equal(scene.list.count, 2);
	assert_int_equal(scene.list.total.pending, 1);
	assert_int_equal(scene.list.total.undecided, 1);
	assert_int_equal(scene.list.total.failed, 1);
	see(&scene, 100, 8,
	    " pid 711                              5 open, 5 seen, 1 failed                              0:00:01\n"
	    "RX     0                               max 0      TX     0                                 max 0\n"
	    "PEER             PROCESS CONNS CLOSED FAIL PEND UNKN DIR STATE    IDLE▼RX/s▼TX/s   RX   TX   RTT RTX\n"
	    "198.51.100.7     -           4      0    0    1    1 out 4 open     0s    0    0    0    0 25.0+   0\n"
	    "198.51.100.9     -           1      0    1    0    0 out timeout    0s    0    0    0    0     -   0\n"
	    "\n"
	    "TOTAL  5 open, 0 closed      5      0    1    1    1                      0    0    0    0         0\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause  Enter details  a average   1-2 of 2  by RATE  B/s\n");
	/* One that was there before: nothing tells yet how fast it is. Its handshake is not missing. */
	conns[0].seen |= SEEN_EXISTING;
	conns[0].hs_ns = CONN_UNKNOWN;
	end(&scene);
	begin(&scene);
	conns[0].rx_bytes = 5000000;
	conns[1].hs_ns = 1 * MS;
	conns[1].rx_bytes = 999;
	scene.state.fold = TOP_FOLD_PEERS;
	tick(&scene, SEC, conns, 2);
	see(&scene, 100, 7,
	    " pid 711                              2 open, 2 seen, 0 failed                              0:00:01\n"
	    "RX   999+                            █ max 999    TX     0+                                max 0\n"
	    "PEER                  PROCESS        CONNS CLOSED DIR STATE     IDLE ▼RX/s ▼TX/s   RX   TX   RTT RTX\n"
	    "198.51.100.7          -                  2      0 out 2 open      0s  999+    0+ 5.0M    0 25.0+   0\n"
	    "\n"
	    "TOTAL  2 open, 0 closed                  2      0                     999+    0+ 5.0M    0         0\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause  Enter details  a average   1-1 of 1  by RATE  B/s\n");
	end(&scene);
}

static void test_every_width(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	play(&scene);
	for (unsigned int page = 0; page <= TOP_FOLD_NUM; page++) {
		scene.state.fold = page < TOP_FOLD_NUM ? page : TOP_FOLD_NONE;
		scene.state.page = page == TOP_FOLD_NUM ? TOP_PAGE_HELP : TOP_PAGE_LIST;
		for (unsigned int width = 1; width <= 320; width++) {
			for (unsigned int height = 1; height < 12; height += 3) {
				char *got;

				draw(&scene, width, height);
				got = plain(&scene);
				assert_int_equal(scene.grid.width, width);
				if (page < TOP_FOLD_NUM && width >= TOP_WIDTH_LEAST && height >= TOP_HEIGHT_LEAST) {
					assert_non_null(strstr(got, "RX/s"));
					assert_non_null(strstr(got, "TOTAL"));
				}
				/* An escape sequence of a process's name never gets through. */
				assert_null(strchr(got, '\x1b'));
				free(got);
			}
		}
	}
	end(&scene);
}

/* Number of characters in this color. */
static unsigned int colored(const struct scene *scene, unsigned int color)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < scene->grid.width * scene->grid.height; i++)
		count += scene->grid.chars[i].code != ' ' && (scene->grid.chars[i].attributes & TOP_COLOR) == color;
	return count;
}

static void test_attributes(void **state)
{
	struct scene scene;
	unsigned int failed, resent;

	(void)state;
	begin(&scene);
	play(&scene);
	draw(&scene, 120, 12);
	failed = colored(&scene, TOP_RED);
	resent = colored(&scene, TOP_MAGENTA);
	assert_int_equal(failed, strlen("refused"));
	assert_int_equal(resent, 1);
	assert_int_equal(colored(&scene, TOP_GREEN), 3 * strlen("ESTAB"));
	assert_int_equal(colored(&scene, TOP_BLUE), 3 * strlen("in"));
	/* One that has closed is dim. */
	assert_int_equal(colored(&scene, TOP_ORANGE), 0);
	end(&scene);
}

/* ---- keys --------------------------------------------------------------------------------- */

static void test_conn_filter(void **state)
{
	static const struct {
		const char *words;
		size_t count;
	} keyed[] = {
		{"comm=NGI", 2},
		{"comm=ngi port=443", 1},
		{"port=44", 0},
		{"port=40002", 1},
		{"port=22 !comm=nginx", 1},
		{"!port=443", 3},
		{"state=refused", 1},
		{"comm=refused", 0},
		{"port=x", 0},
		{"port=", 0},
		{"foo=bar", 0},
		{"!state=refused", 3},
	};
	struct scene scene;

	(void)state;
	begin(&scene);
	play(&scene);
	draw(&scene, 80, 12);
	type(&scene, "/NGINX !203.0\n");
	assert_int_equal(scene.list.count, 1);
	assert_int_equal(scene.list.rows[0]->conn.id, 1);
	assert_int_equal(scene.list.total.conn.rx_bytes, 1536);
	/* It can be changed, taken back, and given up. */
	press(&scene, '/');
	assert_string_equal(scene.state.typed, "NGINX !203.0");
	press(&scene, 0x15);
	type(&scene, "refused");
	press(&scene, TOP_KEY_BACKSPACE);
	press(&scene, TOP_KEY_ESCAPE);
	assert_string_equal(scene.state.filter, "NGINX !203.0");
	press(&scene, TOP_KEY_ESCAPE);
	assert_int_equal(scene.list.count, 4);
	type(&scene, "/nothing like it\n");
	assert_int_equal(scene.list.count, 0);
	press(&scene, TOP_KEY_DOWN);
	press(&scene, TOP_KEY_END);
	press(&scene, '\n');
	assert_int_equal(scene.state.page, TOP_PAGE_LIST);
	draw(&scene, 80, 12);
	/* Words for one column; a port is a whole number. */
	for (size_t i = 0; i < sizeof(keyed) / sizeof(keyed[0]); i++) {
		press(&scene, '/');
		press(&scene, 0x15);
		type(&scene, keyed[i].words);
		press(&scene, '\n');
		draw(&scene, 80, 12);
		assert_int_equal(scene.list.count, keyed[i].count);
	}
	/* More than fits is not taken. */
	press(&scene, '/');
	for (int i = 0; i < 200; i++)
		press(&scene, 'x');
	assert_int_equal(strlen(scene.state.typed), TOP_TYPED - 1);
	end(&scene);
}

static void test_sort(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	play(&scene);
	draw(&scene, 80, 12);
	assert_int_equal(scene.list.rows[0]->conn.id, 1);
	/* Every column either way, each row once. */
	for (unsigned int i = 0; i < 2 * TOP_COLUMN_NUM; i++) {
		for (int turn = 0; turn < 2; turn++) {
			for (size_t row = 1; row < scene.list.count; row++)
				assert_true(top_compare(scene.list.rows[row - 1], scene.list.rows[row],
							scene.state.sort, scene.state.descending,
							scene.state.steady) <= 0);
			for (uint64_t id = 1; id <= 4; id++)
				assert_true(top_order_find(&scene.list, id) < 4);
			press(&scene, 'S');
		}
		press(&scene, i % 3 == 0 ? '<' : 's');
		assert_true(scene.state.sort != TOP_SPARK && scene.state.sort != TOP_CONNS);
		assert_true(scene.state.sort != TOP_FAIL && scene.state.sort != TOP_PENDING);
	}
	/* What is not known is last both ways. */
	while (scene.state.sort != TOP_RTT)
		press(&scene, 's');
	assert_int_equal(scene.list.rows[0]->conn.id, 1);
	assert_int_equal(scene.list.rows[1]->conn.id, 2);
	press(&scene, 'S');
	assert_int_equal(scene.list.rows[0]->conn.id, 2);
	assert_int_equal(scene.list.rows[1]->conn.id, 1);
	end(&scene);
}

/* The largest of the last second does not jump to the front, unless that is wanted. */
static void test_steady_order(void **state)
{
	struct scene scene;
	struct conn conns[] = {connection(1, DIR_IN, "192.0.2.1", 80, "192.0.2.2", 4001),
			       connection(2, DIR_IN, "192.0.2.1", 80, "192.0.2.2", 4002)};

	(void)state;
	begin(&scene);
	for (int i = 1; i <= 20; i++) {
		/* 1000 bytes a second, and 1500 every other one. */
		conns[0].rx_bytes += 1000;
		conns[1].rx_bytes += i % 2 * 1500;
		tick(&scene, i * SEC, conns, 2);
		draw(&scene, 80, 8);
		if (i >= 4)
			assert_int_equal(scene.list.rows[0]->conn.id, 1);
		press(&scene, 'a');
		assert_int_equal(scene.list.rows[0]->conn.id, i % 2 ? 2 : 1);
		press(&scene, 'a');
	}
	assert_true(scene.list.rows[0]->steady[0] >= 999 && scene.list.rows[0]->steady[0] <= 1001);
	assert_true(scene.list.rows[1]->steady[0] >= 650 && scene.list.rows[1]->steady[0] <= 850);
	/* What stops is soon less than what goes on. */
	for (int i = 21; i <= 26; i++) {
		conns[1].rx_bytes += 750;
		tick(&scene, i * SEC, conns, 2);
	}
	order(&scene);
	assert_int_equal(scene.list.rows[0]->conn.id, 2);
	/* A new one that moves as much at once as the other in five seconds is not before that. */
	conns[0] = connection(3, DIR_IN, "192.0.2.1", 80, "192.0.2.2", 4003);
	conns[0].rx_bytes = 5 * 750;
	conns[1].rx_bytes += 750;
	tick(&scene, 27 * SEC, conns, 2);
	order(&scene);
	assert_int_equal(scene.list.rows[0]->conn.id, 2);
	assert_true(scene.list.rows[1]->steady[0] >= 374 && scene.list.rows[1]->steady[0] <= 376);
	press(&scene, 'a');
	draw(&scene, 80, 8);
	assert_non_null(strstr(scene.state.message, "last second"));
	press(&scene, TOP_KEY_HOME);
	see(&scene, 80, 8,
	    " pid 711                    2 open, 3 seen, 0 failed                    0:00:27\n"
	    "RX  4.5k ▅▂▅▂▅▂▅▂▅▂▅▂▂▂▂▂▂▂█ max 4.5k   TX     0                       max 0\n"
	    "PEER                  PROCESS      DIR STATE   IDLE▼RX/s▼TX/s   RX   TX  RTT RTX\n"
	    "192.0.2.2:4003        -            in  ESTAB    26s 3.8k    0 3.8k    0    -   0\n"
	    "192.0.2.2:4002        -            in  ESTAB     0s  750    0  20k    0    -   0\n"
	    "\n"
	    "TOTAL  2 open, 0 closed                             4.5k    0  24k    0        0\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause   1-2 of 2  by RATE of 1s  B/s\n");
	end(&scene);
}

static void expect_sort(const char *list, enum top_column column, bool descending, enum top_fold fold)
{
	struct top_state state;

	top_state_init(&state);
	top_state_sort(&state, list);
	assert_int_equal(state.sort, column);
	assert_int_equal(state.descending, descending);
	assert_int_equal(state.fold, fold);
}

/* --sort: titles of the screen, and columns of reports that it has. */
static void test_sort_by_name(void **state)
{
	struct scene scene;
	char *got;

	(void)state;
	expect_sort("rx/s", TOP_RX_RATE, true, TOP_FOLD_NONE);
	expect_sort("RX_BYTES:asc", TOP_RX, false, TOP_FOLD_NONE);
	expect_sort("NETNS,HS_MS:desc,PEER", TOP_HS, true, TOP_FOLD_NONE);
	expect_sort("peer:desc", TOP_PEER, true, TOP_FOLD_NONE);
	expect_sort("FAIL", TOP_FAIL, true, TOP_FOLD_PEERS);
	expect_sort("COMM", TOP_PROGRAM, false, TOP_FOLD_PROGRAMS);
	expect_sort("MINUTE,NETNS", TOP_RATE, true, TOP_FOLD_NONE);
	assert_true(top_column_is_named("queue") && top_column_is_named("QUEUE_MS"));
	assert_false(top_column_is_named("MINUTE") || top_column_is_named("RAT"));
	/* A column that would not be on a narrow screen is, when rows are sorted by it, and its title is marked. */
	begin(&scene);
	play(&scene);
	top_state_sort(&scene.state, "QUEUE_MS");
	for (unsigned int width = TOP_WIDTH_LEAST; width < 200; width++) {
		draw(&scene, width, 8);
		got = plain(&scene);
		assert_non_null(strstr(got, "\xe2\x96\xbcQUEUE"));
		assert_null(strstr(got, "\xe2\x96\xbcRX/s"));
		free(got);
	}
	press(&scene, 'S');
	scene.state.utf8 = false;
	draw(&scene, 80, 8);
	got = plain(&scene);
	assert_non_null(strstr(got, "<QUEUE"));
	free(got);
	end(&scene);
}

static enum top_life life_of(const struct process *process, int64_t then_ns)
{
	assert_int_equal(then_ns, START + 100 * MS);
	return process->pid == 711 ? TOP_LIFE_RUNS : TOP_LIFE_ENDED;
}

/* Folds have what closed; a process without an open connection is idle, or has ended. */
static void test_folds_remember(void **state)
{
	struct process *other = process_new(712);
	struct scene scene;
	struct conn conn;
	char *got;

	(void)state;
	begin(&scene);
	strcpy(other->comm, "nginx");
	process_set_cgroup(other, "/system.slice/nginx.service");
	process_set_cgroup(scene.nginx, "/system.slice/nginx.service");
	for (uint64_t id = 1; id <= 60; id++) {
		conn = connection(id, DIR_OUT, "192.0.2.1", (uint16_t)(4000 + id), id % 2 ? "192.0.2.2" : "192.0.2.20",
				  80);
		conn.process = id % 3 == 0 ? scene.nginx : id % 3 == 1 ? other : scene.curl;
		conn.tx_bytes = 10;
		conn.state = STATE_CLOSED;
		top_model_finished(scene.model, &conn);
	}
	conn = connection(100, DIR_IN, "192.0.2.1", 443, "192.0.2.2", 5000);
	conn.process = other;
	for (int i = 1; i < 5; i++)
		tick(&scene, i * SEC, &conn, 1);
	see(&scene, 80, 8,
	    " pid 711                   1 open, 61 seen, 0 failed                    0:00:04\n"
	    "RX     0                     max 0      TX     0                  █    max 600\n"
	    "PEER                  PROCESS      DIR STATE   IDLE▼RX/s▼TX/s   RX   TX  RTT RTX\n"
	    "192.0.2.2:5000        nginx[712]   in  ESTAB     3s    0    0    0    0    -   0\n"
	    "\n"
	    "\n"
	    "TOTAL  1 open, 60 closed                               0    0    0  600        0\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause         1-1 of 1  by RATE  B/s\n");
	press(&scene, 't');
	see(&scene, 80, 8,
	    " pid 711                   1 open, 61 seen, 0 failed                    0:00:04\n"
	    "RX     0                     max 0      TX     0                  █    max 600\n"
	    "PEER            PROCESS CONNS CLOSED DIR STATE    IDLE▼RX/s▼TX/s   RX   TX   RTT\n"
	    "192.0.2.2       -          31     30 -   1 open     3s    0    0    0  300     -\n"
	    "192.0.2.20      -          30     30 out closed     3s    0    0    0  300     -\n"
	    "\n"
	    "TOTAL                      61     60                      0    0    0  600\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause         1-2 of 2  by RATE  B/s\n");
	press(&scene, 't');
	see(&scene, 80, 9,
	    " pid 711                   1 open, 61 seen, 0 failed                    0:00:04\n"
	    "RX     0                     max 0      TX     0                  █    max 600\n"
	    "PROCESS         CONNS  CLOSED DIR STATE       IDLE▼RX/s▼TX/s   RX   TX   RTT RTX\n"
	    "nginx[711]         20      20 out 20 closed     3s    0    0    0  200     -   0\n"
	    "nginx[712]         21      20 -   1 open        3s    0    0    0  200     -   0\n"
	    "a\\x20b\\x1b[1..     20      20 out 20 closed     3s    0    0    0  200     -   0\n"
	    "\n"
	    "TOTAL              61      60                         0    0    0  600         0\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause         1-3 of 3  by RATE  B/s\n");
	scene.style.life = life_of;
	see(&scene, 80, 9,
	    " pid 711                   1 open, 61 seen, 0 failed                    0:00:04\n"
	    "RX     0                     max 0      TX     0                  █    max 600\n"
	    "PROCESS         CONNS  CLOSED DIR STATE       IDLE▼RX/s▼TX/s   RX   TX   RTT RTX\n"
	    "nginx[711]         20      20 out idle          3s    0    0    0  200     -   0\n"
	    "nginx[712]         21      20 -   1 open        3s    0    0    0  200     -   0\n"
	    "a\\x20b\\x1b[1..     20      20 out ended         3s    0    0    0  200     -   0\n"
	    "\n"
	    "TOTAL              61      60                         0    0    0  600         0\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause         1-3 of 3  by RATE  B/s\n");
	press(&scene, 't');
	see(&scene, 80, 8,
	    " pid 711                   1 open, 61 seen, 0 failed                    0:00:04\n"
	    "RX     0                     max 0      TX     0                  █    max 600\n"
	    "PROGRAM           CONNS  CLOSED DIR STATE     IDLE▼RX/s▼TX/s   RX   TX   RTT RTX\n"
	    "nginx                41      40 -   1 open      3s    0    0    0  400     -   0\n"
	    "a\\x20b\\x1b[1mcu…     20      20 out 20 closed   3s    0    0    0  200     -   0\n"
	    "\n"
	    "TOTAL                61      60                       0    0    0  600         0\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause         1-2 of 2  by RATE  B/s\n");
	press(&scene, 't');
	see(&scene, 80, 8,
	    " pid 711                   1 open, 61 seen, 0 failed                    0:00:04\n"
	    "RX     0                     max 0      TX     0                  █    max 600\n"
	    "UNIT                CONNS CLOSED DIR STATE    IDLE▼RX/s▼TX/s   RX   TX   RTT RTX\n"
	    "nginx.service          41     40 -   1 open     3s    0    0    0  400     -   0\n"
	    "-                      20     20 out closed     3s    0    0    0  200     -   0\n"
	    "\n"
	    "TOTAL                  61     60                      0    0    0  600         0\n"
	    "q quit  ? help  s sort  / filter  t fold  p pause         1-2 of 2  by RATE  B/s\n");
	/* A column that is shown if it is not 0 is shown when rows are sorted by it. */
	top_state_sort(&scene.state, "FAIL");
	scene.state.fold = TOP_FOLD_UNITS;
	draw(&scene, 80, 8);
	assert_int_equal(scene.list.total.failed, 0);
	got = plain(&scene);
	assert_non_null(strstr(got, "\xe2\x96\xbc"
				    "FAIL"));
	free(got);
	top_state_sort(&scene.state, "RATE");
	order(&scene);
	/* A row's connections, and only these, are those of its fold. */
	press(&scene, '\n');
	assert_string_equal(scene.state.filter, "unit==nginx.service");
	assert_int_equal(scene.list.total.members, 41);
	assert_int_equal(scene.list.count, 1);
	press(&scene, 't');
	press(&scene, 't');
	press(&scene, TOP_KEY_DOWN);
	assert_int_equal(scene.list.rows[scene.state.at]->members, 20);
	press(&scene, '\n');
	assert_string_equal(scene.state.filter, "process==nginx[711]");
	assert_int_equal(scene.list.total.members, 20);
	type(&scene, "/\x15peer==192.0.2.2\n");
	assert_int_equal(scene.list.total.members, 31);
	type(&scene, "/\x15peer=192.0.2.2\n");
	assert_int_equal(scene.list.total.members, 61);
	type(&scene, "/\x15"
		     "comm==ngin\n");
	assert_int_equal(scene.list.total.members, 0);
	type(&scene, "/\x15"
		     "port==443\n");
	assert_int_equal(scene.list.total.members, 1);
	end(&scene);
	process_unref(other);
}

/* More peers than are remembered one by one are one row. */
static void test_remembers_so_many(void **state)
{
	struct scene scene;
	char ip[40];

	(void)state;
	begin(&scene);
	for (unsigned int i = 0; i < TOP_CLOSED + 70; i++) {
		struct conn conn;

		snprintf(ip, sizeof(ip), "2001:db8::%x", i + 1);
		conn = connection(i + 1, DIR_IN, "2001:db8::", 80, ip, 4000);
		conn.rx_bytes = 3;
		conn.result = i % 2 ? RESULT_REFUSED : RESULT_OK;
		top_model_finished(scene.model, &conn);
	}
	for (int i = 1; i < 5; i++)
		tick(&scene, i * SEC, NULL, 0);
	scene.state.fold = TOP_FOLD_PEERS;
	draw(&scene, 80, 12);
	assert_int_equal(scene.list.count, TOP_CLOSED + 1);
	assert_int_equal(scene.list.rows[TOP_CLOSED]->members, 70);
	assert_int_equal(scene.list.rows[TOP_CLOSED]->failed, 35);
	assert_int_equal(scene.list.rows[TOP_CLOSED]->conn.rx_bytes, 210);
	assert_int_equal(scene.list.total.members, TOP_CLOSED + 70);
	assert_int_equal(scene.list.total.conn.rx_bytes, 3 * (TOP_CLOSED + 70));
	assert_int_equal(scene.list.total.failed, TOP_CLOSED / 2 + 35);
	end(&scene);
}

static void test_sort_by_idle(void **state)
{
	struct scene scene;
	struct conn conns[] = {connection(1, DIR_IN, "192.0.2.1", 80, "192.0.2.2", 4001),
			       connection(2, DIR_IN, "192.0.2.1", 80, "192.0.2.2", 4002)};

	(void)state;
	begin(&scene);
	tick(&scene, SEC, conns, 2);
	conns[1].rx_bytes = 100;
	tick(&scene, 2 * SEC, conns, 2);
	draw(&scene, 80, 12);
	assert_int_equal(scene.list.rows[0]->conn.id, 2);
	while (scene.state.sort != TOP_IDLE)
		press(&scene, 's');
	assert_int_equal(scene.list.rows[0]->conn.id, 1);
	press(&scene, 'S');
	assert_int_equal(scene.list.rows[0]->conn.id, 2);
	end(&scene);
}

static void test_fold(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	play(&scene);
	draw(&scene, 80, 12);
	press(&scene, 't');
	assert_int_equal(scene.list.count, 3);
	press(&scene, TOP_KEY_HOME);
	while (scene.list.rows[scene.state.at]->members != 2)
		press(&scene, TOP_KEY_DOWN);
	/* Two of one peer: one of them older than the run, whose retransmitted segments are unknown. */
	assert_int_equal(scene.list.rows[scene.state.at]->conn.tx_retrans, -1);
	assert_int_equal(scene.list.rows[scene.state.at]->conn.rx_bytes, 5000100 + 1536);
	assert_null(scene.list.rows[scene.state.at]->conn.process);
	press(&scene, '\n');
	assert_string_equal(scene.state.filter, "peer==198.51.100.7");
	assert_int_equal(scene.state.fold, TOP_FOLD_NONE);
	assert_int_equal(scene.list.count, 2);
	press(&scene, TOP_KEY_ESCAPE);
	press(&scene, 't');
	press(&scene, 't');
	assert_int_equal(scene.state.fold, TOP_FOLD_PROCESSES);
	assert_int_equal(scene.list.count, 3);
	press(&scene, 't');
	assert_int_equal(scene.state.fold, TOP_FOLD_PROGRAMS);
	press(&scene, 't');
	assert_int_equal(scene.state.fold, TOP_FOLD_UNITS);
	press(&scene, 't');
	assert_int_equal(scene.list.count, 4);
	end(&scene);
}

/* The chosen one is held on to wherever it goes; when it is gone, the next one takes its place. */
static void test_choose(void **state)
{
	struct scene scene;
	struct conn conns[20];

	(void)state;
	begin(&scene);
	for (uint16_t i = 0; i < 20; i++)
		conns[i] = connection(i + 1U, DIR_IN, "192.0.2.1", 80, "192.0.2.2", (uint16_t)(4000 + i));
	tick(&scene, SEC, conns, 20);
	draw(&scene, 80, 12);
	assert_false(scene.state.chosen);
	press(&scene, TOP_KEY_DOWN);
	press(&scene, TOP_KEY_DOWN);
	assert_int_equal(scene.state.chosen_id, 2);
	press(&scene, TOP_KEY_PAGE_DOWN);
	assert_int_equal(scene.state.chosen_id, 9);
	assert_int_equal(scene.state.first, 2);
	conns[8].rx_bytes = 100;
	tick(&scene, 2 * SEC, conns, 20);
	draw(&scene, 80, 12);
	assert_int_equal(scene.state.at, 0);
	assert_int_equal(scene.state.first, 0);
	press(&scene, TOP_KEY_END);
	assert_int_equal(scene.state.first, 13);
	tick(&scene, 3 * SEC, conns, 10);
	draw(&scene, 80, 12);
	assert_int_equal(scene.state.at, 9);
	press(&scene, '\n');
	assert_int_equal(scene.state.page, TOP_PAGE_DETAILS);
	/* The page goes from one to the next. */
	press(&scene, TOP_KEY_UP);
	assert_int_equal(scene.state.at, 8);
	draw(&scene, 80, 24);
	tick(&scene, 4 * SEC, conns, 0);
	draw(&scene, 80, 24);
	press(&scene, 'q');
	assert_int_equal(scene.state.page, TOP_PAGE_LIST);
	draw(&scene, 80, 24);
	assert_int_equal(top_keys_press(&scene.state, 'q', &scene.list, 7), TOP_ACTION_QUIT);
	assert_int_equal(top_keys_press(&scene.state, 3, &scene.list, 7), TOP_ACTION_QUIT);
	assert_int_equal(top_keys_press(&scene.state, 12, &scene.list, 7), TOP_ACTION_REDRAW);
	end(&scene);
}

static const char *name_of(void *context, const struct endpoint *endpoint)
{
	(void)context;
	return endpoint_is_v4(endpoint) ? "name.example" : NULL;
}

static void test_choices(void **state)
{
	struct scene scene;
	char *got;

	(void)state;
	begin(&scene);
	play(&scene);
	draw(&scene, 80, 12);
	type(&scene, "r10.5\n");
	assert_int_equal(scene.state.keep_ns, 10 * SEC + 500 * MS);
	type(&scene, "rlong\n");
	assert_int_equal(scene.state.keep_ns, 10 * SEC + 500 * MS);
	assert_non_null(strstr(scene.state.message, "\"long\""));
	press(&scene, '+');
	assert_int_equal(scene.state.speed, TOP_SPEED_ONE);
	scene.state.is_file = true;
	for (int i = 0; i < 100; i++)
		press(&scene, '+');
	assert_true(scene.state.speed > TOP_SPEED_ONE && scene.state.speed <= TOP_SPEED_ONE * 1000000);
	for (int i = 0; i < 100; i++)
		press(&scene, '-');
	assert_true(scene.state.speed > 0 && scene.state.speed < TOP_SPEED_ONE);
	for (int i = 0; i < TOP_UNITS_NUM; i++)
		press(&scene, 'u');
	assert_int_equal(scene.state.units, TOP_UNITS_BYTES);
	press(&scene, 'p');
	assert_true(scene.state.paused);
	scene.style.name = name_of;
	press(&scene, 'n');
	assert_true(scene.state.resolve);
	draw(&scene, 80, 12);
	got = plain(&scene);
	assert_non_null(strstr(got, "name.example:40001 "));
	assert_null(strstr(got, "198.51.100."));
	free(got);
	/* No key, on no page, does harm. */
	for (int page = 0; page < 3; page++) {
		for (int key = 0; key < 300; key++) {
			scene.state.page = page == 0 ? TOP_PAGE_LIST : page == 1 ? TOP_PAGE_DETAILS : TOP_PAGE_HELP;
			(void)top_keys_press(&scene.state, key, &scene.list, 7);
			draw(&scene, 80, 12);
		}
		for (int key = TOP_KEY_UP; key <= TOP_KEY_RESIZE; key++)
			(void)top_keys_press(&scene.state, key, &scene.list, 7);
		draw(&scene, 80, 12);
	}
	end(&scene);
}

static char *line_with(char *screen, const char *word)
{
	char *at = strstr(screen, word), *line;

	assert_non_null(at);
	while (at > screen && at[-1] != '\n')
		at--;
	line = strndup(at, strcspn(at, "\n"));
	return line;
}

/* Every line of the help can be reached, whatever the size of the screen. */
static void test_help_scrolls(void **state)
{
	static const unsigned int sizes[][2] = {{80, 24}, {40, 12}, {41, 9}, {120, 24}, {200, 60}};
	struct scene scene;

	(void)state;
	begin(&scene);
	play(&scene);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bool seen[TOP_COLUMN_NUM] = {false}, quit = false;
		char *first, *got;

		draw(&scene, sizes[i][0], sizes[i][1]);
		press(&scene, '?');
		draw(&scene, sizes[i][0], sizes[i][1]);
		first = plain(&scene);
		for (unsigned int page = 0; page < 100; page++) {
			got = plain(&scene);
			quit |= strstr(got, "quit,") != NULL;
			for (unsigned int c = 0; c < TOP_COLUMN_NUM; c++) {
				char head[32];

				snprintf(head, sizeof(head), " %-11s", top_columns[c].title);
				seen[c] |= strstr(got, head) != NULL;
			}
			for (unsigned int y = 0; y < scene.grid.height; y++)
				assert_true(scene.grid.chars[(y + 1) * scene.grid.width - 1].code <= 0x7e);
			free(got);
			press(&scene, TOP_KEY_DOWN);
			assert_int_equal(scene.state.page, TOP_PAGE_HELP);
			draw(&scene, sizes[i][0], sizes[i][1]);
		}
		assert_true(quit);
		for (unsigned int c = 0; c < TOP_COLUMN_NUM; c++)
			assert_true(seen[c]);
		/* From the end back to the beginning, a page at a time. */
		press(&scene, TOP_KEY_END);
		for (unsigned int page = 0; page < 20; page++)
			press(&scene, TOP_KEY_PAGE_UP);
		draw(&scene, sizes[i][0], sizes[i][1]);
		got = plain(&scene);
		assert_string_equal(got, first);
		free(got);
		free(first);
		press(&scene, 'x');
		assert_int_equal(scene.state.page, TOP_PAGE_LIST);
	}
	end(&scene);
}

static void test_hosts_of_a_network_differ(void **state)
{
	static const char *const peers[] = {"2001:db8:1234:5678::c0a8:1b", "2001:db8:1234:5678::c0a8:1c"};
	struct conn conns[2];
	struct scene scene;

	(void)state;
	begin(&scene);
	for (unsigned int i = 0; i < 2; i++)
		conns[i] = connection(10 + i, DIR_IN, "2001:db8::1", 80, peers[i], 40000);
	tick(&scene, SEC, conns, 2);
	for (unsigned int width = 60; width <= 300; width += 20) {
		char *got, *one, *two;

		draw(&scene, width, 12);
		got = plain(&scene);
		one = line_with(got, width < 140 ? "1b]:40000" : "[2001:db8:1234:5678::c0a8:1b]:40000");
		two = line_with(got, width < 140 ? "1c]:40000" : "[2001:db8:1234:5678::c0a8:1c]:40000");
		assert_string_not_equal(one, two);
		free(one);
		free(two);
		free(got);
	}
	end(&scene);
}

static void test_what_is_not_listed_is_a_row(void **state)
{
	struct scene scene;
	char *got, *line;

	(void)state;
	begin(&scene);
	top_model_begin(scene.model, scene.style.now_ns);
	for (unsigned int i = 0; i < TOP_ROWS + 300; i++) {
		struct conn conn = connection(1000 + i, DIR_IN, "192.0.2.1", 80, "192.0.2.2", 40000);

		conn.rx_bytes = 10;
		conn.tx_bytes = 0;
		top_model_open(scene.model, &conn);
	}
	top_model_end(scene.model, 0, 0);
	assert_int_equal(top_model_totals(scene.model)->other.members, 300);
	draw(&scene, 120, 12);
	assert_int_equal(scene.list.other.conn.rx_bytes, 3000);
	assert_int_equal(scene.list.count, TOP_ROWS + 1);
	assert_int_equal(scene.list.total.members, TOP_ROWS + 300);
	assert_int_equal(scene.list.total.conn.rx_bytes, 10 * (TOP_ROWS + 300));
	press(&scene, TOP_KEY_END);
	draw(&scene, 120, 12);
	got = plain(&scene);
	line = line_with(got, "other ");
	assert_int_equal(strncmp(line, "other ", 6), 0);
	assert_non_null(strstr(line, "300 open"));
	/* There is nothing more to be known of it. */
	press(&scene, '\n');
	assert_int_equal(scene.state.page, TOP_PAGE_LIST);
	free(line);
	free(got);
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_help_scrolls),
		cmocka_unit_test(test_hosts_of_a_network_differ),
		cmocka_unit_test(test_what_is_not_listed_is_a_row),
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_lingering),
		cmocka_unit_test(test_screens),
		cmocka_unit_test(test_every_width),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_conn_filter),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_sort_by_idle),
		cmocka_unit_test(test_steady_order),
		cmocka_unit_test(test_sort_by_name),
		cmocka_unit_test(test_folds_remember),
		cmocka_unit_test(test_remembers_so_many),
		cmocka_unit_test(at_least_so_many_bytes),
		cmocka_unit_test(an_unknown_pid_is_no_number),
		cmocka_unit_test(the_most_of_a_minute_is_no_less_than_now),
	};

	return UNIT_RUN(tests);
}
