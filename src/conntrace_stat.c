// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/escape.h"
#include "config.h"

/*
 * conntrace-stat: queries the groups of a running conntrace (option --control).
 * The other end makes the text; here it is passed on, or, for -g, split into
 * lines that become arguments of gmetric(1), never of a shell.
 */

#define DEFAULT_SOCKET "/run/conntrace/conntrace.sock"
#define CLIENT_MAX 32
#define PATIENCE_SEC 10
/* Far above any answer about 64 groups. */
#define ANSWER_MAX (1U << 20)

#define EXIT_USAGE 2

struct wanted {
	const char *socket;
	const char *format;
	const char *client;
	bool reset;
	bool gmetric;
};

extern char **environ;

static int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(int status, const char *format, ...)
{
	char text[1024], escaped[4 * sizeof(text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	escape_message(escaped, sizeof(escaped), text);
	fprintf(stderr, "conntrace-stat: %s", escaped);
	fputs(status == EXIT_USAGE ? "\nTry 'conntrace-stat --help'.\n" : "\n", stderr);
	return status;
}

static void print_help(void)
{
	puts("Usage: conntrace-stat [OPTION...]\n"
	     "\n"
	     "Queries the groups of a conntrace that runs with --control=SOCKET.\n"
	     "\n"
	     "  -U, --socket=SOCKET       its socket (default\n"
	     "                            " DEFAULT_SOCKET ")\n"
	     "  -j, --json                as JSON\n"
	     "  -g, --gmetric             run gmetric(1) for each value, with the change since\n"
	     "                            this client's last -g or --reset\n"
	     "      --openmetrics         as OpenMetrics, for Prometheus\n"
	     "      --reset               counts since this client's last -g or --reset,\n"
	     "                            and start again\n"
	     "  -c, --client=NAME         the client of -g and --reset; each user has its own,\n"
	     "                            and one without a name\n"
	     "  -h, --help                this text\n"
	     "  -V, --version             the version");
}

/* ---- asking ------------------------------------------------------------------ */

/* @answer: ANSWER_MAX bytes and one for the NUL */
static int ask(const struct wanted *wanted, char *answer, size_t *length)
{
	const struct timeval patience = {.tv_sec = PATIENCE_SEC};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char request[128];
	int fd, size;
	ssize_t got = 0;

	if (strlen(wanted->socket) >= sizeof(address.sun_path))
		return fail(EXIT_USAGE, "the name of a socket has at most %d bytes", (int)sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, wanted->socket, strlen(wanted->socket));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(EXIT_FAILURE, "cannot make a socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return fail(EXIT_FAILURE, "cannot query \"%s\": %s; does conntrace --control=%s run?", wanted->socket,
			    strerror(errno), wanted->socket);
	}
	size = snprintf(request, sizeof(request), "%s %s%s%s\n", wanted->reset ? "REFRESH" : "GET", wanted->format,
			wanted->client != NULL ? " " : "", wanted->client != NULL ? wanted->client : "");
	*length = 0;
	if (send(fd, request, (size_t)size, MSG_NOSIGNAL) == size)
		while (*length < ANSWER_MAX && (got = recv(fd, answer + *length, ANSWER_MAX - *length, 0)) > 0)
			*length += (size_t)got;
	close(fd);
	if (got < 0 || *length == 0)
		return fail(EXIT_FAILURE, "no answer from \"%s\"%s", wanted->socket,
			    got < 0 && errno == EAGAIN ? " in time" : "");
	if (answer[*length - 1] != '\n')
		return fail(EXIT_FAILURE, "the answer from \"%s\" is incomplete", wanted->socket);
	answer[*length] = '\0';
	if (strncmp(answer, "{\"error\"", 8) == 0)
		return fail(EXIT_FAILURE, "\"%s\" does not understand the request; is it another version?",
			    wanted->socket);
	return EXIT_SUCCESS;
}

/* ---- gmetric ------------------------------------------------------------------ */

/* Split "NAME VALUE" and check both. */
static bool split_line(char *line, char **name, char **value)
{
	*name = line;
	*value = strchr(line, ' ');
	if (*value == NULL || *value == line || strncmp(line, "tcpeek_", 7) != 0)
		return false;
	*(*value)++ = '\0';
	for (const char *at = line; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && strchr("_-.", *at) == NULL)
			return false;
	return **value != '\0' && (*value)[strspn(*value, "0123456789")] == '\0';
}

static int run_gmetric(char *name, char *value)
{
	char program[] = "gmetric", n[] = "-n", v[] = "-v", t[] = "-t", type[] = "uint32";
	char *const words[] = {program, n, name, v, value, t, type, NULL};
	pid_t child;
	int status, rc = posix_spawnp(&child, program, NULL, NULL, words, environ);

	if (rc != 0)
		return fail(EXIT_FAILURE, "cannot run gmetric(1): %s; Debian has it in ganglia-monitor", strerror(rc));
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail(EXIT_FAILURE, "cannot wait for gmetric(1): %s", strerror(errno));
	if (status != 0)
		return fail(EXIT_FAILURE, "gmetric(1) failed for %s", name);
	return EXIT_SUCCESS;
}

static int send_all(char *answer)
{
	char *line, *name, *value;
	int status = EXIT_SUCCESS;

	/* The next change is counted from here on, so the rest is sent even when one fails. */
	while ((line = strsep(&answer, "\n")) != NULL && *line != '\0') {
		if (*line == '#') {
			fputs("conntrace-stat: the figures are counted since the start of conntrace: more clients ask "
			      "than it remembers, or this one is new\n",
			      stderr);
			continue;
		}
		if (!split_line(line, &name, &value))
			return fail(EXIT_FAILURE, "the answer does not match the request; is it another version?");
		if (run_gmetric(name, value) != EXIT_SUCCESS)
			status = EXIT_FAILURE;
	}
	return status;
}

/* ---- the command line ----------------------------------------------------------- */

static int check_client(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	if (length > 0 && length <= CLIENT_MAX && name[length] == '\0')
		return EXIT_SUCCESS;
	return fail(EXIT_USAGE,
		    "\"%.100s\" is not a valid name of a client; allowed are up to %d letters, digits, _, - and .",
		    name, CLIENT_MAX);
}

/* Return: an exit status, or -1 to go on. */
static int parse(int argc, char *argv[], struct wanted *wanted)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 'U'},
		{"json", no_argument, NULL, 'j'},
		{"gmetric", no_argument, NULL, 'g'},
		{"openmetrics", no_argument, NULL, 'o'},
		{"reset", no_argument, NULL, 'r'},
		{"client", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	unsigned int formats = 0;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "U:jgc:hV", options, NULL)) != -1) {
		switch (option) {
		case 'U':
			wanted->socket = optarg;
			break;
		case 'j':
			wanted->format = "json";
			formats |= 1;
			break;
		case 'g':
			wanted->format = "gmetric";
			wanted->gmetric = wanted->reset = true;
			formats |= 2;
			break;
		case 'o':
			wanted->format = "openmetrics";
			formats |= 4;
			break;
		case 'r':
			wanted->reset = true;
			break;
		case 'c':
			wanted->client = optarg;
			if (check_client(optarg) != EXIT_SUCCESS)
				return EXIT_USAGE;
			break;
		case 'h':
			print_help();
			return EXIT_SUCCESS;
		case 'V':
			puts("conntrace-stat " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default:
			return fail(EXIT_USAGE, "\"%s\" is unknown, or lacks its argument", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return fail(EXIT_USAGE, "\"%.100s\" is one word too many", argv[optind]);
	if ((formats & (formats - 1)) != 0)
		return fail(EXIT_USAGE, "only one of --json, --gmetric and --openmetrics is allowed");
	if (wanted->reset && formats == 4)
		return fail(EXIT_USAGE, "--openmetrics cannot go with --reset: a counter must not restart");
	if (wanted->client != NULL && !wanted->reset)
		return fail(EXIT_USAGE, "--client does nothing without --gmetric or --reset");
	return -1;
}

static void on_too_large(int number)
{
	(void)number;
}

/* A line of JSON, like each other answer, is a whole line. */
static void print(const char *answer, size_t length)
{
	(void)fwrite(answer, 1, length, stdout);
	if (length > 0 && answer[length - 1] != '\n')
		(void)putchar('\n');
}

int main(int argc, char *argv[])
{
	struct wanted wanted = {.socket = DEFAULT_SOCKET, .format = "text"};
	static char answer[ANSWER_MAX + 1];
	size_t length = 0;
	int status;

	if (getuid() != geteuid() || getgid() != getegid()) {
		fputs("conntrace-stat: it must not be set-user-ID or set-group-ID; instead let the group of the "
		      "socket's directory query it\n",
		      stderr);
		return EXIT_FAILURE;
	}
	/* With a limit of the size of files a write fails then, and that is reported; gmetric(1) has it as it was. */
	signal(SIGXFSZ, on_too_large);
	status = parse(argc, argv, &wanted);
	if (status < 0) {
		status = ask(&wanted, answer, &length);
		if (status == EXIT_SUCCESS && wanted.gmetric)
			status = send_all(answer);
		else if (status == EXIT_SUCCESS)
			print(answer, length);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return fail(EXIT_FAILURE, "cannot write to standard output: %s", strerror(errno));
	return status;
}
