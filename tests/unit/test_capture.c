// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../helpers/capscript.h"
#include "base/clock.h"
#include "source/packet/capture.h"
#include "source/packet/heartbeat.h"
#include "source/packet/process.h"

#define SAVEFILE(name) .savefiles = (const char *const[]){name}, .savefile_count = 1

/* Longer than any of this takes, so that a failure ends. */
#define PATIENCE_MS 10000

#define SCRIPT                                                                                             \
	"flow a 192.0.2.1 1000 192.0.2.2 80\nflow b 2001:db8::1 1001 2001:db8::2 443\n"                    \
	"+0 a > S seq 1 mss 1460\n+0.001 a < SA seq 5 ack 2\n+0.001 a > A seq 2 ack 6\n+0.5 b > S seq 9\n" \
	"+0 b > icmp 1/4 seq 9\n"

/* ---- savefiles ---------------------------------------------------------------- */

static void put32(FILE *file, uint32_t value)
{
	fwrite(&value, 4, 1, file);
}

static void write_frame(void *context, int link, int64_t time_ns, const uint8_t *data, uint32_t caplen, uint32_t length)
{
	FILE *file = context;

	(void)link;
	put32(file, (uint32_t)(time_ns / 1000000000));
	put32(file, (uint32_t)(time_ns % 1000000000));
	put32(file, caplen);
	put32(file, length);
	fwrite(data, 1, caplen, file);
}

static void savefile_head(FILE *file, uint32_t link)
{
	put32(file, 0xa1b23c4d);
	put32(file, 2 | 4 << 16);
	put32(file, 0);
	put32(file, 0);
	put32(file, 65536);
	put32(file, link);
}

/* A savefile of @script, gone by itself when the test ends. Return: its name. */
static const char *savefile(const char *script, uint32_t link, int repeat)
{
	static char name[64];
	FILE *file;
	int fd;

	snprintf(name, sizeof(name), "/tmp/test_capture.XXXXXX");
	fd = mkstemp(name);
	assert_true(fd >= 0);
	file = fdopen(fd, "wb");
	assert_non_null(file);
	savefile_head(file, link);
	for (int i = 0; i < repeat; i++)
		assert_null(capscript_run(script, write_frame, file));
	fclose(file);
	return name;
}

/* packet_next(), waiting as long as it has nothing. */
static int next(struct packet *packet, struct event *event, struct err *err)
{
	for (;;) {
		struct pollfd wake = {.fd = packet_fd(packet), .events = POLLIN};
		int got = packet_next(packet, event, err);

		/* That time passes is no packet. */
		if (got == 1 && event->type == EVENT_TIME)
			continue;
		if (got != 0)
			return got;
		assert_int_equal(poll(&wake, 1, PATIENCE_MS), 1);
	}
}

static struct packet *open_file(const char *name, const char *filter)
{
	struct packet_config config = {SAVEFILE(name), .filter = filter};
	struct packet *packet = NULL;
	struct err err = {""};

	if (packet_open(&packet, &config, &err) != 0)
		fail_msg("%s", err.text);
	return packet;
}

static void savefile_becomes_events(void **state)
{
	const char *name = savefile(SCRIPT, 1, 1);
	struct packet *packet = open_file(name, NULL);
	struct packet_stats stats;
	struct event event;
	struct err err = {""};

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(next(packet, &event, &err), 1);
		assert_int_equal(event.type, EVENT_SEGMENT);
		assert_int_equal(event.flow.local.port, i == 1 ? 80 : i == 3 ? 1001 : 1000);
	}
	assert_true(event.time_ns == INT64_C(1700000000502000000));
	assert_int_equal(next(packet, &event, &err), 1);
	assert_int_equal(event.type, EVENT_ICMP);
	assert_int_equal(event.icmp.code, 4);
	assert_int_equal(next(packet, &event, &err), SOURCE_END);
	assert_int_equal(next(packet, &event, &err), SOURCE_END);
	packet_stats(packet, &stats);
	assert_int_equal(stats.frames, 5);
	assert_int_equal(stats.events, 5);
	assert_true(stats.cpu_ns > 0);
	packet_close(packet);
	unlink(name);
}

