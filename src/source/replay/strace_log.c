// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay/strace_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/table.h"
#include "base/xalloc.h"
#include "model/event.h"
#include "model/log_lines.h"
#include "source/replay/strace_file.h"
#include "source/replay/strace_line.h"
#include "source/replay/strace_sockets.h"
#include "source/source.h"

/*
 * A log identifies threads by number and sockets by descriptor. Each socket gets a cookie when it is accepted or
 * connected, and keeps it until its last descriptor in the process is closed. The tracker recognizes the calls of one
 * socket by it.
 *
 * The number before a line is the thread's. Its process is known only if the log shows how the thread began (clone,
 * fork, execve); else the process is unknown, and descriptors are kept by thread.
 */

/* Lines read at once; the events of a line fit in the queue together. */
#define LINES_AT_ONCE 1024

/* The kernel assigns the numbers in sequence, so their low bits spread them. */
#define TASK_CHAINS 1024

struct task {
	struct task *next;
	int32_t tid;
	int32_t pid;     /* 0 unknown */
	bool is_waiting; /* in a call whose line was unfinished */
	bool is_begun;   /* the begin of this connect(2) was reported */
	bool is_thread;  /* according to the flags of this clone(2) */
	int32_t fd;
	struct endpoint remote;
	char exe[EVENT_PROCESS_TEXT + 1];
};

struct strace_log {
	struct strace_file *file;
	unsigned long line_number;
	struct task *tasks[TASK_CHAINS];
	struct strace_sockets *sockets;
	struct queue *events;
	uint64_t cookies;
	struct log_lines lines;
	bool is_noticed;
	bool ended;
	struct err notice;
};

static struct task *task_of(struct strace_log *log, int32_t tid)
{
	struct task **chain = &log->tasks[(uint32_t)tid % TASK_CHAINS], *task = *chain;

	while (task != NULL && task->tid != tid)
		task = task->next;
	if (task != NULL)
		return task;
	task = xcalloc(1, sizeof(*task));
	task->tid = tid;
	task->next = *chain;
	return *chain = task;
}

/* The owner of the descriptors that its calls use. */
static int32_t process_of(const struct task *task)
{
	return task->pid != 0 ? task->pid : task->tid;
}

static struct event call_new(const struct task *task, enum call_kind kind, int64_t fd, int64_t begin_ns, int64_t end_ns)
{
	struct event event = event_new(EVENT_CALL, ORIGIN_CALLS, end_ns);

	event.call.kind = (uint8_t)kind;
	event.call.pid = task->pid != 0 ? task->pid : EVENT_UNKNOWN;
	event.call.tid = task->tid;
	event.call.fd = (int32_t)fd;
	event.call.uid = (uint32_t)-1;
	event.call.begin_ns = begin_ns;
	return event;
}

static void push(struct strace_log *log, const struct event *event)
{
	(void)queue_push(log->events, event);
}

static void tell_process(struct strace_log *log, const struct task *task, int64_t time_ns)
{
	const char *name = strrchr(task->exe, '/');
	const char *texts[] = {[PROCESS_COMM] = name != NULL ? name + 1 : task->exe,
			       [PROCESS_EXE] = task->exe,
			       /* not in a log of strace */
			       [PROCESS_CGROUP] = "",
			       [PROCESS_PARENT] = "",
			       [PROCESS_CMDLINE] = "",
			       [PROCESS_GAPS] = ""};
	TABLE_COVERS(texts, PROCESS_FACT_NUM);

	for (int fact = 0; fact < PROCESS_FACT_NUM; fact++) {
		struct event event = event_new(EVENT_PROCESS, ORIGIN_CALLS, time_ns);
		/* The kernel keeps 15 bytes of the name (proc(5)). */
		size_t length = strnlen(texts[fact], fact == PROCESS_COMM ? 15 : EVENT_PROCESS_TEXT);

		if (length == 0)
			return;
		event.process.pid = task->pid;
		event.process.uid = (uint32_t)-1;
		event.process.fact = (uint8_t)fact;
		event.process.length = (uint8_t)length;
		memcpy(event.process.text, texts[fact], length);
		push(log, &event);
	}
}

/* ---- calls ------------------------------------------------------------------------ */

/* When the call returned; CLOCK_UNKNOWN when the log does not show it. */
static int64_t returned_ns(const struct strace_line *line)
{
	if (line->kind == STRACE_RESUMED)
		return line->time_ns;
	return line->duration_ns >= 0 ? clock_after(line->time_ns, line->duration_ns) : CLOCK_UNKNOWN;
}

