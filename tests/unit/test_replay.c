// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/event_text.h"
#include "source/replay/record.h"
#include "source/replay/replay.h"
#include "source/source.h"

#define EVENTS 5000

static char path[] = "/tmp/conntrace-replay-XXXXXX";

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static struct event numbered(int number)
{
	struct event event = event_new(EVENT_CALL, ORIGIN_CALLS, number);

	event.call.pid = number;
	return event;
}

/* Read to the end: how many events there were, or the error with its scenario. */
static int read_all(const char *name, size_t limit, struct err *err)
{
	struct replay_config config = {.path = name};
	struct queue *events = queue_new(sizeof(struct event), limit);
	struct replay *replay;
	int ret, count = 0;

	ret = replay_open(&replay, &config, err);
	if (ret < 0) {
		queue_free(events);
		return ret;
	}
	while ((ret = replay_read(replay, events, err)) >= 0) {
		struct event event;

		while (queue_pop(events, &event)) {
			struct event expected = numbered(count++);

			assert_memory_equal(&event, &expected, sizeof(event));
		}
	}
	/* Then the end, as often as it is asked. */
	assert_int_equal(replay_read(replay, events, err), SOURCE_END);
	replay_close(replay);
	queue_free(events);
	return ret == SOURCE_END ? count : ret;
}

static void what_was_recorded_is_replayed(void **state)
{
	struct record_file *record;
	struct err err = {""};

	(void)state;
	assert_int_equal(record_open(&record, path, &err), 0);
	assert_int_equal(record_commit(record, &err), 0);
	for (int i = 0; i < EVENTS; i++) {
		struct event event = numbered(i);

		assert_int_equal(record_event(record, &event, &err), 0);
	}
	assert_int_equal(record_close(record, &err), 0);
	assert_int_equal(read_all(path, 1 << 20, &err), EVENTS);
	/* A queue that is full loses nothing. */
	assert_int_equal(read_all(path, 7, &err), EVENTS);
}

static void a_file_can_be_written_by_hand(void **state)
{
	static const char text[] = EVENT_TEXT_HEADER "\n# why\n\ntime=0.000000000 type=call origin=s\n#\n"
						     "time=0.000000001 type=call origin=s pid=1\n\n";
	struct err err = {""};

	(void)state;
	write_file(text, strlen(text));
	assert_int_equal(read_all(path, 100, &err), 2);
	write_file(EVENT_TEXT_HEADER "\n", strlen(EVENT_TEXT_HEADER) + 1);
	assert_int_equal(read_all(path, 100, &err), 0);
}

static void wrong_files_are_refused_with_the_line(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", ":1: the file is empty; only what --record wrote can be replayed"},
		{"conntrace-events 2\n", ":1: the file has format 2 of recordings; this version reads format 1"},
		{"conntrace-events \n",
		 ":1: the file does not begin with \"conntrace-events 1\", as what --record writes does"},
		{EVENT_TEXT_HEADER "\n\nnonsense\n", ":3: \"nonsense\" is no key=value"},
		{EVENT_TEXT_HEADER "\ntime=0.000000000 type=call origin=s\ntime=0.000000001 type=call origin=s pid=1",
		 ":3: the file was cut off inside this line, which is left out"},
		{EVENT_TEXT_HEADER, ":1: the file was cut off inside this line, which is left out"},
	};
	char *large = calloc(1, 1 << 17);
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(cases[i].text, strlen(cases[i].text));
		err.text[0] = '\0';
		assert_int_equal(read_all(path, 100, &err), -EINVAL);
		assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
		assert_string_equal(err.text + strlen(path), cases[i].says);
	}
	write_file("conntrace\0events", 17);
	assert_int_equal(read_all(path, 100, &err), -EINVAL);
	memcpy(large, EVENT_TEXT_HEADER "\na\0b\n", strlen(EVENT_TEXT_HEADER) + 5);
	write_file(large, strlen(EVENT_TEXT_HEADER) + 5);
	assert_int_equal(read_all(path, 100, &err), -EINVAL);
	assert_string_equal(err.text + strlen(path), ":2: the line has a NUL byte, so it is no text");
	/* A line without end fills no more than its buffer. */
	memset(large, 'x', 1 << 17);
	write_file(large, 1 << 17);
	assert_int_equal(read_all(path, 100, &err), -EINVAL);
	assert_string_equal(err.text + strlen(path), ":1: the line is too long for an event");
	free(large);
	assert_int_equal(read_all("/nonexistent/file.ev", 1, &err), -ENOENT);
	assert_string_equal(err.text, "\"/nonexistent/file.ev\" cannot be read: No such file or directory; a file that "
				      "--record wrote is expected");
	assert_int_equal(read_all("/", 1, &err), -EISDIR);
}