static void queue_takes_them_all(void **state)
{
	/* Several times what the ring holds, so the writer has to wait for the reader. */
	const char *name = savefile(SCRIPT, 1, 20000);
	struct packet *packet = open_file(name, NULL);
	struct queue *queue = queue_new(sizeof(struct event), 1 << 20);
	struct event event;
	struct err err = {""};
	struct pollfd first = {.fd = packet_fd(packet), .events = POLLIN};
	long count = 0;
	int got;

	(void)state;
	/* The first ones are also reported to a reader that has not asked yet. */
	assert_int_equal(poll(&first, 1, PATIENCE_MS), 1);
	while ((got = packet_read(packet, queue, &err)) != SOURCE_END) {
		struct pollfd wake = {.fd = packet_fd(packet), .events = POLLIN};

		assert_true(got >= 0);
		while (queue_pop(queue, &event))
			count++;
		if (got == 0)
			assert_int_equal(poll(&wake, 1, PATIENCE_MS), 1);
	}
	assert_int_equal(count, 100000);
	queue_free(queue);
	packet_close(packet);
	unlink(name);
}

static void filter_chooses(void **state)
{
	const char *name = savefile(SCRIPT, 1, 1);
	struct packet *packet = open_file(name, "ip6");
	struct event event;
	struct err err = {""};

	(void)state;
	assert_int_equal(next(packet, &event, &err), 1);
	assert_int_equal(event.flow.remote.port, 443);
	assert_int_equal(next(packet, &event, &err), 1);
	assert_int_equal(next(packet, &event, &err), SOURCE_END);
	packet_close(packet);
	unlink(name);
}

static void drained_savefile_ends_early(void **state)
{
	const char *name = savefile(SCRIPT, 1, 20000);
	struct packet *packet = open_file(name, NULL);
	struct event event;
	struct err err = {""};
	long count = 0;
	int got;

	(void)state;
	packet_drain(packet);
	while ((got = next(packet, &event, &err)) == 1)
		count++;
	assert_int_equal(got, SOURCE_END);
	assert_true(count < 100000);
	packet_close(packet);
	unlink(name);
}

