// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <netinet/tcp.h>
#include <strings.h>

#include "report/rows/column.h"
#include "report/ladder/ladder_draw.h"
#include "report/reports.h"
#include "report/rows/summary.h"
#include "report/top/top_columns.h"

/* What tests/lint/tables.py sees in the source, seen by those who ask: each member of an enumeration has its word. */

static void is_word(const char *word)
{
	assert_non_null(word);
	assert_true(word[0] != '\0');
}

static void connections_have_their_words(void **state)
{
	(void)state;
	for (unsigned int i = DIR_IN; i < DIR_NUM; i++)
		is_word(conn_dir_text(i));
	for (unsigned int i = 0; i < RESULT_NUM; i++)
		is_word(conn_result_text(i));
	for (unsigned int i = CLOSE_LFIN; i < CLOSE_NUM; i++)
		is_word(conn_close_text(i));
	for (unsigned int i = TCP_ESTABLISHED; i <= TCP_CLOSING; i++)
		is_word(conn_state_text(i));
	is_word(conn_state_text(STATE_CLOSED));
	is_word(conn_state_text(STATE_RESET));
	assert_null(conn_state_text(STATE_UNKNOWN));
	assert_null(conn_state_text(STATE_NUM));
	for (unsigned int i = 0; i < SUSPICIOUS_NUM; i++)
		is_word(suspicious_word(i));
}

static void reports_have_their_words(void **state)
{
	(void)state;
	for (size_t i = 0; reports_each(i) != NULL; i++)
		is_word(reports_each(i)->name);
	for (unsigned int i = 0; i < LOST_WHERE_NUM; i++)
		is_word(summary_lost_key(i));
	for (unsigned int i = 0; i < COLUMN_TYPE_NUM; i++)
		is_word(column_type_text(i));
	for (unsigned int i = 0; i < PEERS_KEY_NUM; i++) {
		is_word(peers_key_name(i));
		assert_int_equal(strcasecmp(column_key(i)->name, peers_key_name(i)), 0);
		assert_non_null(column_key(i)->get);
	}
	for (unsigned int i = 0; i < TOP_UNITS_NUM; i++)
		is_word(top_text_units(i));
	for (unsigned int i = 0; i < TOP_COLUMN_NUM; i++) {
		is_word(top_columns[i].title);
		is_word(top_columns[i].help);
		assert_true(top_columns[i].rank >= 1 && top_columns[i].rank <= TOP_COLUMN_NUM);
	}
}

static void ladders_know_every_call(void **state)
{
	struct event event = event_new(EVENT_CALL, ORIGIN_CALLS, 1);
	struct conn conn;

	(void)state;
	conn_init(&conn);
	event.call.fd = 5;
	event.call.argument = 1; /* TCP_ESTABLISHED */
	for (unsigned int kind = 0; kind < CALL_NUM; kind++) {
		struct text text = {0}, note = {0};

		event.call.kind = (uint8_t)kind;
		ladder_call(&text, &note, &conn, &event.call);
		is_word(text.data);
		assert_true(text.data[0] != '?');
		text_free(&text);
		text_free(&note);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_have_their_words),
		cmocka_unit_test(reports_have_their_words),
		cmocka_unit_test(ladders_know_every_call),
	};

	return UNIT_RUN(tests);
}
