// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkconn - a factory of processes whose connection scenario is known
 *
 * The arguments are words, done one after the other; a thread has one
 * listener and one current connection.
 *
 *   truth=FILE          append what is known of each connection that ends to FILE, one JSON line each
 *   limit=SEC           the process is killed (SIGALRM) after SEC seconds; 150
 *   nonblock            sockets made from now on are non-blocking; "block" undoes it
 *   cloexec             sockets made from now on are close-on-exec
 *   listen=ADDR:PORT    ([::]:0 listens on both families)      backlog=N goes before it
 *   port-file=FILE      the listener's port
 *   bind=ADDR:PORT      the local end of the next connect
 *   connect=ADDR:PORT   PORT may be @FILE; "connect=self" goes to the own listener
 *   connect-again       the same connect(2) once more     disconnect: connect(AF_UNSPEC); the next connect takes
 *                       the socket                        again: the next connect takes the socket of a failed one
 *   fast=CALL:N         the next connect is a sendto, sendmsg or sendmmsg with MSG_FASTOPEN and N bytes, or a
 *                       connect with TCP_FASTOPEN_CONNECT
 *   fastopen reuseport mptcp                   the same of listeners made from now on (mptcp: of all sockets)
 *   by=syscall by=socketcall by=library        how connections are made, asked for and shut down
 *   interrupt=MS interrupt-restart=MS          a signal comes then, calls are restarted or not
 *   free=FD             close that descriptor, so that the next one made gets its number
 *   poll                wait until the connect is decided      so-error: read SO_ERROR
 *   accept accept4      also accept-null, accept4-null (no address wanted), accept-short, accept4-short (no room)
 *   send=N recv=N recv-all                     wait-bytes=N: until N bytes wait unread
 *   wait-hup            until the other side has ended it (nothing is read)
 *   shutdown shutdown-read shutdown-both       linger0: the next close sends RST
 *   close rst dup2-over close-range            ways to end it
 *   abandon             close it before its connect was answered
 *   lose                forget it, leave it open
 *   drop                close the descriptor and tell no truth (someone else holds the connection)
 *   keep                leave it open until the process ends, begin another
 *   count=N ... done    N times; "forever" is count without end
 *   threads=N ... done  N threads do the block                 join: wait for threads and forks
 *   fork=N ... done     N processes do the block; vfork ... done: one, in a new image
 *   clone=FLAGS ... done    a process by clone(2), FLAGS are vm,files,fs,sighand,parent,untraced,vfork or plain, and
 *                       clone3 for that call
 *   moved=HOW           it gets another descriptor by dup dup2 dup3 fcntl fcntl-cloexec pidfd
 *   channel             Unix sockets to pass descriptors through; channel-fd=FD: an inherited one
 *   pass take take-cloexec pass-listener take-listener    a connection, or the listener, goes through it
 *   exec                become a new image of this program that goes on with the words behind
 *   wait-stdin          until a line or the end on stdin     wait-file=FILE touch=FILE say=TEXT
 *   hold=PREFIX         a connection that has not failed waits for the file PREFIX.LPORT-RPORT, its ports
 *   exit=N kill9 raise=N                       end with whatever is open; thread-exit: only this thread
 *   udp=ADDR:PORT unix=PATH                    a connect that is not TCP, closed at once
 *
 * exec hands an open connection and the listener to itself as adopt=... and adopt-listener=FD.
 *
 * Exit status: 0, or the given one, or 2 when the scenario could not be played.
 */
#include "mkconn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_SEC 150

/* A thread's own scenario and the block it does. */
struct part {
	struct scenario scenario;
	int from;
};

struct connection *current(const struct scenario *scenario, const char *word)
{
	if (!scenario->connection) {
		errno = EBADF;
		die("%s: no connection", word);
	}
	return scenario->connection;
}

/* The connection is over: tells its truth, unless there is none to tell, and forgets it. */
void forget(struct scenario *scenario, const char *how)
{
	if (how)
		connection_truth(scenario->connection, scenario->truth, how);
	free(scenario->connection);
	scenario->connection = NULL;
}

/* Before the process ends with open connections. */
void tell_all(struct scenario *scenario, const char *how)
{
	if (scenario->connection)
		forget(scenario, how);
	while (scenario->kept) {
		scenario->connection = scenario->kept;
		scenario->kept = scenario->kept->next;
		forget(scenario, how);
	}
}

/* --- words that wait -------------------------------------------------------------------------------------- */

