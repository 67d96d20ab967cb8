// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/conn.h"
#include "report/expect/expect_learn.h"
#include "report/expect/expect_rules.h"

/* What a connection is like; a NULL or 0 is unknown. */
struct like {
	enum conn_dir dir;
	const char *remote;
	uint16_t lport, rport;
	const char *comm;
	enum conn_result result;
};

static void make(struct conn *conn, const struct like *like)
{
	conn_init(conn);
	conn->dir = like->dir;
	conn->result = like->result;
	if (like->remote != NULL)
		assert_int_equal(endpoint_parse(&conn->flow.remote, like->remote), 0);
	conn->flow.local.port = like->lport;
	conn->flow.remote.port = like->rport;
	if (like->comm == NULL)
		return;
	conn->process = process_new(7);
	snprintf(conn->process->comm, sizeof(conn->process->comm), "%s", like->comm);
}

static const struct like db = {DIR_OUT, "10.1.2.3", 40000, 5432, "app", RESULT_OK};
static const struct like db_refused = {DIR_OUT, "10.1.2.3", 40000, 5432, "app", RESULT_REFUSED};
static const struct like db_pending = {DIR_OUT, "10.1.2.3", 40000, 5432, "app", RESULT_PENDING};
static const struct like mail = {DIR_OUT, "192.0.2.1", 40001, 25, "app", RESULT_OK};
static const struct like six = {DIR_OUT, "2001:db8::1", 40001, 443, "a b\\", RESULT_OK};
static const struct like web = {DIR_IN, "127.0.0.1", 8080, 50000, "nginx", RESULT_OK};
static const struct like somebody = {DIR_OUT, "192.0.2.1", 40001, 25, NULL, RESULT_OK};
static const struct like nowhere = {DIR_OUT, NULL, 0, 0, "app", RESULT_ERROR};
static const struct like middle = {DIR_UNKNOWN, "192.0.2.1", 40001, 25, NULL, RESULT_UNKNOWN};

/* Rules, a connection, what they say, and which of them. */
static const struct {
	const char *rules;
	const struct like *like;
	enum expect_outcome outcome;
	const char *rule;
} cases[] = {
	{"out to 10.0.0.0/8:5432 ok; no other out", &db, EXPECT_KEPT, NULL},
	{"out to 10.0.0.0/8:5432 ok; no other out", &db_refused, EXPECT_BROKEN, "out to 10.0.0.0/8:5432 ok"},
	{"out to 10.0.0.0/8:5432 ok; no other out", &db_pending, EXPECT_UNPROVEN, "out to 10.0.0.0/8:5432 ok"},
	{"out to 10.0.0.0/8:5432; no other out", &db_pending, EXPECT_KEPT, NULL},
	{"out to 10.0.0.0/8:5432 ok; no other out", &mail, EXPECT_BROKEN, "no other out"},
	{"out to 10.0.0.0/8:5432 ok; no other out", &web, EXPECT_KEPT, NULL},
	{"out to 10.0.0.0/8:5432 ok; no other", &web, EXPECT_BROKEN, "no other"},
	{"out to 10.0.0.0/8:5432 ok\nout to 10.1.2.3:5432 refused # or not there", &db_refused, EXPECT_KEPT, NULL},
	{"out ok", &mail, EXPECT_KEPT, NULL},
	{"ok", &db_refused, EXPECT_BROKEN, "ok"},
	{"fail", &db_refused, EXPECT_KEPT, NULL},
	{"no fail", &db, EXPECT_KEPT, NULL},
	{"no fail", &db_refused, EXPECT_BROKEN, "no fail"},
	{"no fail", &nowhere, EXPECT_BROKEN, "no fail"},
	{"no fail", &db_pending, EXPECT_UNPROVEN, "no fail"},
	{"no fail", &middle, EXPECT_UNPROVEN, "no fail"},
	{"no timeout", &db_refused, EXPECT_KEPT, NULL},
	{"no out to *:25", &mail, EXPECT_BROKEN, "no out to *:25"},
	{"no out to :20-25,443", &six, EXPECT_UNPROVEN, "error"},
	{"no to :20-25,:443", &six, EXPECT_BROKEN, "no to :20-25,:443"},
	{"no to [2001:db8::]/32:443", &six, EXPECT_BROKEN, "no to [2001:db8::]/32:443"},
	{"no to 2001:db8::/32", &six, EXPECT_BROKEN, "no to 2001:db8::/32"},
	{"no to 2001:db8::2", &six, EXPECT_KEPT, NULL},
	{"out by a\\x20b\\x5c; no other", &six, EXPECT_KEPT, NULL},
	{"in on 8080 from 127.0.0.1; no other in", &web, EXPECT_KEPT, NULL},
	{"in on 80,8000-8080 from 127.0.0.0/8 by nginx ok; no other in", &web, EXPECT_KEPT, NULL},
	{"in on 8081; no other in", &web, EXPECT_BROKEN, "no other in"},
	{"on 8080 from 10.0.0.0/8;;no other in", &web, EXPECT_BROKEN, "no other in"},
	{"no other in", &middle, EXPECT_UNPROVEN, "no other in"},
	{"no other", &middle, EXPECT_BROKEN, "no other"},
	/* An unknown process, or address, is neither permitted nor forbidden. */
	{"no by app", &somebody, EXPECT_UNPROVEN, "no by app"},
	{"out by app; no other out", &somebody, EXPECT_UNPROVEN, "no other out"},
	{"out by app refused", &somebody, EXPECT_UNPROVEN, "out by app refused"},
	{"out by app; out to 192.0.2.1; no other out", &somebody, EXPECT_KEPT, NULL},
	{"out to 10.0.0.0/8; no other out", &nowhere, EXPECT_UNPROVEN, "no other out"},
	{"out to *; no other out", &nowhere, EXPECT_KEPT, NULL},
	/* What is forbidden is broken even if another rule is unproven. */
	{"no by app; no other out by cron; no other", &somebody, EXPECT_BROKEN, "no other"},
	{"no other out by cron", &mail, EXPECT_KEPT, NULL},
};

