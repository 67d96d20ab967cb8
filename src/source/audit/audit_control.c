// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_control.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/xalloc.h"

/* An answer is a rule or a status; the text of a rule has up to a page. */
#define ANSWER_SIZE 16384
/* The kernel answers at once. */
#define ANSWER_SECONDS 10

struct audit_control {
	int fd;
	uint32_t sequence;
	uint8_t answer[ANSWER_SIZE] __attribute__((aligned(8)));
};

/* That of kthreadd, which never leaves it. PID 1 may have rights that the caller lacks, and then is not readable. */
#define FIRST_NETNS "/proc/2/ns/net"

static bool is_same_file(const char *one, const char *other)
{
	struct stat first, second;

	return stat(one, &first) != 0 || stat(other, &second) != 0 || first.st_ino == second.st_ino;
}

static int open_here(uint32_t groups)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT), error;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		address.nl_groups = 0;
		if (groups != 0 || (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
				    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0))
			return fd;
	}
	error = errno;
	close(fd);
	return -error;
}

int audit_control_socket(uint32_t groups)
{
	int here, first, fd;

	if (is_same_file("/proc/self/ns/net", FIRST_NETNS))
		return open_here(groups);
	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	first = open(FIRST_NETNS, O_RDONLY | O_CLOEXEC);
	/* Only this thread changes its namespace. */
	fd = here >= 0 && first >= 0 && setns(first, CLONE_NEWNET) == 0 ? 0 : -errno;
	if (fd == 0) {
		fd = open_here(groups);
		/* In the wrong namespace nothing that follows would be right. */
		if (setns(here, CLONE_NEWNET) != 0)
			abort();
	}
	if (here >= 0)
		close(here);
	if (first >= 0)
		close(first);
	return fd;
}

struct audit_control *audit_control_new(int fd)
{
	struct audit_control *control = xcalloc(1, sizeof(*control));

	control->fd = fd;
	return control;
}

void audit_control_free(struct audit_control *control)
{
	if (control == NULL)
		return;
	close(control->fd);
	free(control);
}

/* ---- requests ------------------------------------------------------------------------- */

static int send_request(struct audit_control *control, uint16_t type, const void *payload, size_t size)
{
	struct nlmsghdr *request = xcalloc(1, NLMSG_SPACE(size));
	ssize_t sent;

	*request = (struct nlmsghdr){
		.nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.nlmsg_seq = ++control->sequence,
	};
	if (size > 0)
		memcpy(NLMSG_DATA(request), payload, size);
	sent = send(control->fd, request, request->nlmsg_len, 0);
	free(request);
	return sent < 0 ? -errno : 0;
}

/* The next message about the request. Return: its length, or a negative errno. */
static ssize_t receive(struct audit_control *control)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)control->answer;

	for (;;) {
		ssize_t got = recv(control->fd, control->answer, sizeof(control->answer), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (got == 0)
			return -ECONNRESET;
		/* A length that is smaller than the header's is a fault of old kernels (audit_send_list_thread). */
		if ((size_t)got >= sizeof(*header) && header->nlmsg_seq == control->sequence)
			return got;
	}
}

/*
 * Return: 1 for an answer of @type, whose payload is in control->answer; 0 for the acknowledgement or the end of a
 * list, or a negative errno.
 */
static int next_answer(struct audit_control *control, uint16_t type, size_t *size)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)control->answer;
	ssize_t got = receive(control);
	int error;

	if (got < 0)
		return (int)got;
	*size = (size_t)got - sizeof(*header);
	if (header->nlmsg_type == type)
		return 1;
	if (header->nlmsg_type != NLMSG_ERROR || *size < sizeof(error))
		return header->nlmsg_type == NLMSG_DONE ? 0 : next_answer(control, type, size);
	memcpy(&error, NLMSG_DATA(header), sizeof(error));
	return error;
}

static int request(struct audit_control *control, uint16_t type, const void *payload, size_t length)
{
	size_t size;
	int rc = send_request(control, type, payload, length);

	return rc != 0 ? rc : next_answer(control, NLMSG_MIN_TYPE - 1, &size);
}

int audit_control_status(struct audit_control *control, struct audit_control_status *status)
{
	struct audit_status answer = {0};
	size_t size;
	int rc = send_request(control, AUDIT_GET, NULL, 0);

	/* The acknowledgement comes first. */
	while (rc == 0 && (rc = next_answer(control, AUDIT_GET, &size)) == 0)
		;
	if (rc < 0)
		return rc;
	memcpy(&answer, NLMSG_DATA(control->answer), size < sizeof(answer) ? size : sizeof(answer));
	*status = (struct audit_control_status){
		.enabled = answer.enabled,
		.failure = answer.failure,
		.pid = answer.pid,
		.rate_limit = answer.rate_limit,
		.backlog_limit = answer.backlog_limit,
		.lost = answer.lost,
		.backlog = answer.backlog,
	};
	return 0;
}

int audit_control_enable(struct audit_control *control, bool on)
{
	const struct audit_status status = {.mask = AUDIT_STATUS_ENABLED, .enabled = on};

	return request(control, AUDIT_SET, &status, sizeof(status));
}

int audit_control_add(struct audit_control *control, const struct audit_rule_data *rule, size_t size)
{
	return request(control, AUDIT_ADD_RULE, rule, size);
}

int audit_control_delete(struct audit_control *control, const struct audit_rule_data *rule, size_t size)
{
	return request(control, AUDIT_DEL_RULE, rule, size);
}

int audit_control_rules(struct audit_control *control,
			void (*callback)(void *context, const struct audit_rule_data *rule, size_t size), void *context)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)control->answer;
	size_t size;
	int rc = send_request(control, AUDIT_LIST_RULES, NULL, 0);

	while (rc == 0 && (rc = next_answer(control, AUDIT_LIST_RULES, &size)) >= 0) {
		if (rc == 1)
			callback(context, (const struct audit_rule_data *)NLMSG_DATA(header), size);
		else if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		rc = 0;
	}
	return rc;
}
