// SPDX-License-Identifier: GPL-2.0-or-later
/* The table by flow against a plain list: few flows, so that many records stand on one and on its other end. */
#include "unit.h"

#include <string.h>

#include "track/record_table.h"

#define RECORDS 4000
#define ROUNDS 60000
#define PORTS 1500

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

static unsigned int draw(unsigned int below)
{
	/* xorshift64* (Vigna 2016) */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned int)((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static struct flow draw_flow(void)
{
	struct flow flow;

	memset(&flow, 0, sizeof(flow));
	flow.proto = IPPROTO_TCP;
	assert_int_equal(endpoint_parse(&flow.local, draw(2) ? "192.0.2.1" : "2001:db8::1"), 0);
	assert_int_equal(endpoint_parse(&flow.remote, endpoint_is_v4(&flow.local) ? "192.0.2.2" : "2001:db8::2"), 0);
	flow.local.port = (uint16_t)(1 + draw(PORTS));
	flow.remote.port = (uint16_t)(1 + draw(2));
	/* Unknown to some. */
	flow.netns = draw(3);
	return draw(2) ? flow : flow_reverse(&flow);
}

static bool is_of(const struct record *record, const struct flow *flow)
{
	return record->in_flow_table && endpoint_equal(&record->conn.flow.local, &flow->local) &&
	       endpoint_equal(&record->conn.flow.remote, &flow->remote) &&
	       (record->conn.flow.netns == flow->netns || record->conn.flow.netns == 0 || flow->netns == 0);
}

/* The one added last, of those on the flow. */
static const struct record *newest(const struct record *records, const struct flow *flow)
{
	const struct record *found = NULL;

	for (size_t i = 0; i < RECORDS; i++)
		if (is_of(&records[i], flow) && (found == NULL || records[i].conn.id > found->conn.id))
			found = &records[i];
	return found;
}

static void finds_what_a_list_finds(void **state)
{
	static struct record records[RECORDS];
	static const struct hash_key key = {1, 2};
	struct record_table *table = record_table_new(&key);
	unsigned int both = 0;

	(void)state;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		struct record *record = &records[draw(RECORDS)];
		const struct flow flow = draw_flow(), reverse = flow_reverse(&flow);
		struct event event = event_new(EVENT_SEGMENT, ORIGIN_WIRE, 0);
		struct record_ends ends;

		if (record->in_flow_table) {
			record_table_remove_flow(table, record);
		} else {
			record->conn.flow = draw_flow();
			record->conn.id = round;
			record_table_add_flow(table, record);
		}
		if (round % 8 != 0)
			continue;
		event.flow = flow;
		/* With and without a hash that was computed before. */
		event.flow_hash = round % 16 == 0 ? flow_hash(&key, &reverse) : 0;
		ends = record_table_find_both(table, &flow, record_table_locate(table, &event));
		assert_ptr_equal(ends.sender, newest(records, &flow));
		assert_ptr_equal(ends.receiver, newest(records, &reverse));
		both += ends.sender != NULL && ends.receiver != NULL;
	}
	assert_true(both > 100);
	record_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_a_list_finds),
	};

	return UNIT_RUN(tests);
}
