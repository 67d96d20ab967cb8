// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "track/process_table.h"

#define PROCESSES 65536

static void name(struct process_table *table, pid_t pid, const char *comm)
{
	struct event event = event_new(EVENT_PROCESS, ORIGIN_CALLS, 1);

	event.process.pid = pid;
	event.process.uid = (uint32_t)-1;
	event.process.fact = PROCESS_COMM;
	event.process.offset = 0;
	event.process.length = (uint16_t)strlen(comm);
	memcpy(event.process.text, comm, strlen(comm));
	process_table_feed(table, &event);
}

/* kernel.pid_max is 4194304 on most systems, so that PIDs may be any distance from each other. */
static void no_process_replaces_another(void **state)
{
	static const pid_t pids[] = {100, 100 + 65536, 100 + 2 * 65536, 4194303, 1, -1, -65537, INT32_MIN};
	struct process_table *table = process_table_new();
	char comm[16];

	(void)state;
	for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
		snprintf(comm, sizeof(comm), "%d", (int)pids[i]);
		name(table, pids[i], comm);
	}
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
			snprintf(comm, sizeof(comm), "%d", (int)pids[i]);
			assert_int_equal(process_table_get(table, pids[i])->pid, pids[i]);
			assert_string_equal(process_table_get(table, pids[i])->comm, comm);
		}
	}
	process_table_free(table);
}

static void the_process_used_longest_ago_makes_room(void **state)
{
	struct process_table *table = process_table_new();

	(void)state;
	for (pid_t pid = 1; pid <= PROCESSES; pid++)
		name(table, pid, "old");
	assert_string_equal(process_table_get(table, 1)->comm, "old");
	name(table, PROCESSES + 1, "new");
	assert_string_equal(process_table_get(table, 1)->comm, "old");
	assert_string_equal(process_table_get(table, PROCESSES + 1)->comm, "new");
	assert_string_equal(process_table_get(table, 2)->comm, "");
	process_table_free(table);
	process_table_free(NULL);
}

static void exec_leaves_the_old_process_to_its_holders(void **state)
{
	struct process_table *table = process_table_new();
	struct process *before;

	(void)state;
	name(table, 7, "sh");
	before = process_ref(process_table_get(table, 7));
	name(table, 7, "curl");
	assert_string_equal(before->comm, "sh");
	assert_string_equal(process_table_get(table, 7)->comm, "curl");
	process_unref(before);
	process_table_free(table);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_process_replaces_another),
		cmocka_unit_test(the_process_used_longest_ago_makes_room),
		cmocka_unit_test(exec_leaves_the_old_process_to_its_holders),
	};

	return UNIT_RUN(tests);
}