static void wait_stdin(void)
{
	char letter;
	ssize_t got;

	do
		got = read(STDIN_FILENO, &letter, 1);
	while (got < 0 ? errno == EINTR : got == 1 && letter != '\n');
}

static void wait_file(const char *name)
{
	while (access(name, F_OK) < 0)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void do_hold(struct connection *connection, const char *prefix)
{
	char name[4096];

	if (connection->error != 0 && connection->error != EINPROGRESS && connection->error != EINTR)
		return;
	connection_names(connection);
	if (address_port(&connection->local) == 0)
		return;
	snprintf(name, sizeof(name), "%s.%u-%u", prefix, address_port(&connection->local),
		 address_port(&connection->remote));
	wait_file(name);
}

/* --- words that end --------------------------------------------------------------------------------------- */

static void do_close(struct scenario *scenario, const char *word)
{
	struct connection *connection = current(scenario, word);
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int fd = connection->fd, null;

	if (strcmp(word, "rst") == 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
		die("SO_LINGER");
	connection_ended(connection, "local");
	if (strcmp(word, "abandon") == 0)
		connection->result = "abort";
	if (strcmp(word, "dup2-over") == 0) {
		null = open("/dev/null", O_RDWR);
		if (null < 0 || dup2(null, fd) < 0)
			die("dup2");
		close(null);
		connection_truth(connection, scenario->truth, word);
		close(fd);
		forget(scenario, NULL);
		return;
	}
	if (strcmp(word, "close-range") == 0)
		syscall(SYS_close_range, (unsigned int)fd, (unsigned int)fd, 0U);
	else
		close(fd);
	forget(scenario, strcmp(word, "drop") == 0 ? NULL : word);
}

static void do_shutdown(const struct scenario *scenario, struct connection *connection, int how)
{
	int rc = scenario->by == BY_SYSCALL ? (int)syscall(SYS_shutdown, connection->fd, how)
					    : shutdown(connection->fd, how);

	if (rc < 0 && !connection->io_error)
		connection->io_error = errno;
	if (how != SHUT_RD)
		connection_ended(connection, "local");
}

/* --- blocks ----------------------------------------------------------------------------------------------- */

static bool opens_block(const char *word)
{
	return strncmp(word, "count=", 6) == 0 || strncmp(word, "threads=", 8) == 0 || strncmp(word, "fork=", 5) == 0 ||
	       strncmp(word, "clone=", 6) == 0 || strcmp(word, "vfork") == 0 || strcmp(word, "forever") == 0;
}

/* Return: index behind the "done" of the block whose first word is at @at, or of the end of the words. */
static int block_end(char **words, int at)
{
	int depth = 1;

	for (; words[at]; at++) {
		if (opens_block(words[at]))
			depth++;
		else if (strcmp(words[at], "done") == 0 && --depth == 0)
			return at + 1;
	}
	return at;
}

static void *thread_main(void *argument)
{
	struct part *part = argument;

	run(&part->scenario, part->from);
	tell_all(&part->scenario, "thread-end");
	free(part);
	return NULL;
}

static void start_threads(struct scenario *scenario, unsigned long num, int at)
{
	for (unsigned long i = 0; i < num; i++) {
		struct part *part = calloc(1, sizeof(*part));

		errno = ENOMEM;
		if (!part || scenario->thread_num == THREADS_MAX)
			die("threads");
		part->scenario = *scenario;
		part->scenario.connection = part->scenario.kept = NULL;
		part->scenario.thread_num = 0;
		part->from = at;
		errno = pthread_create(&scenario->threads[scenario->thread_num++], NULL, thread_main, part);
		if (errno)
			die("pthread_create");
	}
}

static void start_forks(struct scenario *scenario, unsigned long num, int at)
{
	pid_t parent = getpid();

	for (unsigned long i = 0; i < num; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid > 0)
			continue;
		/* Nothing outlives the first process of the scenario, and alarms are not inherited. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(2);
		alarm(scenario->limit);
		scenario->thread_num = 0;
		run(scenario, at);
		tell_all(scenario, "exit");
		_exit(0);
	}
}

static void join(struct scenario *scenario)
{
	for (unsigned int i = 0; i < scenario->thread_num; i++)
		pthread_join(scenario->threads[i], NULL);
	scenario->thread_num = 0;
	while (wait(NULL) >= 0 || errno == EINTR)
		;
}

static void do_block(struct scenario *scenario, const char *word, int at)
{
	const char *number = strchr(word, '=');
	unsigned long num = number ? strtoul(number + 1, NULL, 10) : 0;

	if (word[0] == 't')
		start_threads(scenario, num, at);
	else if (word[1] == 'l')
		do_clone(scenario, number + 1, at);
	else if (word[0] == 'v')
		do_vfork(scenario, at, block_end(scenario->words, at));
	else if (strcmp(word, "forever") != 0 && word[0] == 'f')
		start_forks(scenario, num, at);
	else
		for (unsigned long i = 0; !number || i < num; i++)
			run(scenario, at);
}

/* --- the words -------------------------------------------------------------------------------------------- */

/* Words without a value. Return: known? */
static bool plain_word(struct scenario *scenario, const char *word)
{
	static const char *const closes[] = {"close", "rst", "abandon", "drop", "dup2-over", "close-range"};
	struct linger reset = {.l_onoff = 1, .l_linger = 0};

	for (size_t i = 0; i < sizeof(closes) / sizeof(closes[0]); i++) {
		if (strcmp(word, closes[i]) == 0) {
			do_close(scenario, closes[i]);
			return true;
		}
	}
	if (strncmp(word, "accept", 6) == 0) {
		do_accept(scenario, word);
	} else if (strcmp(word, "nonblock") == 0 || strcmp(word, "block") == 0) {
		scenario->nonblock = word[0] == 'n';
	} else if (strcmp(word, "cloexec") == 0) {
		scenario->cloexec = true;
	} else if (strcmp(word, "reuseport") == 0) {
		scenario->reuseport = true;
	} else if (strcmp(word, "fastopen") == 0) {
		scenario->fastopen = true;
	} else if (strcmp(word, "mptcp") == 0) {
		scenario->mptcp = true;
	} else if (strcmp(word, "again") == 0) {
		scenario->again = current(scenario, word)->fd;
		forget(scenario, "again");
	} else if (strcmp(word, "disconnect") == 0) {
		do_disconnect(scenario);
	} else if (strcmp(word, "connect-again") == 0) {
		do_connect_again(scenario);
	} else if (strcmp(word, "channel") == 0) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, scenario->channel) < 0)
			die("socketpair");
	} else if (strcmp(word, "pass") == 0 || strcmp(word, "pass-listener") == 0) {
		do_pass(scenario, word[4] != '\0');
	} else if (strcmp(word, "take") == 0 || strcmp(word, "take-cloexec") == 0) {
		do_take(scenario, false, word[4] != '\0');
	} else if (strcmp(word, "take-listener") == 0) {
		do_take(scenario, true, false);
	} else if (strcmp(word, "poll") == 0) {
		connection_poll(current(scenario, word), POLLOUT);
	} else if (strcmp(word, "wait-hup") == 0) {
		connection_poll(current(scenario, word), POLLRDHUP);
	} else if (strcmp(word, "so-error") == 0) {
		connection_so_error(current(scenario, word), scenario->by == BY_SYSCALL);
	} else if (strcmp(word, "recv-all") == 0) {
		connection_receive(current(scenario, word), UINT64_MAX);
	} else if (strcmp(word, "shutdown") == 0) {
		do_shutdown(scenario, current(scenario, word), SHUT_WR);
	} else if (strcmp(word, "shutdown-read") == 0) {
		do_shutdown(scenario, current(scenario, word), SHUT_RD);
	} else if (strcmp(word, "shutdown-both") == 0) {
		do_shutdown(scenario, current(scenario, word), SHUT_RDWR);
	} else if (strcmp(word, "linger0") == 0) {
		if (setsockopt(current(scenario, word)->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
			die("SO_LINGER");
	} else if (strcmp(word, "keep") == 0) {
		current(scenario, word)->next = scenario->kept;
		scenario->kept = scenario->connection;
		scenario->connection = NULL;
	} else if (strcmp(word, "wait-stdin") == 0) {
		wait_stdin();
	} else if (strcmp(word, "lose") == 0) {
		forget(scenario, NULL);
	} else if (strcmp(word, "thread-exit") == 0) {
		tell_all(scenario, "thread-end");
		pthread_exit(NULL);
	} else if (strcmp(word, "join") == 0) {
		join(scenario);
	} else if (strcmp(word, "kill9") == 0) {
		tell_all(scenario, "kill");
		kill(getpid(), SIGKILL);
	} else {
		return false;
	}
	return true;
}

/* NAME=VALUE. Return: known? */
static bool value_word(struct scenario *scenario, const char *name, size_t length, const char *value)
{
#define IS(word) (length == sizeof(word) - 1 && memcmp(name, word, length) == 0)
	int number = (int)strtol(value, NULL, 10), fd;

	if (IS("truth")) {
		scenario->truth = value;
	} else if (IS("limit")) {
		scenario->limit = (unsigned int)number;
		alarm(scenario->limit);
	} else if (IS("backlog")) {
		scenario->backlog = number;
	} else if (IS("listen")) {
		do_listen(scenario, value);
	} else if (IS("port-file")) {
		do_port_file(scenario, value);
	} else if (IS("bind")) {
		scenario->bind_length = address_parse(&scenario->bind, value);
	} else if (IS("connect")) {
		do_connect(scenario, value);
	} else if (IS("fast")) {
		if (sscanf(value, "%15[a-z]:%llu", scenario->fast, &scenario->fast_bytes) < 1)
			die("fast=%s", value);
	} else if (IS("by")) {
		scenario->by = value[0] == 'l'                 ? BY_LIBRARY
			       : strcmp(value, "syscall") == 0 ? BY_SYSCALL
							       : BY_SOCKETCALL;
	} else if (IS("moved")) {
		do_move(scenario, value);
	} else if (IS("interrupt")) {
		do_interrupt(number, false);
	} else if (IS("interrupt-restart")) {
		do_interrupt(number, true);
	} else if (IS("free")) {
		close(number);
	} else if (IS("channel-fd")) {
		scenario->channel[0] = scenario->channel[1] = number;
	} else if (IS("channel-fds")) {
		if (sscanf(value, "%d:%d", &scenario->channel[0], &scenario->channel[1]) != 2)
			die("channel-fds=%s", value);
	} else if (IS("send")) {
		connection_send(current(scenario, "send"), strtoull(value, NULL, 10));
	} else if (IS("recv")) {
		connection_receive(current(scenario, "recv"), strtoull(value, NULL, 10));
	} else if (IS("wait-bytes")) {
		connection_wait_bytes(current(scenario, "wait-bytes"), number);
	} else if (IS("wait-file")) {
		wait_file(value);
	} else if (IS("hold")) {
		do_hold(current(scenario, "hold"), value);
	} else if (IS("touch")) {
		fd = open(value, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
		if (fd < 0)
			die("%s", value);
		close(fd);
	} else if (IS("say")) {
		printf("%s\n", value);
		fflush(stdout);
	} else if (IS("exit")) {
		tell_all(scenario, "exit");
		_exit(number);
	} else if (IS("raise")) {
		tell_all(scenario, "kill");
		kill(getpid(), number);
	} else if (IS("udp")) {
		do_other(value[0] == '[' ? AF_INET6 : AF_INET, value);
	} else if (IS("unix")) {
		do_other(AF_UNIX, value);
	} else if (IS("adopt")) {
		do_adopt(scenario, value);
	} else if (IS("adopt-listener")) {
		scenario->listener = number;
	} else {
		return false;
	}
	return true;
#undef IS
}

static int words_end(char **words, int at)
{
	while (words[at])
		at++;
	return at;
}

/* Does the words from @at to the end of their block. Return: index behind it. */
int run(struct scenario *scenario, int at)
{
	while (scenario->words[at]) {
		const char *word = scenario->words[at++], *equals = strchr(word, '=');

		if (strcmp(word, "done") == 0)
			return at;
		if (opens_block(word)) {
			do_block(scenario, word, at);
			at = block_end(scenario->words, at);
		} else if (strcmp(word, "exec") == 0) {
			do_exec(scenario, at, words_end(scenario->words, at));
		} else if (!(equals ? value_word(scenario, word, (size_t)(equals - word), equals + 1)
				    : plain_word(scenario, word))) {
			errno = EINVAL;
			die("%s", word);
		}
	}
	return at;
}

int main(int argc, char **argv)
{
	static struct scenario scenario = {
		.listener = -1, .again = -1, .channel = {-1, -1}, .backlog = 128, .limit = LIMIT_SEC};

	if (argc < 2) {
		fputs("usage: mkconn WORD... (they stand at the head of mkconn.c)\n", stderr);
		return 2;
	}
	scenario.words = argv + 1;
	alarm(scenario.limit);
	run(&scenario, 0);
	join(&scenario);
	tell_all(&scenario, "exit");
	return 0;
}