static void cut_savefile_tells_after_the_rest(void **state)
{
	const char *name = savefile(SCRIPT, 1, 1);
	struct packet *packet;
	struct stat status;
	struct event event;
	struct err err = {""};

	(void)state;
	assert_int_equal(stat(name, &status), 0);
	assert_int_equal(truncate(name, status.st_size - 3), 0);
	packet = open_file(name, NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(next(packet, &event, &err), 1);
	assert_true(next(packet, &event, &err) < 0);
	assert_non_null(strstr(err.text, name));
	assert_int_equal(next(packet, &event, &err), SOURCE_END);
	packet_close(packet);
	unlink(name);
}

static void assert_refused(const struct packet_config *config, int error, const char *quoted)
{
	struct packet *packet = NULL;
	struct err err = {""};
	int got = packet_open(&packet, config, &err);

	if (got != error || strstr(err.text, quoted) == NULL)
		fail_msg("%d: %s", got, err.text);
	assert_null(packet);
	assert_null(strchr(err.text, '\n'));
}

static void refusals_quote_what_is_wrong(void **state)
{
	const char *name = savefile(SCRIPT, 189, 1);
	const char *const many[PACKET_INTERFACES + 1] = {"lo"};
	FILE *file;

	(void)state;
	assert_refused(&(struct packet_config){SAVEFILE("/nowhere/x.pcap")}, -ENOENT, "\"/nowhere/x.pcap\"");
	assert_refused(&(struct packet_config){SAVEFILE(name)}, -EPROTONOSUPPORT, "USB_LINUX (189)");
	assert_refused(&(struct packet_config){SAVEFILE(name), .drop_to = "no such user"}, -ENOENT, "\"no such user\"");
	assert_refused(&(struct packet_config){SAVEFILE(name), .interfaces = many, .interface_count = 1}, -EINVAL,
		       "one of them");
	assert_refused(&(struct packet_config){.interfaces = many, .interface_count = PACKET_INTERFACES + 1}, -E2BIG,
		       "any");
	unlink(name);
	assert_refused(&(struct packet_config){SAVEFILE("/tmp")}, -EISDIR, "\"/tmp\"");
	name = savefile(SCRIPT, 1, 1);
	assert_refused(&(struct packet_config){SAVEFILE(name), .filter = "portt 80"}, -CAPTURE_BAD_FILTER,
		       "\"portt 80\"");
	file = fopen(name, "wbe");
	assert_non_null(file);
	fputs("GET / HTTP/1.1\r\n and so on\n", file);
	fclose(file);
	assert_refused(&(struct packet_config){SAVEFILE(name)}, -EINVAL, name);
	unlink(name);
}

/* A stream may pause before its head and between packets. */
static void assert_stream(bool standard_input)
{
	char name[32] = "-";
	struct packet_config config = {SAVEFILE(name), .filter = "tcp"};
	int saved = dup(STDIN_FILENO), pipes[2];
	struct packet *packet = NULL;
	struct event event;
	struct err err = {""};
	FILE *file;

	assert_int_equal(pipe(pipes), 0);
	if (standard_input)
		assert_int_equal(dup2(pipes[0], STDIN_FILENO), 0);
	else
		snprintf(name, sizeof(name), "/dev/fd/%d", pipes[0]);
	assert_int_equal(packet_open(&packet, &config, &err), 0);
	assert_int_equal(dup2(saved, STDIN_FILENO), 0);
	close(saved);
	assert_int_equal(packet_next(packet, &event, &err), 0);
	file = fdopen(pipes[1], "wb");
	assert_non_null(file);
	savefile_head(file, 1);
	assert_null(capscript_run(SCRIPT, write_frame, file));
	fflush(file);
	for (int i = 0; i < 4; i++)
		assert_int_equal(next(packet, &event, &err), 1);
	while (packet_next(packet, &event, &err) == 1)
		assert_int_equal(event.type, EVENT_TIME);
	/* It is not waited for when the run ends. */
	packet_drain(packet);
	assert_int_equal(packet_next(packet, &event, &err), SOURCE_END);
	packet_close(packet);
	fclose(file);
	close(pipes[0]);
}

static void stream_is_read_as_it_comes(void **state)
{
	(void)state;
	assert_stream(true);
}

/* As the shell names what comes from a command: -r <(zcat FILE). */
static void stream_may_be_a_descriptor(void **state)
{
	(void)state;
	assert_stream(false);
}

/* ---- the process -------------------------------------------------------------- */

static void death_is_reported_once(void **state)
{
	const char *name = savefile(SCRIPT, 1, 20000);
	struct packet *packet = open_file(name, NULL);
	struct event event;
	struct err err = {""};
	int got, lost = 0;

	(void)state;
	assert_int_equal(kill(packet_pid(packet), SIGKILL), 0);
	while ((got = next(packet, &event, &err)) == 1)
		lost += event.type == EVENT_LOST && event.lost.where == LOST_PACKET_PROCESS;
	assert_int_equal(got, -EPIPE);
	assert_int_equal(lost, 1);
	assert_non_null(strstr(err.text, "signal 9"));
	assert_int_equal(next(packet, &event, &err), SOURCE_END);
	packet_close(packet);
	unlink(name);
}

/* A process that neither ends nor says anything: stopped, it is given up after its time, and closing does not wait. */
static void one_that_stands_still_is_given_up(void **state)
{
	const char *name = savefile(SCRIPT, 1, 20000);
	struct packet *packet = open_file(name, NULL);
	int64_t began_ns = clock_monotonic();
	struct event event;
	struct err err = {""};
	int got, lost = 0;

	(void)state;
	assert_int_equal(kill(packet_pid(packet), SIGSTOP), 0);
	while ((got = packet_next(packet, &event, &err)) >= 0) {
		lost += got == 1 && event.type == EVENT_LOST && event.lost.where == LOST_PACKET_PROCESS;
		if (got == 0)
			poll(&(struct pollfd){.fd = packet_fd(packet), .events = POLLIN}, 1, 100);
	}
	assert_int_equal(got, -EPIPE);
	assert_int_equal(lost, 1);
	assert_non_null(strstr(err.text, "was stopped"));
	/* Its last heartbeat was before that. */
	assert_true(clock_monotonic() - began_ns >= HEARTBEAT_STOPPED_NS / 2);
	assert_int_equal(next(packet, &event, &err), SOURCE_END);
	packet_close(packet);
	unlink(name);
}

/* The memory that both processes share, found where the kernel names it so. */
static bool find_shared(char **begin, size_t *size)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	bool found = false;
	char line[512];

	while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL) {
		found = strstr(line, "/dev/zero") != NULL && sscanf(line, "%lx-%lx rw-s", &from, &to) == 2;
		if (found) {
			*begin = (char *)(uintptr_t)from;
			*size = to - from;
		}
	}
	if (maps != NULL)
		fclose(maps);
	return found;
}