static void rules_judge_connections(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct expect_rules *rules = expect_rules_new();
		const char *rule = NULL;
		struct conn conn;
		struct err err;
		int rc = expect_rules_add(rules, cases[i].rules, &err);

		if (cases[i].rule != NULL && strcmp(cases[i].rule, "error") == 0) {
			assert_int_equal(rc, -EINVAL);
			expect_rules_free(rules);
			continue;
		}
		if (rc != 0)
			fail_msg("%s", err.text);
		make(&conn, cases[i].like);
		if (expect_rules_judge(rules, &conn, &rule) != cases[i].outcome)
			fail_msg("case %zu: %s: by %s", i, cases[i].rules, rule != NULL ? rule : "none");
		if (cases[i].rule != NULL)
			assert_string_equal(rule, cases[i].rule);
		process_unref(conn.process);
		expect_rules_free(rules);
	}
}

static void what_is_no_rule_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"# nothing",
		";;",
		"no",
		"no other ok",
		"in to 10.0.0.1",
		"out on 80",
		"out from *",
		"to",
		"out to",
		"out to :99999",
		"out to 10.0.0.1/33",
		"out to x:80",
		"ok fail",
		"out ok to :80",
		"no no out",
		"other out",
		"out out",
		"by a by b",
		"on 80 on 81",
		"out pending",
		"OUT",
		"in on 80;nope",
		"to 10.0.0.0/8,",
		"to 10.0.0.1/8",
		"to [::1",
		"unknown",
		"no in to :80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct expect_rules *rules = expect_rules_new();
		struct err err = {""};

		if (expect_rules_add(rules, wrong[i], &err) != -EINVAL || err.text[0] == '\0')
			fail_msg("\"%s\" is accepted", wrong[i]);
		expect_rules_free(rules);
	}
}