static void fill_ends(struct event *event, const struct strace_socket *socket)
{
	event->flow.local = socket->local;
	event->flow.remote = socket->remote;
	event->call.cookie = socket->cookie;
}

static void accepted(struct strace_log *log, struct task *task, const struct strace_line *line, struct span text,
		     int64_t begin_ns, int64_t end_ns)
{
	struct strace_socket *socket = strace_sockets_add(log->sockets, process_of(task), line->result);
	struct endpoint remote;
	struct event event;
	bool is_tcp = true;

	if (strace_line_ends(strace_line_mark(text), &is_tcp, &socket->local, &socket->remote) && !is_tcp)
		return;
	if (strace_line_address(line, &remote))
		socket->remote = remote;
	else if (socket->remote.port == 0 && !strace_line_has(line, "NULL"))
		return; /* an address of another family */
	socket->kind = STRACE_SOCKET_TCP;
	socket->cookie = EVENT_COOKIE_MADE_UP | ++log->cookies;
	event = call_new(task, CALL_ACCEPT, line->result, begin_ns, end_ns);
	fill_ends(&event, socket);
	push(log, &event);
}

/* Whether it is TCP, as far as the log shows. */
static enum strace_socket_kind kind_of(struct strace_log *log, struct task *task, const struct strace_line *line,
				       int64_t fd, struct endpoint *local)
{
	struct endpoint remote = {0};
	struct strace_socket *socket = strace_sockets_find(log->sockets, process_of(task), fd);
	bool is_tcp;

	if (socket == NULL)
		socket = strace_sockets_add(log->sockets, process_of(task), fd);
	if (strace_line_ends(line->arguments, &is_tcp, local, &remote))
		socket->kind = is_tcp ? STRACE_SOCKET_TCP : STRACE_SOCKET_OTHER;
	return socket->kind;
}

static void connect_begins(struct strace_log *log, struct task *task, const struct strace_line *line)
{
	struct endpoint local = {0}, remote;
	enum strace_socket_kind kind;
	struct event event;
	int64_t fd;

	task->is_begun = false;
	if (!strace_line_address(line, &remote) || !strace_line_number(line, 0, &fd))
		return;
	kind = kind_of(log, task, line, fd, &local);
	log->lines.left[LOG_LEFT_KINDLESS] += kind == STRACE_SOCKET_UNKNOWN;
	if (kind != STRACE_SOCKET_TCP)
		return;
	task->is_begun = true;
	task->fd = (int32_t)fd;
	task->remote = remote;
	event = call_new(task, CALL_CONNECT_BEGIN, fd, line->time_ns, line->time_ns);
	event.flow.remote = remote;
	push(log, &event);
}

static void connect_ends(struct strace_log *log, struct task *task, const struct strace_line *line, int64_t end_ns)
{
	struct strace_socket *socket = strace_sockets_find(log->sockets, process_of(task), task->fd);
	struct event event;

	if (!task->is_begun || socket == NULL)
		return;
	task->is_begun = false;
	socket->cookie = socket->cookie != 0 ? socket->cookie : EVENT_COOKIE_MADE_UP | ++log->cookies;
	socket->remote = task->remote;
	event = call_new(task, CALL_CONNECT_END, task->fd, CLOCK_UNKNOWN, end_ns);
	event.call.error = line->error;
	fill_ends(&event, socket);
	push(log, &event);
	if (line->error > 0 && line->error != EINPROGRESS && line->error != EALREADY && line->error != EINTR)
		socket->cookie = 0; /* the next connect(2) makes another connection */
}

static void about_socket(struct strace_log *log, const struct task *task, enum call_kind kind, int64_t fd,
			 int64_t time_ns, int32_t error, int32_t argument)
{
	const struct strace_socket *socket = strace_sockets_find(log->sockets, process_of(task), fd);
	struct event event;

	if (socket == NULL || socket->cookie == 0)
		return;
	event = call_new(task, kind, fd, time_ns, time_ns);
	event.call.error = error;
	event.call.argument = argument;
	fill_ends(&event, socket);
	push(log, &event);
}

static void closed(struct strace_log *log, const struct task *task, int64_t fd, enum call_kind how, int64_t time_ns)
{
	const struct strace_socket *socket = strace_sockets_find(log->sockets, process_of(task), fd);

	if (socket != NULL && socket->holders == 1)
		about_socket(log, task, how, fd, time_ns, 0, 0);
	strace_sockets_drop(log->sockets, process_of(task), fd);
}

