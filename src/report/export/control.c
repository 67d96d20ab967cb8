// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/export/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"

/*
 * One request, one answer, end of connection. No client delays another: each
 * has a buffer of its own, written as the client reads, and a time limit for
 * its request and for reading the answer. The last values sent to a client are
 * kept by its user and the name it gives itself, so two clients that request
 * changes do not take them from each other.
 */

#define PATIENCE_NS (10 * CLOCK_NS_PER_SEC)
#define EVENTS_AT_ONCE 16

struct client {
	int fd;
	uid_t uid;
	int64_t until_ns;
	uint8_t request[CONTROL_REQUEST_MAX];
	size_t asked;
	struct text answer;
	size_t sent;
	/* A change was requested: the values it was computed from, for the next request. */
	char name[CONTROL_CLIENT_MAX + 1];
	struct status *status;
};

/* The values last sent to a client. */
struct baseline {
	uid_t uid;
	char name[CONTROL_CLIENT_MAX + 1];
	uint64_t used;
	struct status *status;
};

struct control {
	struct control_source source;
	char *path;
	dev_t device;
	ino_t inode;
	int fd;
	int epoll_fd;
	struct client *clients[CONTROL_CLIENTS_MAX]; /* oldest first */
	size_t client_count;
	struct baseline baselines[CONTROL_BASELINES_MAX];
	size_t baseline_count;
	uint64_t uses;
	uint64_t forgotten; /* baselines that had to go for others */
};

/* ---- the socket ------------------------------------------------------------ */

static int make_directory(const char *path, struct err *err)
{
	char *directory = xstrdup(path), *slash = strrchr(directory, '/');
	int rc = 0;

	if (slash != NULL && slash != directory) {
		*slash = '\0';
		if (mkdir(directory, 0755) != 0 && errno != EEXIST)
			rc = err_set(err, errno, "cannot make the directory \"%s\": %s", directory, strerror(errno));
	}
	free(directory);
	return rc;
}

/* An earlier process may have left its socket behind. */
static int remove_stale(const struct sockaddr_un *address, struct err *err)
{
	struct stat status;
	int fd, rc;

	if (lstat(address->sun_path, &status) != 0)
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return err_set(err, EEXIST, "\"%s\" exists and is not a socket; choose another name",
			       address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	if (fd >= 0)
		close(fd);
	if (rc != ECONNREFUSED)
		return err_set(err, EADDRINUSE, "\"%s\" is in use (%s); choose another name", address->sun_path,
			       rc == 0 ? "another conntrace?" : strerror(rc));
	if (unlink(address->sun_path) != 0 && errno != ENOENT)
		return err_set(err, errno, "cannot remove the old socket \"%s\": %s", address->sun_path,
			       strerror(errno));
	return 0;
}

/*
 * The socket gets its name only once it listens, so a client that finds the name can connect. A name without room for
 * the process number appears a moment too early.
 */
static int listen_as(struct control *control, const struct sockaddr_un *address, struct err *err)
{
	struct sockaddr_un beside = {.sun_family = AF_UNIX};
	int length = snprintf(beside.sun_path, sizeof(beside.sun_path), "%s.%d", address->sun_path, (int)getpid());
	bool has_room = length < (int)sizeof(beside.sun_path);
	struct stat status;
	mode_t mask;
	int rc;

	if (has_room)
		unlink(beside.sun_path); /* left by a killed process */
	else
		beside = *address;
	mask = umask(0117); /* 0660 from the start */
	rc = bind(control->fd, (const struct sockaddr *)&beside, sizeof(beside)) == 0 ? 0 : -errno;
	umask(mask);
	if (rc != 0)
		return err_set(err, rc, "cannot make the socket \"%s\": %s", beside.sun_path, strerror(-rc));
	rc = listen(control->fd, CONTROL_CLIENTS_MAX) == 0 && lstat(beside.sun_path, &status) == 0 ? 0 : -errno;
	if (rc == 0 && has_room && link(beside.sun_path, address->sun_path) != 0)
		rc = -errno;
	if (has_room)
		unlink(beside.sun_path);
	if (rc != 0)
		return err_set(err, rc, "cannot listen on \"%s\": %s", control->path, strerror(-rc));
	control->device = status.st_dev;
	control->inode = status.st_ino;
	return 0;
}

static int listen_on(struct control *control, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int rc;

	if (strlen(control->path) >= sizeof(address.sun_path))
		return err_set(err, ENAMETOOLONG, "the name of a socket has at most %d bytes, \"%.60s...\" has more",
			       (int)sizeof(address.sun_path) - 1, control->path);
	memcpy(address.sun_path, control->path, strlen(control->path));
	rc = make_directory(control->path, err);
	if (rc == 0)
		rc = remove_stale(&address, err);
	if (rc == 0)
		rc = listen_as(control, &address, err);
	if (rc == 0 && epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, control->fd, &event) != 0)
		rc = err_set(err, errno, "cannot listen on \"%s\": %s", control->path, strerror(errno));
	return rc;
}

