// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/xalloc.h"
#include "system/message.h"
#include "system/tcp_info.h"

/* The kernel fills an answer up to the size of the reader's buffer, at most 32 KiB. */
#define ANSWER_SIZE 32768
/* How long one sample of the number of mini sockets is valid. */
#define TIMEWAIT_TRUST_NS (100 * CLOCK_NS_PER_MS)

struct diag {
	struct mnl_socket *socket;
	uint32_t netns;
	uint32_t sequence;
	/** TCPDIAG_GETSOCK was refused */
	bool is_new_only;
	/** @timewait_room is valid until then (monotonic) */
	int64_t timewait_until;
	/** the kernel is far from the limit of mini sockets */
	bool timewait_room;
	uint8_t answer[ANSWER_SIZE] __attribute__((aligned(8)));
};

int diag_open(struct diag **diag, uint32_t netns, struct err *err)
{
	struct diag *new = xcalloc(1, sizeof(*new));

	new->netns = netns;
	new->socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (new->socket == NULL || mnl_socket_bind(new->socket, 0, MNL_SOCKET_AUTOPID) != 0) {
		int error = errno;

		diag_close(new);
		return err_set(err, error, "cannot ask the kernel for sockets (NETLINK_SOCK_DIAG): %s; %s",
			       strerror(error), message_remedy(error));
	}
	*diag = new;
	return 0;
}

void diag_close(struct diag *diag)
{
	if (diag == NULL)
		return;
	if (diag->socket != NULL)
		mnl_socket_close(diag->socket);
	free(diag);
}

/** struct question - a request; the old one (TCPDIAG_GETSOCK) lists both families at once */
struct question {
	struct nlmsghdr header;
	union {
		struct inet_diag_req_v2 request;
		struct inet_diag_req both;
	};
};

static int send_question(struct diag *diag, struct question *question)
{
	bool is_both = question->header.nlmsg_type == TCPDIAG_GETSOCK;

	_Static_assert(offsetof(struct question, request) == NLMSG_HDRLEN, "no padding between the two");
	question->header.nlmsg_len =
		(uint32_t)NLMSG_LENGTH(is_both ? sizeof(question->both) : sizeof(question->request));
	question->header.nlmsg_flags |= NLM_F_REQUEST;
	question->header.nlmsg_seq = ++diag->sequence;
	return mnl_socket_sendto(diag->socket, question, question->header.nlmsg_len) < 0 ? -errno : 0;
}

/**
 * read_answer() - pass the sockets of one answer to @callback
 *
 * Return: the number of sockets; @end is -EAGAIN until the last message of the answer came, then 0 or a negative errno.
 */
static int read_answer(struct diag *diag, bool dump, diag_callback *callback, void *context, int *end)
{
	ssize_t received = mnl_socket_recvfrom(diag->socket, diag->answer, sizeof(diag->answer));
	const struct nlmsghdr *header = (const void *)diag->answer;
	int left = (int)received;
	int count = 0;

	*end = -EAGAIN;
	if (received < 0) {
		if (errno != EINTR)
			*end = -errno;
		return 0;
	}
	for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
		struct event event;

		if (header->nlmsg_seq != diag->sequence)
			continue; /* of an abandoned question */
		if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE) {
			int error = 0;

			/* Both begin with a negative errno, or 0 for a complete dump. */
			if (mnl_nlmsg_get_payload_len(header) >= sizeof(error))
				memcpy(&error, mnl_nlmsg_get_payload(header), sizeof(error));
			*end = error < 0 ? error : 0;
			return count;
		}
		if (message_to_event(&event, header, clock_now()) != 0) {
			*end = -EBADMSG;
			return count;
		}
		event.flow.netns = diag->netns;
		callback(context, &event);
		count++;
		if (!dump) {
			*end = 0;
			return count;
		}
	}
	return count;
}

/** ask() - send a question and read its answer to the end; Return: the number of sockets, or a negative errno */
static int ask(struct diag *diag, struct question *question, diag_callback *callback, void *context)
{
	int error = send_question(diag, question);
	int count = 0;

	if (error != 0)
		return error;
	do {
		count += read_answer(diag, (question->header.nlmsg_flags & NLM_F_DUMP) != 0, callback, context, &error);
	} while (error == -EAGAIN);
	return error != 0 ? error : count;
}

static void copy_event(void *context, const struct event *event)
{
	*(struct event *)context = *event;
}

/** extensions() - what is asked for beside the ends */
static uint8_t extensions(unsigned int states)
{
	if (states & DIAG_NO_COUNTERS)
		return 0;
	return 1 << (INET_DIAG_INFO - 1) | (tcp_info_has_measures() ? 1 << (INET_DIAG_CONG - 1) : 0);
}

/** query() - any socket that the kernel finds for these ends, which may be a listener */
static int query(struct diag *diag, const struct endpoint *local, const struct endpoint *remote, struct event *event)
{
	struct question question = {
		.header.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.request =
			{
				.sdiag_protocol = IPPROTO_TCP,
				.idiag_ext = extensions(0),
				.idiag_states = ~0U,
				.id.idiag_sport = htons(local->port),
				.id.idiag_dport = htons(remote->port),
				.id.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE},
			},
	};
	struct inet_diag_req_v2 *request = &question.request;
	int count;

	/* The family is that of the packets: an IPv4 question finds the connections of IPv6 sockets too. */
	if (endpoint_is_v4(local)) {
		request->sdiag_family = AF_INET;
		memcpy(&request->id.idiag_src[0], local->ip.s6_addr + 12, 4);
		memcpy(&request->id.idiag_dst[0], remote->ip.s6_addr + 12, 4);
	} else {
		request->sdiag_family = AF_INET6;
		memcpy(request->id.idiag_src, &local->ip, sizeof(local->ip));
		memcpy(request->id.idiag_dst, &remote->ip, sizeof(remote->ip));
	}
	count = ask(diag, &question, copy_event, event);
	if (count == 0)
		return -ENOENT;
	return count < 0 ? count : 0;
}