static void duplicated(struct strace_log *log, const struct task *task, int64_t from, int64_t to, int64_t time_ns)
{
	struct strace_socket *socket = strace_sockets_find(log->sockets, process_of(task), from);

	if (from == to)
		return;
	closed(log, task, to, CALL_CLOSE, time_ns);
	if (socket != NULL)
		strace_sockets_hold(log->sockets, process_of(task), to, socket);
}

/* The whole process is gone: the line is its leader's. */
static void ended(struct strace_log *log, const struct task *task, int64_t time_ns)
{
	int64_t fd;

	if (task->pid != 0 && task->pid != task->tid)
		return;
	while ((fd = strace_sockets_any(log->sockets, process_of(task))) >= 0)
		closed(log, task, fd, CALL_EXIT, time_ns);
}

static void born(struct strace_log *log, const struct task *parent, const struct strace_line *line)
{
	struct task *child;

	if (line->result <= 0 || line->result > INT32_MAX)
		return;
	child = task_of(log, (int32_t)line->result);
	if (child == parent)
		return;
	child->pid = parent->is_thread || strace_line_has(line, "CLONE_THREAD") ? parent->pid : child->tid;
	memcpy(child->exe, parent->exe, sizeof(child->exe));
	if (child->pid == child->tid && log->events != NULL)
		tell_process(log, child, line->time_ns);
}

static void executed(struct strace_log *log, struct task *task, const struct strace_line *line, int64_t time_ns)
{
	struct span name;
	size_t length;

	if (line->error != 0)
		return;
	/* The thread that calls execve(2) becomes the leader. */
	task->pid = task->tid;
	if (!strace_line_string(line, &name))
		return;
	length = name.length < sizeof(task->exe) - 1 ? name.length : sizeof(task->exe) - 1;
	memcpy(task->exe, name.data, length);
	task->exe[length] = '\0';
	tell_process(log, task, time_ns);
}

static const struct {
	const char *word;
	int32_t how;
} hows[] = {{"SHUT_RDWR", SHUT_RDWR}, {"SHUT_WR", SHUT_WR}, {"SHUT_RD", SHUT_RD}};

/* Calls that succeeded; @fd is the first argument. */
static void succeeded(struct strace_log *log, struct task *task, const struct strace_line *line, int64_t fd,
		      int64_t time_ns)
{
	struct event event;
	int64_t to;

	if (strace_line_is(line, "close")) {
		closed(log, task, fd, CALL_CLOSE, time_ns);
	} else if (strace_line_is(line, "listen")) {
		if (strace_sockets_listens(strace_sockets_find(log->sockets, process_of(task), fd), line, time_ns,
					   &event))
			push(log, &event);
	} else if (strace_line_is(line, "bind") || strace_line_is(line, "getsockname")) {
		strace_sockets_bound(strace_sockets_find(log->sockets, process_of(task), fd), line);
	} else if (strace_line_is(line, "socket")) {
		bool is_tcp = strace_line_has(line, "SOCK_STREAM") && strace_line_has(line, "AF_INET");

		strace_sockets_add(log->sockets, process_of(task), line->result)->kind =
			is_tcp ? STRACE_SOCKET_TCP : STRACE_SOCKET_OTHER;
	} else if (strace_line_is(line, "shutdown")) {
		for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
			if (!strace_line_has(line, hows[i].word))
				continue;
			about_socket(log, task, CALL_SHUTDOWN, fd, time_ns, 0, hows[i].how);
			return;
		}
	} else if (strace_line_is(line, "dup") || (strace_line_is(line, "fcntl") && strace_line_has(line, "F_DUPFD"))) {
		duplicated(log, task, fd, line->result, time_ns);
	} else if ((strace_line_is(line, "dup2") || strace_line_is(line, "dup3")) && strace_line_number(line, 1, &to)) {
		duplicated(log, task, fd, to, time_ns);
	}
}

static int lacks_duration(const struct strace_log *log, struct err *err)
{
	return err_set(err, EINVAL,
		       "%s:%lu: the line does not end with the time the call took, so its return time is unknown; a "
		       "log of strace -f -ttt -T is expected",
		       strace_file_name(log->file), log->line_number);
}

/* With -yy every line about a connected socket shows both ends, which connect(2) did not know yet. */
static void learn_ends(struct strace_log *log, const struct task *task, const struct strace_line *line, int64_t fd)
{
	struct strace_socket *socket = strace_sockets_find(log->sockets, process_of(task), fd);
	struct endpoint local = {0}, remote = {0};
	bool is_tcp;

	if (socket == NULL || socket->cookie == 0 || socket->local.port != 0)
		return;
	if (strace_line_ends(line->arguments, &is_tcp, &local, &remote) && is_tcp && remote.port != 0)
		socket->local = local;
}

