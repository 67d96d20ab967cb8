// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/sampler/process_set.h"

/* The processes that are watched without being stopped. */

static pid_t a_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	while (pid == 0)
		pause();
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void children_without_room_are_reported(void **state)
{
	struct process_set *set = process_set_new(true, 3);
	pid_t children[4];
	const char *said;
	struct err err;
	char pids[2][32];

	(void)state;
	assert_int_equal(process_set_add(set, getpid(), 0, &err), 0);
	for (size_t i = 0; i < 2; i++)
		children[i] = a_child();
	(void)process_set_follow(set, 1);
	assert_non_null(process_set_at(set, 2));
	assert_null(process_set_departed(set));
	for (size_t i = 2; i < 4; i++)
		children[i] = a_child();
	(void)process_set_follow(set, 2);
	assert_null(process_set_at(set, 3));
	said = process_set_departed(set);
	assert_non_null(said);
	for (size_t i = 0; i < 2; i++)
		snprintf(pids[i], sizeof(pids[i]), "PID %d,", children[2 + i]);
	assert_true(strstr(said, pids[0]) != NULL || strstr(said, pids[1]) != NULL);
	assert_non_null(strstr(said, "3 processes"));
	assert_null(process_set_departed(set));
	assert_int_equal(process_set_add(set, children[3], 0, &err), -E2BIG);
	assert_non_null(strstr(err.text, "limit is 3"));
	for (size_t i = 0; i < 4; i++)
		end(children[i]);
	process_set_free(set);
}

/* A host may have any number of them. */
static void few_of_those_that_are_not_seen_are_named(void **state)
{
	enum {
		COUNT = 12
	};
	struct process_set *set = process_set_new(false, COUNT);
	const char *said, *last = NULL;
	pid_t children[COUNT];
	size_t named = 0;
	char pid[32];
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		children[i] = a_child();
		assert_int_equal(process_set_add(set, children[i], 0, &err), 0);
		process_set_at(set, i)->unread = 1;
	}
	for (; (said = process_set_departed(set)) != NULL; last = said) {
		snprintf(pid, sizeof(pid), "PID %d ", children[named++]);
		assert_non_null(strstr(said, pid));
	}
	assert_true(named > 1 && named < COUNT / 2);
	assert_non_null(strstr(last, "further ones are not named"));
	for (size_t i = 0; i < COUNT; i++)
		end(children[i]);
	process_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_without_room_are_reported),
		cmocka_unit_test(few_of_those_that_are_not_seen_are_named),
	};

	return UNIT_RUN(tests);
}
