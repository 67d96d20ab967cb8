// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/rows/histogram.h"
#include "report/reports.h"

static char *printed(const struct report_options *options, const struct conn *conns, size_t count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct report *report;
	struct err err;

	assert_int_equal(report_new(&report, options, 0, out, &err), 0);
	for (size_t i = 0; i < count; i++)
		report_finished(report, &conns[i]);
	assert_int_equal(report_print(report, NULL, NULL, true, &err), 0);
	report_free(report);
	fclose(out);
	return text;
}

#define CONNS 9

static void make(struct conn conns[CONNS])
{
	/* -1 is unknown, which has a row of its own if the connection came about. */
	static const int64_t spans[CONNS] = {0, 999, 1000, 1999, 2000, 7999, -1, 8000, 1500};

	for (size_t i = 0; i < CONNS; i++) {
		conn_init(&conns[i]);
		conns[i].id = i + 1;
		conns[i].dir = i < 4 ? DIR_IN : DIR_OUT;
		conns[i].start_ns = conns[i].end_ns = 1;
		conns[i].hs_ns = spans[i];
	}
	conns[6].result = RESULT_OK;
	conns[6].seen = SEEN_CALLS;
}

static void test_rows(void **state)
{
	struct histogram_spec spec = {.spread = PEERS_HS};
	struct report_options options = REPORT_OPTIONS_DEFAULT;
	struct conn conns[CONNS];
	char *text;

	(void)state;
	make(conns);
	options.reports[0] = (struct report_choice){&report_histogram, &spec};
	options.format = REPORT_TSV;
	text = printed(&options, conns, CONNS);
	/* 3 from 1 to 2 us; bars in proportion to that, empty rows too. */
	assert_string_equal(text, "FROM_MS\tTO_MS\tCOUNT\tBAR\n"
				  "-\t-\t1\t#############\n"
				  "0.000\t0.001\t2\t###########################\n"
				  "0.001\t0.002\t3\t########################################\n"
				  "0.002\t0.004\t1\t#############\n"
				  "0.004\t0.008\t1\t#############\n"
				  "0.008\t0.016\t1\t#############\n");
	free(text);
	strcpy(spec.by, "dir");
	text = printed(&options, conns, CONNS);
	assert_string_equal(text, "DIR\tFROM_MS\tTO_MS\tCOUNT\tBAR\n"
				  "in\t0.000\t0.001\t2\t########################################\n"
				  "in\t0.001\t0.002\t2\t########################################\n"
				  "out\t-\t-\t1\t########################################\n"
				  "out\t0.001\t0.002\t1\t########################################\n"
				  "out\t0.002\t0.004\t1\t########################################\n"
				  "out\t0.004\t0.008\t1\t########################################\n"
				  "out\t0.008\t0.016\t1\t########################################\n");
	free(text);
	/* What is known of none has no row. */
	spec.spread = PEERS_QUEUE;
	text = printed(&options, conns, CONNS);
	assert_string_equal(text, "DIR\tFROM_MS\tTO_MS\tCOUNT\tBAR\n");
	free(text);
}

static void test_formats(void **state)
{
	struct histogram_spec spec = {.spread = PEERS_HS};
	struct report_options options = REPORT_OPTIONS_DEFAULT;
	struct conn conns[CONNS];
	char *text;

	(void)state;
	make(conns);
	options.reports[0] = options.reports[1] = (struct report_choice){&report_histogram, &spec};
	options.report_count = 2;
	options.format = REPORT_JSON;
	text = printed(&options, conns + 4, 2);
	assert_string_equal(text, "{\"report\":\"histogram,HS_MS\",\"from_ms\":0.002,\"to_ms\":0.004,\"count\":1,"
				  "\"bar\":\"########################################\"}\n"
				  "{\"report\":\"histogram,HS_MS\",\"from_ms\":0.004,\"to_ms\":0.008,\"count\":1,"
				  "\"bar\":\"########################################\"}\n");
	free(text);
	options.format = REPORT_TABLE;
	options.columns = "COUNT,FROM_MS";
	options.sort = "from_ms:desc";
	text = printed(&options, conns + 4, 2);
	assert_string_equal(text, "COUNT FROM_MS\n    1   0.004\n    1   0.002\n");
	free(text);
}

/* However many and however large, each value is in the row whose range holds it. */
static void test_many(void **state)
{
	const struct histogram_spec spec = {.spread = PEERS_HS};
	struct peers_keys keys = {.count = 0};
	struct peers *peers = peers_new(&keys, 10);
	struct histogram_bin *bins;
	uint64_t sum = 0;
	size_t count;
	struct conn conn;

	(void)state;
	conn_init(&conn);
	for (int shift = 0; shift < 63; shift++) {
		conn.hs_ns = INT64_C(1) << shift;
		assert_true(peers_add(peers, &conn));
	}
	bins = histogram_bins(peers_group(peers, 0), spec.spread, &count);
	for (size_t i = 0; i < count; i++) {
		uint64_t inside = 0;

		for (int shift = 0; shift < 63; shift++)
			inside += INT64_C(1) << shift >= bins[i].from_ns && INT64_C(1) << shift < bins[i].to_ns;
		assert_int_equal(bins[i].count, inside);
		assert_true(i == 0 || bins[i].from_ns == bins[i - 1].to_ns);
		sum += bins[i].count;
	}
	assert_int_equal(sum, 63);
	free(bins);
	peers_free(peers);
}

static void test_words(void **state)
{
	static const char *const wrong[] = {
		"", "HS", "HS_MSX", "RX_BYTES", "HS_MS,", "HS_MS,nonsense", "HS_MS,peer,,dir"};
	struct histogram_spec spec;
	struct err err;

	(void)state;
	assert_int_equal(histogram_parse(&spec, "queue_ms,cidr/24,dir", &err), 0);
	assert_int_equal(spec.spread, PEERS_QUEUE);
	assert_string_equal(spec.by, "cidr/24,dir");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err.text[0] = '\0';
		assert_int_equal(histogram_parse(&spec, wrong[i], &err), -EINVAL);
		assert_non_null(strstr(err.text, "histogram,"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_words),
	};

	return UNIT_RUN(tests);
}