static void accept_failed(struct strace_log *log, struct task *task, const struct strace_line *line, int64_t fd,
			  int64_t time_ns)
{
	struct endpoint local = {0};
	struct event event;

	if (!event_is_accept_failure(line->error) || kind_of(log, task, line, fd, &local) != STRACE_SOCKET_TCP)
		return;
	event = call_new(task, CALL_ACCEPT, fd, time_ns, time_ns);
	event.flow.local = local;
	event.call.error = line->error;
	push(log, &event);
}

static int feed_call(struct strace_log *log, struct task *task, const struct strace_line *line, struct span text,
		     struct err *err)
{
	int64_t end_ns = returned_ns(line), begin_ns, fd = task->fd;
	bool is_accept = strace_line_is(line, "accept") || strace_line_is(line, "accept4");
	bool is_connect = strace_line_is(line, "connect");

	if (line->kind == STRACE_CALL) {
		if (is_connect)
			connect_begins(log, task, line);
		if (strace_line_number(line, 0, &fd))
			learn_ends(log, task, line, fd);
	}
	if (end_ns == CLOCK_UNKNOWN && ((is_accept && line->error == 0) || (is_connect && task->is_begun)))
		return lacks_duration(log, err);
	if (end_ns == CLOCK_UNKNOWN)
		end_ns = line->time_ns;
	begin_ns = line->kind == STRACE_CALL ? line->time_ns
		   : line->duration_ns >= 0  ? clock_after(line->time_ns, -line->duration_ns)
					     : CLOCK_UNKNOWN;
	if (is_connect)
		connect_ends(log, task, line, end_ns);
	else if (is_accept && line->error > 0)
		accept_failed(log, task, line, fd, end_ns);
	else if (is_accept && line->error == 0)
		accepted(log, task, line, text, begin_ns, end_ns);
	else if (strace_line_is(line, "clone") || strace_line_is(line, "clone3") || strace_line_is(line, "fork") ||
		 strace_line_is(line, "vfork"))
		born(log, task, line);
	else if (strace_line_is(line, "execve") || strace_line_is(line, "execveat"))
		executed(log, task, line, end_ns);
	else if (line->error == 0)
		succeeded(log, task, line, fd, end_ns);
	return 0;
}

/* getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0: the outcome is among the arguments. */
static bool feed_so_error(struct strace_log *log, struct task *task, const struct strace_line *line)
{
	static const struct {
		const char *word;
		int error;
	} outcomes[] = {{"[0]", 0},
			{"[ECONNREFUSED]", ECONNREFUSED},
			{"[ETIMEDOUT]", ETIMEDOUT},
			{"[EHOSTUNREACH]", EHOSTUNREACH},
			{"[ENETUNREACH]", ENETUNREACH},
			{"[ECONNRESET]", ECONNRESET},
			{"[EACCES]", EACCES},
			{"[EPIPE]", EPIPE}};
	int64_t fd = task->fd;

	if (!strace_line_is(line, "getsockopt") || !strace_line_has(line, "SO_ERROR"))
		return false;
	if (line->error != 0 || (line->kind == STRACE_CALL && !strace_line_number(line, 0, &fd)))
		return true;
	learn_ends(log, task, line, fd);
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		if (strace_line_has(line, outcomes[i].word))
			about_socket(log, task, CALL_SO_ERROR, fd, line->time_ns, outcomes[i].error, 0);
	return true;
}

/* @is_long: only the beginning of a line, which must be that of a line of strace, too */
static int feed_line(struct strace_log *log, struct span text, bool is_long, struct err *err)
{
	struct strace_line line;
	struct task *task;
	int64_t fd;

	log->lines.read++;
	log->lines.left[LOG_LEFT_FOREIGN] += text.length == 0;
	if (text.length == 0)
		return 0;
	if (strace_line_parse(&line, text, err) < 0) {
		err_wrap(err, "%s:%lu", strace_file_name(log->file), log->line_number);
		return -EINVAL;
	}
	log->lines.left[LOG_LEFT_LONG] += is_long;
	if (is_long)
		return 0;
	task = task_of(log, line.tid);
	strace_line_count(&line, task->is_waiting, &log->lines);
	switch (line.kind) {
	case STRACE_UNFINISHED:
		task->is_waiting = true;
		task->is_thread = strace_line_has(&line, "CLONE_THREAD");
		task->fd = strace_line_number(&line, 0, &fd) ? (int32_t)fd : -1;
		if (strace_line_is(&line, "connect"))
			connect_begins(log, task, &line);
		break;
	case STRACE_RESUMED:
		if (task->is_waiting && !feed_so_error(log, task, &line))
			(void)feed_call(log, task, &line, text, err);
		task->is_waiting = task->is_thread = false;
		break;
	case STRACE_CALL:
		return feed_so_error(log, task, &line) ? 0 : feed_call(log, task, &line, text, err);
	case STRACE_GONE:
		ended(log, task, line.time_ns);
		break;
	case STRACE_OTHER:
	case STRACE_DAMAGED:
		break;
	}
	return 0;
}

