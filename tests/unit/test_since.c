// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <stdlib.h>

#include "base/idmap.h"
#include "track/since.h"

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
	return conn;
}

static void a_slice_has_what_is_new(void **state)
{
	struct since *since = since_new();
	struct conn conn = open_conn(1, 100, CONN_UNKNOWN), part;
	const struct conn *told;

	(void)state;
	assert_ptr_equal(since_part(NULL, &conn, &part), &conn);
	assert_ptr_equal(since_part(since, &conn, &part), &conn);
	since_keep(since, &conn);
	since_next(since);
	conn.rx_bytes = 130;
	conn.tx_bytes = 7;
	told = since_part(since, &conn, &part);
	assert_ptr_equal(told, &part);
	assert_int_equal(told->rx_bytes, 30);
	/* How much of it is new nobody can say. */
	assert_int_equal(told->tx_bytes, CONN_UNKNOWN);
	assert_int_equal(told->told, TOLD_ATTEMPT | TOLD_HS);
	/* Nothing is said of it in this slice, so it is all in the next one. */
	since_pass(since, &conn);
	since_next(since);
	conn.rx_bytes = 150;
	assert_int_equal(since_part(since, &conn, &part)->rx_bytes, 50);
	conn.open = 0;
	since_keep(since, &conn);
	since_next(since);
	assert_null(since_part(since, &conn, &part));
	since_next(since);
	assert_ptr_equal(since_part(since, &conn, &part), &conn);
	since_free(since);
}

static void an_attempt_counts_where_it_is_decided(void **state)
{
	struct since *since = since_new();
	struct conn conn = open_conn(1, CONN_UNKNOWN, CONN_UNKNOWN), part;

	(void)state;
	conn.result = RESULT_PENDING;
	conn.hs_ns = CONN_UNKNOWN;
	since_keep(since, &conn);
	since_next(since);
	conn.result = RESULT_OK;
	conn.rx_bytes = 9;
	assert_int_equal(since_part(since, &conn, &part)->told, 0);
	assert_int_equal(part.rx_bytes, 9);
	since_free(since);
	since_free(NULL);
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
