// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules of --expect: any text is refused or judges connections, and the same each time. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "model/conn.h"
#include "report/expect/expect_rules.h"

static void judge(const struct expect_rules *rules, enum conn_dir dir, enum conn_result result, const char *address)
{
	const char *rule = "", *again = "";
	struct conn conn;

	conn_init(&conn);
	conn.dir = dir;
	conn.result = result;
	conn.flow.remote.port = 80;
	conn.flow.local.port = result == RESULT_OK ? 8080 : 0;
	if (endpoint_parse(&conn.flow.remote, address) != 0)
		abort();
	if (expect_rules_judge(rules, &conn, &rule) != expect_rules_judge(rules, &conn, &again) || rule != again)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct expect_rules *rules = expect_rules_new();
	char *text = xmalloc(size + 1);
	struct err err = {""};

	memcpy(text, data, size);
	text[size] = '\0';
	if (expect_rules_add(rules, text, &err) != 0 && err.text[0] == '\0')
		abort();
	for (unsigned int result = 0; result < RESULT_NUM; result++) {
		judge(rules, (enum conn_dir)(result % DIR_NUM), (enum conn_result)result, "192.0.2.1");
		judge(rules, (enum conn_dir)(result % DIR_NUM), (enum conn_result)result, "2001:db8::1");
	}
	expect_rules_free(rules);
	free(text);
	return 0;
}