/*
 * A new thread may call before the return of the clone(2) that created it is logged, so a file is searched for new
 * threads beforehand.
 */
static void find_forks(struct strace_log *log)
{
	int found = STRACE_FILE_NONE;
	struct strace_line line;
	struct err ignored;
	struct span text;

	if (!strace_file_first(log->file))
		return;
	while (found >= 0 && found != STRACE_FILE_END) {
		found = strace_file_next(log->file, &text, &ignored);
		if (found != STRACE_FILE_LINE || memmem(text.data, text.length, "clone", 5) == NULL ||
		    strace_line_parse(&line, text, &ignored) < 0 || line.name.length < 5 ||
		    memcmp(line.name.data, "clone", 5) != 0)
			continue;
		if (line.kind == STRACE_UNFINISHED)
			task_of(log, line.tid)->is_thread = strace_line_has(&line, "CLONE_THREAD");
		else if (line.kind == STRACE_CALL || line.kind == STRACE_RESUMED)
			born(log, task_of(log, line.tid), &line);
	}
	(void)strace_file_first(log->file);
}

/* ---- the file ----------------------------------------------------------------------- */

int strace_log_open(struct strace_log **log, const struct strace_log_config *config, struct err *err)
{
	struct strace_file *file;
	int rc = strace_file_open(&file, config->path, err);
	struct strace_log *made;

	if (rc < 0)
		return rc;
	made = xcalloc(1, sizeof(*made));
	made->file = file;
	made->sockets = strace_sockets_new();
	find_forks(made);
	*log = made;
	return 0;
}

int strace_log_fd(const struct strace_log *log)
{
	return strace_file_fd(log->file);
}

static int take_line(struct strace_log *log, enum strace_file_line found, struct span text, struct err *err)
{
	int rc;

	log->line_number++;
	rc = feed_line(log, text, found == STRACE_FILE_LONG, err);
	/* strace that is killed leaves a part of a line. */
	if (rc == 0 || found != STRACE_FILE_CUT || log->line_number == 1)
		return rc;
	log->lines.left[LOG_LEFT_DAMAGED]++;
	return 0;
}

int strace_log_read(struct strace_log *log, struct queue *events, struct err *err)
{
	size_t before = queue_pushed(events);

	if (log->ended)
		return SOURCE_END;
	log->events = events;
	for (int lines = 0; lines < LINES_AT_ONCE; lines++) {
		struct span text;
		int found = strace_file_next(log->file, &text, err);
		int rc = found > STRACE_FILE_NONE && found < STRACE_FILE_END
				 ? take_line(log, (enum strace_file_line)found, text, err)
				 : found;

		log->ended = rc < 0 || found == STRACE_FILE_END;
		if (rc < 0)
			return rc;
		if (found == STRACE_FILE_NONE || found == STRACE_FILE_END)
			break;
	}
	return (int)(queue_pushed(events) - before);
}

const char *strace_log_notice(struct strace_log *log)
{
	if (!log->ended || log->is_noticed || log->lines.left[LOG_LEFT_KINDLESS] == 0)
		return NULL;
	log->is_noticed = true;
	err_set(&log->notice, 0,
		"%" PRIu64 " connect(2) calls are left out: the log does not say whether their sockets are TCP; let "
		"strace log socket(2) too, or use its -yy",
		log->lines.left[LOG_LEFT_KINDLESS]);
	return log->notice.text;
}

const struct log_lines *strace_log_lines(const struct strace_log *log)
{
	return &log->lines;
}

void strace_log_close(struct strace_log *log)
{
	if (log == NULL)
		return;
	strace_sockets_free(log->sockets);
	for (size_t i = 0; i < TASK_CHAINS; i++) {
		while (log->tasks[i] != NULL) {
			struct task *task = log->tasks[i];

			log->tasks[i] = task->next;
			free(task);
		}
	}
	strace_file_close(log->file);
	free(log);
}