/* One that was taken over writes whatever it likes: nothing of it is believed, and it is ended. */
static void nonsense_ends_it(void **state)
{
	for (int fill = 0; fill <= 0xff; fill += 0x55) {
		const char *name = savefile(SCRIPT, 1, 20000);
		struct packet *packet = open_file(name, NULL);
		struct packet_stats stats;
		struct event event;
		struct err err = {""};
		char *shared = NULL;
		size_t size = 0;
		int got;

		(void)state;
		assert_true(find_shared(&shared, &size));
		assert_int_equal(packet_next(packet, &event, &err) >= 0, 1);
		assert_int_equal(kill(packet_pid(packet), SIGSTOP), 0);
		memset(shared, fill, size);
		while ((got = packet_next(packet, &event, &err)) >= 0)
			if (got == 0)
				poll(&(struct pollfd){.fd = packet_fd(packet), .events = POLLIN}, 1, 100);
		assert_true(got < 0 && got != SOURCE_END);
		packet_stats(packet, &stats);
		assert_true(stats.cpu_ns >= 0 && stats.peak_bytes >= 0);
		assert_int_equal(packet_next(packet, &event, &err), SOURCE_END);
		packet_close(packet);
		unlink(name);
	}
}

static void who_was_not_there_has_not_heard(void **state)
{
	struct heartbeat heartbeat = {0};
	struct err err = {""};
	int64_t now_ns = CLOCK_NS_PER_SEC;

	(void)state;
	/* This process sleeps, as far as /proc says: it runs. */
	for (int i = 0; i < 29; i++)
		assert_false(heartbeat_hangs(&heartbeat, 7, false, getpid(), now_ns += CLOCK_NS_PER_SEC, &err));
	assert_false(heartbeat_hangs(&heartbeat, 8, false, getpid(), now_ns += CLOCK_NS_PER_SEC, &err));
	/* This process itself was stopped for a minute. */
	assert_false(heartbeat_hangs(&heartbeat, 8, false, getpid(), now_ns += 60 * CLOCK_NS_PER_SEC, &err));
	for (int i = 0; i < 29; i++)
		assert_false(heartbeat_hangs(&heartbeat, 8, false, getpid(), now_ns += CLOCK_NS_PER_SEC, &err));
	assert_true(heartbeat_hangs(&heartbeat, 8, true, getpid(), now_ns += CLOCK_NS_PER_SEC, &err));
	assert_non_null(strstr(err.text, "did not respond for"));
}

/* The packet process waits for room in the ring when the main one dies without a word. */
static void does_not_outlive_the_main_process(void **state)
{
	const char *name = savefile(SCRIPT, 1, 20000);
	int64_t until = clock_monotonic() + PATIENCE_MS * CLOCK_NS_PER_MS;
	int pipes[2], status;
	pid_t main_process, child = 0, got;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	assert_int_equal(pipe(pipes), 0);
	main_process = fork();
	assert_true(main_process >= 0);
	if (main_process == 0) {
		child = packet_pid(open_file(name, NULL));
		_exit(write(pipes[1], &child, sizeof(child)) != sizeof(child));
	}
	close(pipes[1]);
	assert_int_equal(waitpid(main_process, &status, 0), main_process);
	assert_int_equal(status, 0);
	assert_int_equal(read(pipes[0], &child, sizeof(child)), sizeof(child));
	close(pipes[0]);
	/* Ours to reap now. */
	while ((got = waitpid(child, &status, WNOHANG)) == 0 && clock_monotonic() < until)
		poll(NULL, 0, 1);
	assert_int_equal(got, child);
	unlink(name);
}