/* Messages that say what to write instead. */
static void test_remedies(void **state)
{
	static const char *const remedies[][2] = {
		{"out to fd00::/8:443 ok",
		 "\"fd00::/8:443\": with a port, the address of an IPv6 network is in brackets: "
		 "[fd00::]/8:443"},
		{"no fai", "\"fai\" is not understood; did you mean fail?"},
		{"out refsued", "did you mean refused?"},
		{"out frm :80", "did you mean from?"},
		{"in xylophone", "allowed are in, out"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
		struct expect_rules *rules = expect_rules_new();
		struct err err = {""};

		assert_int_equal(expect_rules_add(rules, remedies[i][0], &err), -EINVAL);
		if (strstr(err.text, remedies[i][1]) == NULL)
			fail_msg("\"%s\": %s", remedies[i][0], err.text);
		expect_rules_free(rules);
	}
}

struct learned {
	struct expect_rules *rules;
	char text[4096];
	size_t count;
};

static void take(void *context, const char *rule)
{
	struct learned *learned = context;
	size_t length = strlen(learned->text);
	struct err err;

	learned->count++;
	if (length + strlen(rule) + 2 < sizeof(learned->text))
		snprintf(learned->text + length, sizeof(learned->text) - length, "%s\n", rule);
	if (rule[0] != '#')
		assert_int_equal(expect_rules_add(learned->rules, rule, &err), 0);
}

/* Whatever was learned from is kept. */
static void learn(struct learned *learned, const struct like *const *likes, size_t count)
{
	struct expect_learn *learn = expect_learn_new();
	struct conn conn;
	const char *rule;

	*learned = (struct learned){.rules = expect_rules_new()};
	for (size_t i = 0; i < count; i++) {
		make(&conn, likes[i]);
		expect_learn_conn(learn, &conn);
		process_unref(conn.process);
	}
	expect_learn_each(learn, take, learned);
	for (size_t i = 0; i < count; i++) {
		make(&conn, likes[i]);
		assert_int_equal(expect_rules_judge(learned->rules, &conn, &rule), EXPECT_KEPT);
		process_unref(conn.process);
	}
	expect_rules_free(learned->rules);
	expect_learn_free(learn);
}

static void learned_rules_are_kept(void **state)
{
	static const struct like *const good[] = {&web, &db, &six, &db, &mail};
	static const struct like *const bad[] = {&db, &db_refused, &somebody, &nowhere, &db_pending, &middle};
	struct learned learned;

	(void)state;
	learn(&learned, good, 5);
	assert_string_equal(learned.text, "in on 8080 from 127.0.0.1 by nginx ok\n"
					  "out to 10.1.2.3:5432 by app ok\n"
					  "out to 192.0.2.1:25 by app ok\n"
					  "out to [2001:db8::1]:443 by a\\x20b\\x5c ok\n"
					  "no other\n"
					  "no fail\n");
	learn(&learned, bad, 6);
	assert_string_equal(learned.text, "out by app error\n"
					  "out to 10.1.2.3:5432 by app\n"
					  "out to 192.0.2.1:25 ok\n"
					  "# no rule forbids the rest: who opened is not known of 1 connection\n");
	learn(&learned, NULL, 0);
	assert_string_equal(learned.text, "no other\nno fail\n");
}

/* A scan: the rules get wider, so that their number is limited. */
static void many_peers_make_few_rules(void **state)
{
	static struct like likes[9000];
	static const struct like *pointers[9000];
	static char addresses[9000][16];
	struct learned learned;

	(void)state;
	for (size_t i = 0; i < 9000; i++) {
		snprintf(addresses[i], sizeof(addresses[i]), "10.0.%zu.%zu", i / 250, i % 250 + 1);
		likes[i] = (struct like){DIR_OUT, addresses[i], 4000, (uint16_t)(1000 + i), "scan", RESULT_OK};
		pointers[i] = &likes[i];
	}
	learn(&learned, pointers, 9000);
	assert_true(learned.count >= 4000 && learned.count <= 4010);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_judge_connections),    cmocka_unit_test(test_remedies),
		cmocka_unit_test(what_is_no_rule_is_refused), cmocka_unit_test(learned_rules_are_kept),
		cmocka_unit_test(many_peers_make_few_rules),
	};

	return UNIT_RUN(tests);
}