int control_open(struct control **opened, const char *path, const struct control_source *source, struct err *err)
{
	struct control *control = xcalloc(1, sizeof(*control));
	int rc = 0;

	control->source = *source;
	control->path = xstrdup(path);
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (control->fd < 0 || control->epoll_fd < 0)
		rc = err_set(err, errno, "cannot make a socket: %s", strerror(errno));
	if (rc == 0)
		rc = listen_on(control, err);
	if (rc != 0) {
		control_close(control);
		return rc;
	}
	*opened = control;
	return 0;
}

int control_fd(const struct control *control)
{
	return control->epoll_fd;
}

/* ---- baselines ------------------------------------------------------------- */

static struct baseline *find_baseline(struct control *control, const struct client *client)
{
	for (size_t i = 0; i < control->baseline_count; i++) {
		struct baseline *baseline = &control->baselines[i];

		if (baseline->uid == client->uid && strcmp(baseline->name, client->name) == 0)
			return baseline;
	}
	return NULL;
}

/* A new one, or the one of the client that asked longest ago, preferably of the same user. */
static struct baseline *new_baseline(struct control *control, const struct client *client)
{
	struct baseline *oldest = NULL, *own = NULL;
	size_t count = 0;

	for (size_t i = 0; i < control->baseline_count; i++) {
		struct baseline *baseline = &control->baselines[i];

		if (oldest == NULL || baseline->used < oldest->used)
			oldest = baseline;
		if (baseline->uid != client->uid)
			continue;
		count++;
		if (own == NULL || baseline->used < own->used)
			own = baseline;
	}
	if (count < CONTROL_BASELINES_OF_USER && control->baseline_count < CONTROL_BASELINES_MAX)
		return &control->baselines[control->baseline_count++];
	control->forgotten++;
	return count >= CONTROL_BASELINES_OF_USER ? own : oldest;
}

/* The client has received all of it: the next change is counted from here on. */
static void keep_baseline(struct control *control, struct client *client)
{
	struct baseline *baseline = find_baseline(control, client);

	if (baseline == NULL)
		baseline = new_baseline(control, client);
	free(baseline->status);
	baseline->uid = client->uid;
	memcpy(baseline->name, client->name, sizeof(baseline->name));
	baseline->status = client->status;
	baseline->used = ++control->uses;
	client->status = NULL;
}

/* ---- clients --------------------------------------------------------------- */

static void drop_client(struct control *control, struct client *client)
{
	size_t at = 0;

	while (control->clients[at] != client)
		at++;
	memmove(&control->clients[at], &control->clients[at + 1],
		(--control->client_count - at) * sizeof(*control->clients));
	close(client->fd);
	text_free(&client->answer);
	free(client->status);
	free(client);
}

static void accept_client(struct control *control)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct client *client;
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t length = sizeof(peer);
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (control->client_count == CONTROL_CLIENTS_MAX)
		drop_client(control, control->clients[0]);
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
	client = xcalloc(1, sizeof(*client));
	client->fd = fd;
	client->uid = peer.uid;
	client->until_ns = clock_monotonic() + PATIENCE_NS;
	event.data.ptr = client;
	control->clients[control->client_count++] = client;
	if (epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		drop_client(control, client);
}

