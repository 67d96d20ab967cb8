// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <stdlib.h>

#include "base/idmap.h"
#include "track/interval_delta.h"

#define IDS 400
#define STEPS 200000

static void a_map_remembers_what_was_put(void **state)
{
	struct idmap *map = idmap_new(sizeof(uint32_t));
	uint32_t truth[IDS + 1] = {0}, count = 0, walked = 0;
	unsigned int seed = 7;

	(void)state;
	for (uint32_t step = 1; step <= STEPS; step++) {
		uint64_t id = (uint64_t)(rand_r(&seed) % IDS) + 1;
		uint32_t *found = idmap_find(map, id);

		assert_int_equal(found != NULL, truth[id] != 0);
		if (found != NULL)
			assert_int_equal(*found, truth[id]);
		if (rand_r(&seed) % 3 == 0) {
			idmap_remove(map, id);
			truth[id] = 0;
		} else {
			found = idmap_put(map, id);
			assert_int_equal(*found, truth[id]);
			truth[id] = *found = step;
		}
	}
	for (uint64_t id = 1; id <= IDS; id++)
		count += truth[id] != 0;
	for (const uint32_t *value = idmap_next(map, NULL); value != NULL; value = idmap_next(map, value))
		walked += *value != 0;
	assert_int_equal(walked, count);
	idmap_free(map);
	idmap_free(NULL);
}

static struct conn open_conn(uint64_t id, int64_t rx, int64_t tx)
{
	struct conn conn;

	conn_init(&conn);
	conn.id = id;
	conn.open = 1;
	conn.result = RESULT_OK;
	conn.hs_ns = 5;
	conn.rx_bytes = rx;
	conn.tx_bytes = tx;
	conn.rx_least = rx;
	conn.tx_least = tx;
	return conn;
}

static void a_slice_has_what_is_new(void **state)
{
	struct interval_delta *delta = interval_delta_new();
	struct conn conn = open_conn(1, 100, CONN_UNKNOWN), part;
	const struct conn *reported;

	(void)state;
	assert_ptr_equal(interval_delta_part(NULL, &conn, &part), &conn);
	assert_ptr_equal(interval_delta_part(delta, &conn, &part), &conn);
	interval_delta_keep(delta, &conn);
	interval_delta_next(delta);
	conn.rx_bytes = 130;
	conn.tx_bytes = 7;
	reported = interval_delta_part(delta, &conn, &part);
	assert_ptr_equal(reported, &part);
	assert_int_equal(reported->rx_bytes, 30);
	/* The number of new bytes in it is unknown. */
	assert_int_equal(reported->tx_bytes, CONN_UNKNOWN);
	assert_int_equal(reported->tx_least, CONN_UNKNOWN);
	/* Of an inexact number that follows an exact one, the certain part is new. */
	conn.rx_bytes = CONN_UNKNOWN;
	conn.rx_least = 129;
	reported = interval_delta_part(delta, &conn, &part);
	assert_int_equal(reported->rx_bytes, CONN_UNKNOWN);
	assert_int_equal(reported->rx_least, 29);
	conn.rx_bytes = 130;
	assert_int_equal(reported->reported, REPORTED_ATTEMPT | REPORTED_HS);
	/* Nothing is said of it in this slice, so it is all in the next one. */
	interval_delta_pass(delta, &conn);
	interval_delta_next(delta);
	conn.rx_bytes = 150;
	assert_int_equal(interval_delta_part(delta, &conn, &part)->rx_bytes, 50);
	conn.open = 0;
	interval_delta_keep(delta, &conn);
	interval_delta_next(delta);
	assert_null(interval_delta_part(delta, &conn, &part));
	interval_delta_next(delta);
	assert_ptr_equal(interval_delta_part(delta, &conn, &part), &conn);
	interval_delta_free(delta);
}

static void an_attempt_counts_where_it_is_decided(void **state)
{
	struct interval_delta *delta = interval_delta_new();
	struct conn conn = open_conn(1, CONN_UNKNOWN, CONN_UNKNOWN), part;

	(void)state;
	conn.result = RESULT_PENDING;
	conn.hs_ns = CONN_UNKNOWN;
	interval_delta_keep(delta, &conn);
	interval_delta_next(delta);
	conn.result = RESULT_OK;
	conn.rx_bytes = 9;
	assert_int_equal(interval_delta_part(delta, &conn, &part)->reported, 0);
	assert_int_equal(part.rx_bytes, 9);
	interval_delta_free(delta);
	interval_delta_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_remembers_what_was_put),
		cmocka_unit_test(a_slice_has_what_is_new),
		cmocka_unit_test(an_attempt_counts_where_it_is_decided),
	};

	return UNIT_RUN(tests);
}