int diag_query(struct diag *diag, const struct flow *flow, uint64_t cookie, struct event *event)
{
	struct event answer;
	int error;

	if (!flow_is_complete(flow))
		return -EINVAL;
	error = query(diag, &flow->local, &flow->remote, &answer);
	if (error != 0)
		return error;
	/* Without a connection the kernel answers with a listener on the port. */
	if (!endpoint_equal(&answer.flow.remote, &flow->remote) || !endpoint_equal(&answer.flow.local, &flow->local))
		return -ENOENT;
	/* Compared here: the kernel compares a listener's cookie too and returns ESTALE. */
	if (cookie != 0 && answer.info.cookie != cookie)
		return -ESTALE;
	*event = answer;
	return 0;
}

/** read_number() - the number that follows @word in a small file, or the first one when @word is "" */
static int64_t read_number(const char *path, const char *word)
{
	char text[1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int64_t number = -1;
	char *at;

	if (fd >= 0)
		close(fd);
	if (length < 0)
		return -1;
	text[length] = '\0';
	at = strstr(text, word);
	if (at == NULL)
		return -1;
	at += strlen(word);
	at[strcspn(at, " \n")] = '\0';
	return number_parse(at, 0, INT64_MAX, &number) == 0 ? number : -1;
}

/** timewait_room() - whether the absence of a mini socket is significant */
static bool timewait_room(struct diag *diag)
{
	int64_t now = clock_monotonic();

	if (now >= diag->timewait_until) {
		int64_t used = read_number("/proc/thread-self/net/sockstat", " tw ");
		int64_t limit = read_number("/proc/sys/net/ipv4/tcp_max_tw_buckets", "");

		/* A quarter must be free: no more are made before the next sample. */
		diag->timewait_room = used >= 0 && limit >= 0 && used <= limit - limit / 4;
		diag->timewait_until = now + TIMEWAIT_TRUST_NS;
	}
	return diag->timewait_room;
}

enum info_timewait diag_timewait(struct diag *diag, const struct flow *flow, uint64_t cookie)
{
	struct event event;
	int error = diag_query(diag, flow, cookie, &event);

	if (error == -ENOENT)
		return timewait_room(diag) ? TIMEWAIT_ABSENT : TIMEWAIT_UNKNOWN;
	/* Only a mini socket has no counters in these states. */
	if (error == 0 && event.info.segs_in == EVENT_UNKNOWN &&
	    (event.info.state == TCP_TIME_WAIT || event.info.state == TCP_FIN_WAIT2))
		return event.info.state == TCP_FIN_WAIT2 ? TIMEWAIT_NO_FIN : TIMEWAIT_PRESENT;
	return TIMEWAIT_UNKNOWN;
}

/** dump_both() - all sockets of both families, which the kernel finds in one walk through its table */
static int dump_both(struct diag *diag, unsigned int states, diag_callback *callback, void *context)
{
	struct question question = {
		.header = {.nlmsg_type = TCPDIAG_GETSOCK, .nlmsg_flags = NLM_F_DUMP},
		.both =
			{
				.idiag_family = AF_INET,
				.idiag_ext = extensions(states),
				.idiag_states = states & DIAG_ALL_STATES,
			},
	};

	return ask(diag, &question, callback, context);
}

static int dump_family(struct diag *diag, uint8_t family, unsigned int states, diag_callback *callback, void *context)
{
	struct question question = {
		.header = {.nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_DUMP},
		.request =
			{
				.sdiag_family = family,
				.sdiag_protocol = IPPROTO_TCP,
				.idiag_ext = extensions(states),
				.idiag_states = states & DIAG_ALL_STATES,
			},
	};

	return ask(diag, &question, callback, context);
}

int diag_dump(struct diag *diag, unsigned int states, diag_callback *callback, void *context, struct err *err)
{
	int count = diag->is_new_only ? 0 : dump_both(diag, states, callback, context);
	int more = 0;

	/* A kernel may not support the old query. */
	if (diag->is_new_only || count < 0) {
		diag->is_new_only = true;
		count = dump_family(diag, AF_INET, states, callback, context);
		if (count >= 0)
			more = dump_family(diag, AF_INET6, states, callback, context);
		/* A kernel without IPv6 has no such sockets. */
		if (more == -ENOENT)
			more = 0;
	}
	if (count < 0 || more < 0) {
		int error = count < 0 ? count : more;

		return err_set(err, error, "the kernel does not list its TCP sockets: %s", strerror(-error));
	}
	return count + more;
}

static void take_none(void *context, const struct event *event)
{
	(void)context;
	(void)event;
}

bool diag_answers(void)
{
	struct diag *diag;
	struct err ignored;
	bool answers;

	if (diag_open(&diag, 0, &ignored) != 0)
		return false;
	answers = diag_dump(diag, 1U << TCP_LISTEN, take_none, NULL, &ignored) >= 0;
	diag_close(diag);
	return answers;
}