static void answer_gmetric(const struct control *control, struct client *client, const struct status *status,
			   bool refresh)
{
	if (refresh && !status->is_change && control->forgotten > 0)
		text_add(&client->answer, CONTROL_FORGOTTEN);
	status_gmetric(&client->answer, status);
}

static void answer(struct control *control, struct client *client, const struct control_request *request,
		   const struct status *now)
{
	struct status *status = xmalloc(sizeof(*status));
	const struct baseline *baseline;

	*status = *now;
	if (request->refresh) {
		client->status = xmalloc(sizeof(*client->status));
		*client->status = *now;
		memcpy(client->name, request->client, sizeof(client->name));
		baseline = find_baseline(control, client);
		if (baseline != NULL)
			status_since(status, baseline->status);
	}
	if (request->format == CONTROL_TEXT)
		status_text(&client->answer, status);
	else if (request->format == CONTROL_GMETRIC)
		answer_gmetric(control, client, status, request->refresh);
	else if (request->format == CONTROL_OPENMETRICS)
		control->source.openmetrics(control->source.context, &client->answer);
	else
		status_json(&client->answer, status, request->refresh);
	free(status);
}

/* Return: false when the answer is sent completely, or nothing more can be sent. */
static bool send_answer(struct control *control, struct client *client)
{
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};

	while (client->sent < client->answer.length) {
		size_t left = client->answer.length - client->sent;
		ssize_t sent = send(client->fd, client->answer.data + client->sent, left, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN && epoll_ctl(control->epoll_fd, EPOLL_CTL_MOD, client->fd, &event) == 0;
		client->sent += (size_t)sent;
	}
	if (client->status != NULL)
		keep_baseline(control, client);
	return false;
}

/* Return: false when the client is to be closed. @now is taken at its first use. */
static bool read_request(struct control *control, struct client *client, struct status **now)
{
	size_t room = sizeof(client->request) - client->asked;
	ssize_t got = recv(client->fd, client->request + client->asked, room, 0);
	struct control_request request;
	struct span line;

	if (got < 0)
		return errno == EAGAIN;
	client->asked += (size_t)got;
	line = (struct span){client->request, client->asked};
	if (!control_request_end(line, &line) && got > 0)
		return client->asked < sizeof(client->request);
	/* A client that closes its side after the request need not end the line. */
	if (control_request_parse(line, &request) != 0) {
		text_add(&client->answer, "{\"error\":\"unknown request\"}\n");
	} else {
		if (*now == NULL) {
			*now = xcalloc(1, sizeof(**now));
			control->source.status(control->source.context, *now);
		}
		answer(control, client, &request, *now);
	}
	return send_answer(control, client);
}

void control_serve(struct control *control)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(control->epoll_fd, events, EVENTS_AT_ONCE, 0);
	int64_t now_ns = clock_monotonic();
	struct status *now = NULL;
	bool is_new = false;

	for (int i = 0; i < count; i++) {
		struct client *client = events[i].data.ptr;
		bool goes_on = true;

		if (client == NULL)
			is_new = true;
		else if (client->answer.length > 0)
			goes_on = send_answer(control, client);
		else
			goes_on = read_request(control, client, &now);
		if (!goes_on)
			drop_client(control, client);
	}
	free(now);
	while (control->client_count > 0 && control->clients[0]->until_ns <= now_ns)
		drop_client(control, control->clients[0]);
	/* Last: accepting one may close another client that is among the events. */
	if (is_new)
		accept_client(control);
}

void control_close(struct control *control)
{
	struct stat status;

	if (control == NULL)
		return;
	while (control->client_count > 0)
		drop_client(control, control->clients[0]);
	for (size_t i = 0; i < control->baseline_count; i++)
		free(control->baselines[i].status);
	/* Another process may have its socket there by now. */
	if (control->inode != 0 && lstat(control->path, &status) == 0 && status.st_dev == control->device &&
	    status.st_ino == control->inode)
		unlink(control->path);
	if (control->fd >= 0)
		close(control->fd);
	if (control->epoll_fd >= 0)
		close(control->epoll_fd);
	free(control->path);
	free(control);
}