/* What /proc says of the packet process itself, not of a stand-in. */
static void packet_process_has_nothing_left(void **state)
{
	static const char *const lines[] = {"CapPrm:\t0000000000000000",
					    "CapEff:\t0000000000000000",
					    "CapInh:\t0000000000000000",
					    "CapAmb:\t0000000000000000",
					    "NoNewPrivs:\t1",
					    "Seccomp:\t2"};
	const char *name = savefile(SCRIPT, 1, 20000);
	struct packet *packet = open_file(name, NULL);
	char path[64], text[4096];
	size_t used;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)packet_pid(packet));
	file = fopen(path, "re");
	assert_non_null(file);
	used = fread(text, 1, sizeof(text) - 1, file);
	text[used] = '\0';
	fclose(file);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (strstr(text, lines[i]) == NULL)
			fail_msg("not \"%s\" in %s", lines[i], text);
	if (geteuid() == 0)
		assert_non_null(strstr(text, "Uid:\t65534\t65534\t65534\t65534"));
	packet_close(packet);
	unlink(name);
}

/* ---- live --------------------------------------------------------------------- */

static bool loopback_set(bool up)
{
	struct ifreq request = {.ifr_flags = up ? IFF_UP : 0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool done;

	memcpy(request.ifr_name, "lo", 3);
	done = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	close(fd);
	return done;
}

/* In its own namespaces: a refused connection, then the end at once. Return: what went wrong, 0 nothing, 77 skip. */
static int live_run(const char *const *interfaces, size_t count, bool down)
{
	struct packet_config config = {.interfaces = interfaces, .interface_count = count};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct packet *packet = NULL;
	struct event event;
	struct err err = {""};
	int syns = 0, rsts = 0, fd, got;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 || !loopback_set(true))
		return 77;
	if (packet_open(&packet, &config, &err) != 0) {
		printf("# %s\n", err.text);
		return 1;
	}
	/* The error stays with the packet socket until it is looked at, so nothing has to be waited for. */
	if (down && (!loopback_set(false) || !loopback_set(true)))
		return 4;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 2;
	packet_drain(packet);
	while ((got = next(packet, &event, &err)) == 1) {
		syns += event.type == EVENT_SEGMENT && event.segment.flags & SEGMENT_SYN;
		rsts += event.type == EVENT_SEGMENT && event.segment.flags & SEGMENT_RST;
	}
	packet_close(packet);
	return got == SOURCE_END && syns == 1 && rsts == 1 ? 0 : 3;
}

static void assert_live(const char *const *interfaces, size_t count, bool down)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(live_run(interfaces, count, down));
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void what_was_captured_before_the_end_is_reported(void **state)
{
	static const char *const lo[] = {"lo"};

	(void)state;
	assert_live(lo, 1, false);
}

static void interface_may_go_down_and_up(void **state)
{
	static const char *const lo[] = {"lo"};

	(void)state;
	assert_live(lo, 1, true);
}

static void any_shows_loopback_once(void **state)
{
	static const char *const any[] = {"any"};

	(void)state;
	assert_live(any, 1, false);
}

static void unknown_interface_is_named(void **state)
{
	static const char *const nowhere[] = {"nowhere0"};
	struct packet_config config = {.interfaces = nowhere, .interface_count = 1};
	struct packet *packet = NULL;
	struct err err = {""};
	int got = packet_open(&packet, &config, &err);

	(void)state;
	/* Without the privilege to capture, the message may give that first. */
	assert_true(got == -ENODEV || got == -EPERM);
	assert_non_null(strstr(err.text, "\"nowhere0\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(savefile_becomes_events),
		cmocka_unit_test(queue_takes_them_all),
		cmocka_unit_test(filter_chooses),
		cmocka_unit_test(drained_savefile_ends_early),
		cmocka_unit_test(cut_savefile_tells_after_the_rest),
		cmocka_unit_test(refusals_quote_what_is_wrong),
		cmocka_unit_test(stream_is_read_as_it_comes),
		cmocka_unit_test(stream_may_be_a_descriptor),
		cmocka_unit_test(death_is_reported_once),
		cmocka_unit_test(one_that_stands_still_is_given_up),
		cmocka_unit_test(nonsense_ends_it),
		cmocka_unit_test(who_was_not_there_has_not_heard),
		cmocka_unit_test(does_not_outlive_the_main_process),
		cmocka_unit_test(packet_process_has_nothing_left),
		cmocka_unit_test(what_was_captured_before_the_end_is_reported),
		cmocka_unit_test(interface_may_go_down_and_up),
		cmocka_unit_test(any_shows_loopback_once),
		cmocka_unit_test(unknown_interface_is_named),
	};

	return UNIT_RUN(tests);
}