static void a_pipe_never_blocks(void **state)
{
	static const char head[] = EVENT_TEXT_HEADER "\ntime=0.000000000 type=ca", tail[] = "ll origin=s\n";
	struct replay_config config = {.path = "-"};
	struct queue *events = queue_new(sizeof(struct event), 10);
	struct replay *replay;
	struct event event, expected = numbered(0);
	int pipes[2], saved = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dup2(pipes[0], STDIN_FILENO), STDIN_FILENO);
	close(pipes[0]);
	assert_int_equal(replay_open(&replay, &config, NULL), 0);
	assert_true(replay_fd(replay) > STDERR_FILENO);
	assert_int_equal(fcntl(replay_fd(replay), F_GETFD), FD_CLOEXEC);
	assert_int_equal(replay_read(replay, events, NULL), 0);
	assert_int_equal(write(pipes[1], head, strlen(head)), strlen(head));
	assert_int_equal(replay_read(replay, events, NULL), 0);
	assert_int_equal(write(pipes[1], tail, strlen(tail)), strlen(tail));
	assert_int_equal(replay_read(replay, events, NULL), 1);
	assert_true(queue_pop(events, &event));
	assert_memory_equal(&event, &expected, sizeof(event));
	assert_int_equal(replay_read(replay, events, NULL), 0);
	close(pipes[1]);
	assert_int_equal(replay_read(replay, events, NULL), SOURCE_END);
	/* The standard input of others stays as it was. */
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, 0);
	replay_close(replay);
	replay_close(NULL);
	dup2(saved, STDIN_FILENO);
	close(saved);
	queue_free(events);
}

static void a_regular_file_is_asked_on_a_clock(void **state)
{
	struct replay_config config = {.path = path};
	struct replay *replay;

	(void)state;
	assert_int_equal(replay_open(&replay, &config, NULL), 0);
	assert_int_equal(replay_fd(replay), -1);
	replay_close(replay);
}

static void failures_to_record_are_reported(void **state)
{
	struct event event = numbered(1), wrong = event_new(EVENT_TYPE_NUM, ORIGIN_CALLS, 0);
	struct record_file *record;
	struct err err = {""};
	int ret = 0;

	(void)state;
	assert_int_equal(record_open(&record, "/nonexistent/file.ev", &err), -ENOENT);
	assert_string_equal(err.text,
			    "events cannot be recorded in \"/nonexistent/file.ev\": No such file or directory");
	assert_int_equal(record_open(&record, "/dev/full", &err), 0);
	assert_int_equal(record_commit(record, &err), 0);
	assert_int_equal(record_event(record, &wrong, &err), -EINVAL);
	for (int i = 0; i < EVENTS && ret == 0; i++)
		ret = record_event(record, &event, &err);
	assert_int_equal(ret, -ENOSPC);
	assert_string_equal(err.text, "events cannot be recorded in \"/dev/full\": No space left on device");
	assert_int_equal(record_event(record, &event, &err), -ENOSPC);
	assert_int_equal(record_close(record, &err), -ENOSPC);
	/* Little enough to be in the buffer until the end. */
	assert_int_equal(record_open(&record, "/dev/full", &err), 0);
	assert_int_equal(record_commit(record, &err), 0);
	assert_int_equal(record_event(record, &event, &err), 0);
	assert_int_equal(record_close(record, &err), -ENOSPC);
	assert_int_equal(record_close(NULL, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_recorded_is_replayed),
		cmocka_unit_test(a_file_can_be_written_by_hand),
		cmocka_unit_test(wrong_files_are_refused_with_the_line),
		cmocka_unit_test(a_pipe_never_blocks),
		cmocka_unit_test(a_regular_file_is_asked_on_a_clock),
		cmocka_unit_test(failures_to_record_are_reported),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
