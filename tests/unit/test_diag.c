// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/destroy/destroy.h"
#include "system/diag.h"
#include "system/socket.h"
#include "system/tcp_info.h"

/* The order of what destroy_open() asks the kernel for: 4 and 6 are queries of that family, j is joining a group. */
static char calls[16];

static void note_call(char what)
{
	size_t length = strlen(calls);

	if (length + 1 < sizeof(calls)) {
		calls[length] = what;
		calls[length + 1] = '\0';
	}
}

ssize_t __real_mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t size);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t size);
int __real_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value, socklen_t length);
int __wrap_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value, socklen_t length);

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t size)
{
	const struct inet_diag_req_v2 *request = mnl_nlmsg_get_payload(data);
	ssize_t sent = __real_mnl_socket_sendto(socket, data, size);

	if (sent > 0 && mnl_nlmsg_get_payload_len(data) >= sizeof(*request) && request->sdiag_protocol == IPPROTO_TCP)
		note_call(request->sdiag_family == AF_INET ? '4' : '6');
	return sent;
}

int __wrap_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value, socklen_t length)
{
	if (type == NETLINK_ADD_MEMBERSHIP)
		note_call('j');
	return __real_mnl_socket_setsockopt(socket, type, value, length);
}

/* Where inet_diag and tcp_diag are modules, only a query loads both; a group that was joined before tells nothing. */
static void destroy_queries_before_it_joins(void **state)
{
	const struct destroy_config config = {0};
	struct destroy *destroy;

	(void)state;
	calls[0] = '\0';
	assert_int_equal(destroy_open(&destroy, &config, NULL), 0);
	assert_string_equal(calls, "46jj");
	destroy_close(destroy);
}

/** struct pair - a loopback connection: listener, the opener's end, the accepted end */
struct pair {
	int listener, opener, acceptor;
	struct sockaddr_storage address;
	socklen_t length;
};

static void pair_open(struct pair *pair, int family)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	pair->length = family == AF_INET ? sizeof(in) : sizeof(in6);
	memcpy(&pair->address, family == AF_INET ? (void *)&in : (void *)&in6, pair->length);
	pair->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(pair->listener, (struct sockaddr *)&pair->address, pair->length), errno);
	assert_return_code(listen(pair->listener, 8), errno);
	assert_return_code(getsockname(pair->listener, (struct sockaddr *)&pair->address, &pair->length), errno);
	pair->opener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(connect(pair->opener, (struct sockaddr *)&pair->address, pair->length), errno);
	pair->acceptor = accept4(pair->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_return_code(pair->acceptor, errno);
}

static void pair_close(struct pair *pair)
{
	close(pair->opener);
	close(pair->acceptor);
	close(pair->listener);
}

static void tcp_info_knows_its_length(void **state)
{
	struct tcp_info_layout layout;
	struct event_info info;

	(void)state;
	memset(&layout, 0, sizeof(layout));
	layout.state = TCP_ESTABLISHED;
	layout.rtt = 1500;
	layout.min_rtt = 900;
	layout.bytes_acked = 101;
	layout.bytes_received = 7;
	layout.bytes_sent = 100;
	layout.total_retrans = 2;
	tcp_info_unknown(&info);
	tcp_info_to_event(&info, &layout, sizeof(layout));
	assert_int_equal(info.state, TCP_ESTABLISHED);
	assert_int_equal(info.rtt_us, 1500);
	assert_int_equal(info.min_rtt_us, 900);
	assert_int_equal(info.bytes_acked, 101);
	assert_int_equal(info.bytes_received, 7);
	assert_int_equal(info.bytes_sent, 100);
	assert_int_equal(info.bytes_retrans, 0);
	/* Linux 4.9 ends before bytes_sent, 3.x before bytes_acked; a field half there is not there. */
	tcp_info_to_event(&info, &layout, offsetof(struct tcp_info_layout, bytes_sent) + 4);
	assert_int_equal(info.bytes_sent, EVENT_UNKNOWN);
	assert_int_equal(info.bytes_retrans, EVENT_UNKNOWN);
	assert_int_equal(info.bytes_acked, 101);
	tcp_info_to_event(&info, &layout, offsetof(struct tcp_info_layout, pacing_rate));
	assert_int_equal(info.bytes_acked, EVENT_UNKNOWN);
	assert_int_equal(info.segs_in, EVENT_UNKNOWN);
	assert_int_equal(info.min_rtt_us, EVENT_UNKNOWN);
	assert_int_equal(info.rtt_us, 1500);
	assert_int_equal(info.total_retrans, 2);
	tcp_info_to_event(&info, &layout, 0);
	assert_int_equal(info.state, 0);
	assert_int_equal(info.rtt_us, EVENT_UNKNOWN);
}

static void tcp_info_takes_no_filler_for_a_number(void **state)
{
	struct tcp_info_layout layout;
	struct event_info info;

	(void)state;
	memset(&layout, 0, sizeof(layout));
	layout.state = TCP_SYN_SENT;
	layout.min_rtt = UINT32_MAX;
	layout.last_data_sent = 123456;
	tcp_info_to_event(&info, &layout, sizeof(layout));
	assert_int_equal(info.min_rtt_us, EVENT_UNKNOWN);
	assert_int_equal(info.rtt_us, EVENT_UNKNOWN);
	assert_int_equal(info.last_data_sent_ms, EVENT_UNKNOWN);
	assert_int_equal(info.bytes_sent, 0);
	/* A round trip below a microsecond is a sample. */
	layout.state = TCP_ESTABLISHED;
	layout.min_rtt = 0;
	tcp_info_to_event(&info, &layout, sizeof(layout));
	assert_int_equal(info.rtt_us, 0);
	assert_int_equal(info.last_data_sent_ms, 123456);
	layout.state = TCP_LISTEN;
	layout.unacked = 3;
	tcp_info_to_event(&info, &layout, sizeof(layout));
	assert_int_equal(info.state, TCP_LISTEN);
	assert_int_equal(info.unacked, EVENT_UNKNOWN);
	assert_int_equal(info.bytes_received, EVENT_UNKNOWN);
}

static void socket_read_knows_both_ends(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct event opener, acceptor;
		struct pair pair;
		char byte;

		pair_open(&pair, families[i]);
		assert_int_equal(send(pair.opener, "hello", 5, 0), 5);
		assert_int_equal(recv(pair.acceptor, &byte, 1, 0), 1);
		assert_int_equal(socket_read(pair.opener, &opener), 0);
		assert_int_equal(socket_read(pair.acceptor, &acceptor), 0);
		assert_int_equal(opener.type, EVENT_INFO);
		assert_int_equal(opener.origin, ORIGIN_KERNEL);
		assert_int_equal(opener.info.reason, INFO_SAMPLE);
		assert_true(flow_is_complete(&opener.flow));
		assert_true(endpoint_equal(&opener.flow.local, &acceptor.flow.remote));
		assert_true(endpoint_equal(&opener.flow.remote, &acceptor.flow.local));
		assert_int_equal(endpoint_is_v4(&opener.flow.local), families[i] == AF_INET);
		assert_true(opener.info.cookie != 0 && opener.info.cookie != acceptor.info.cookie);
		assert_int_equal(opener.info.state, TCP_ESTABLISHED);
		assert_int_equal(opener.info.bytes_sent, 5);
		assert_int_equal(acceptor.info.bytes_received, 5);
		assert_int_equal(acceptor.info.rqueue, EVENT_UNKNOWN);
		assert_true(acceptor.info.rtt_us >= 0);
		pair_close(&pair);
	}
}

static void socket_read_knows_a_fin_after_the_end(void **state)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)state;
	/* The acceptor sends 7 bytes, then perhaps its FIN, then a RST. The opener reads all, or not. */
	for (int scenario = 0; scenario < 4; scenario++) {
		bool fin = scenario & 1, reads = scenario & 2;
		struct event event;
		struct pair pair;
		char bytes[10];

		pair_open(&pair, AF_INET);
		assert_int_equal(send(pair.acceptor, "7 bytes", 7, 0), 7);
		if (reads)
			assert_int_equal(recv(pair.opener, bytes, sizeof(bytes), 0), 7);
		if (fin)
			shutdown(pair.acceptor, SHUT_WR);
		setsockopt(pair.acceptor, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(pair.acceptor);
		assert_int_equal(socket_read(pair.opener, &event), 0);
		assert_int_equal(event.info.state, TCP_CLOSE);
		assert_int_equal(event.info.bytes_received, 7 + fin);
		assert_int_equal(event.info.rqueue, reads ? 0 : 7);
		if (!reads)
			assert_int_equal(event.info.fin, FIN_UNKNOWN);
		else if (event.info.fin != FIN_UNKNOWN)
			assert_int_equal(event.info.fin, fin ? FIN_RECEIVED : FIN_NOT_RECEIVED);
		/* The program's error is still there for the program. */
		assert_int_equal(send(pair.opener, "x", 1, MSG_NOSIGNAL), -1);
		assert_int_equal(errno, fin ? EPIPE : ECONNRESET);
		close(pair.opener);
		close(pair.listener);
	}
}

static void socket_read_refuses_what_is_not_tcp(void **state)
{
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int local[2];
	struct event event = event_new(EVENT_NONE, ORIGIN_CALLS, 1);

	(void)state;
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, local), errno);
	assert_int_equal(socket_read(file, &event), -ENOTSUP);
	assert_int_equal(socket_read(udp, &event), -ENOTSUP);
	assert_int_equal(socket_read(local[0], &event), -ENOTSUP);
	assert_int_equal(socket_read(-1, &event), -EBADF);
	assert_int_equal(event.type, EVENT_NONE);
	close(file);
	close(udp);
	close(local[0]);
	close(local[1]);
}

static void socket_take_takes_from_a_process(void **state)
{
	struct event direct, taken;
	struct pair pair;
	int pidfd = socket_process(getpid());
	int fd;

	(void)state;
	if (pidfd == -ENOSYS || pidfd == -EPERM)
		skip();
	assert_true(pidfd >= 0);
	pair_open(&pair, AF_INET);
	fd = socket_take(pidfd, pair.opener);
	if (fd == -ENOSYS || fd == -EPERM)
		skip();
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(socket_read(pair.opener, &direct), 0);
	assert_int_equal(socket_read(fd, &taken), 0);
	assert_int_equal(direct.info.cookie, taken.info.cookie);
	close(fd);
	pair_close(&pair);
	assert_int_equal(socket_take(pidfd, pair.opener), -EBADF);
	assert_int_equal(socket_process(-1), -EINVAL);
	close(pidfd);
}

/** cookie_of() - by the kernel's word */
static uint64_t cookie_of(int fd)
{
	struct event event;

	assert_int_equal(socket_read(fd, &event), 0);
	return event.info.cookie;
}

/** wait_for_end() - the final counters of the socket with this cookie; others on the host may end meanwhile */
static bool wait_for_end(struct destroy *destroy, struct queue *queue, uint64_t cookie, struct event *event)
{
	int64_t end = clock_monotonic() + 10 * CLOCK_NS_PER_SEC;
	struct pollfd poller = {.fd = destroy_fd(destroy), .events = POLLIN};

	while (clock_monotonic() < end) {
		while (queue_pop(queue, event)) {
			if (event->type == EVENT_INFO && event->info.cookie == cookie)
				return true;
		}
		poll(&poller, 1, 100);
		assert_true(destroy_read(destroy, queue, NULL) >= 0);
	}
	return false;
}

static void destroy_tells_the_last_word(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct destroy_config config = {.netns = 42};
	struct queue *queue = queue_new(sizeof(struct event), 100000);
	struct destroy *destroy;
	struct event event;
	struct err err;

	(void)state;
	assert_int_equal(destroy_open(&destroy, &config, &err), 0);
	assert_true(destroy_buffer(destroy) > 0);
	for (size_t i = 0; i < 2; i++) {
		struct event before;
		struct pair pair;
		char bytes[200];

		pair_open(&pair, families[i]);
		assert_int_equal(send(pair.opener, bytes, 100, 0), 100);
		assert_int_equal(recv(pair.acceptor, bytes, sizeof(bytes), 0), 100);
		assert_int_equal(send(pair.acceptor, bytes, 50, 0), 50);
		assert_int_equal(recv(pair.opener, bytes, sizeof(bytes), 0), 50);
		assert_int_equal(socket_read(pair.acceptor, &before), 0);
		close(pair.opener);
		assert_int_equal(recv(pair.acceptor, bytes, sizeof(bytes), 0), 0);
		close(pair.acceptor);
		assert_true(wait_for_end(destroy, queue, before.info.cookie, &event));
		assert_int_equal(event.info.reason, INFO_DESTROY);
		assert_int_equal(event.flow.netns, 42);
		assert_true(endpoint_equal(&event.flow.local, &before.flow.local));
		assert_true(endpoint_equal(&event.flow.remote, &before.flow.remote));
		assert_int_equal(event.info.bytes_sent - event.info.bytes_retrans, 50);
		/* The opener's FIN came and was read; ours was acknowledged. */
		assert_int_equal(event.info.bytes_received, 101);
		assert_int_equal(event.info.bytes_acked, 51);
		assert_int_equal(event.info.rqueue, 0);
		assert_int_equal(event.info.wqueue, 0);
		close(pair.listener);
	}
	destroy_close(destroy);
	queue_free(queue);
}

static void destroy_knows_no_counters_of_the_disconnected(void **state)
{
	struct destroy_config config = {.disconnected = true};
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	struct queue *queue = queue_new(sizeof(struct event), 100000);
	struct destroy *destroy;
	struct event event;
	struct pair pair;
	uint64_t cookie;

	(void)state;
	assert_int_equal(destroy_open(&destroy, &config, NULL), 0);
	pair_open(&pair, AF_INET);
	assert_int_equal(send(pair.opener, "hello", 5, 0), 5);
	cookie = cookie_of(pair.opener);
	assert_return_code(setsockopt(pair.opener, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), errno);
	pair_close(&pair);
	assert_true(wait_for_end(destroy, queue, cookie, &event));
	assert_int_equal(event.flow.remote.port, 0);
	assert_int_equal(event.info.bytes_sent, EVENT_UNKNOWN);
	assert_int_equal(event.info.rqueue, EVENT_UNKNOWN);
	destroy_close(destroy);
	queue_free(queue);
}

static void destroy_says_how_many_it_lost(void **state)
{
	enum {
		LIMIT = 10000
	};
	struct destroy_config config = {.buffer = 4096};
	struct queue *queue = queue_new(sizeof(struct event), 100000);
	int64_t lost = 0, seen = 0, end = clock_monotonic() + 10 * CLOCK_NS_PER_SEC;
	struct pollfd poller = {0};
	struct destroy *destroy;
	struct event event;
	int made = 0;

	(void)state;
	assert_int_equal(destroy_open(&destroy, &config, NULL), 0);
	poller.fd = destroy_fd(destroy);
	for (; made < LIMIT && !(poll(&poller, 1, 0) > 0 && (poller.revents & POLLERR)); made++) {
		struct pair pair;

		pair_open(&pair, AF_INET);
		pair_close(&pair);
	}
	poller.events = POLLIN;
	/* Of each both ends; the kernel tells with a delay. */
	while (lost + seen < 2 * made && clock_monotonic() < end) {
		poll(&poller, 1, 100);
		assert_true(destroy_read(destroy, queue, NULL) >= 0);
		while (queue_pop(queue, &event)) {
			if (event.type != EVENT_LOST) {
				seen++;
				continue;
			}
			assert_int_equal(event.lost.where, LOST_NETLINK);
			assert_int_not_equal(event.lost.count, 0);
			/* Linux before 4.12 does not say how many. */
			if (event.lost.count == EVENT_UNKNOWN)
				skip();
			lost += event.lost.count;
		}
	}
	assert_true(lost > 0);
	assert_true(lost + seen >= 2 * made);
	destroy_close(destroy);
	destroy_close(NULL);
	queue_free(queue);
}

static void query_finds_by_ends_and_cookie(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct diag *diag;

	(void)state;
	assert_int_equal(diag_open(&diag, 7, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		struct event sample, answer;
		struct pair pair;

		pair_open(&pair, families[i]);
		assert_int_equal(send(pair.acceptor, "hello", 5, 0), 5);
		assert_int_equal(socket_read(pair.opener, &sample), 0);
		assert_int_equal(diag_query(diag, &sample.flow, sample.info.cookie, &answer), 0);
		assert_int_equal(answer.info.cookie, sample.info.cookie);
		assert_int_equal(answer.info.state, TCP_ESTABLISHED);
		assert_int_equal(answer.info.bytes_received, 5);
		assert_int_equal(answer.info.rqueue, 5);
		assert_int_not_equal(answer.info.inode, 0);
		assert_int_equal(answer.info.uid, getuid());
		assert_int_equal(answer.flow.netns, 7);
		assert_int_equal(diag_query(diag, &sample.flow, 0, &answer), 0);
		assert_int_equal(diag_query(diag, &sample.flow, sample.info.cookie ^ 1, &answer), -ESTALE);
		assert_int_equal(diag_timewait(diag, &sample.flow, sample.info.cookie), TIMEWAIT_UNKNOWN);
		/* A listener stands in for a connection that is not there; that is no answer. */
		sample.flow = flow_reverse(&sample.flow);
		sample.flow.remote.port ^= 1;
		assert_int_equal(diag_query(diag, &sample.flow, 0, &answer), -ENOENT);
		sample.flow.remote.port = 0;
		assert_int_equal(diag_query(diag, &sample.flow, 0, &answer), -EINVAL);
		pair_close(&pair);
	}
	diag_close(diag);
	diag_close(NULL);
}

static void timewait_is_on_the_side_that_closed_first(void **state)
{
	struct destroy_config config = {.netns = 0};
	struct queue *queue = queue_new(sizeof(struct event), 100000);
	struct destroy *destroy;
	struct event opener, acceptor, event;
	struct diag *diag;
	struct pair pair;
	char byte;

	(void)state;
	assert_int_equal(destroy_open(&destroy, &config, NULL), 0);
	assert_int_equal(diag_open(&diag, 0, NULL), 0);
	pair_open(&pair, AF_INET);
	assert_int_equal(socket_read(pair.opener, &opener), 0);
	assert_int_equal(socket_read(pair.acceptor, &acceptor), 0);
	close(pair.acceptor);
	assert_int_equal(recv(pair.opener, &byte, 1, 0), 0);
	close(pair.opener);
	assert_true(wait_for_end(destroy, queue, opener.info.cookie, &event));
	/* On a host with too many of them the kernel makes no more. */
	if (diag_timewait(diag, &acceptor.flow, acceptor.info.cookie) == TIMEWAIT_UNKNOWN)
		skip();
	assert_int_equal(diag_timewait(diag, &acceptor.flow, acceptor.info.cookie), TIMEWAIT_PRESENT);
	assert_int_equal(diag_timewait(diag, &acceptor.flow, acceptor.info.cookie ^ 1), TIMEWAIT_UNKNOWN);
	assert_int_equal(diag_timewait(diag, &acceptor.flow, 0), TIMEWAIT_PRESENT);
	assert_int_equal(diag_timewait(diag, &opener.flow, opener.info.cookie), TIMEWAIT_ABSENT);
	close(pair.listener);
	diag_close(diag);
	destroy_close(destroy);
	queue_free(queue);
}

/** struct search - what the dump is to find */
struct search {
	uint64_t opener, acceptor, listener;
	int found;
};

static void search_one(void *context, const struct event *event)
{
	struct search *search = context;

	if (event->info.cookie == search->opener || event->info.cookie == search->acceptor) {
		assert_int_equal(event->info.state, TCP_ESTABLISHED);
		assert_true(flow_is_complete(&event->flow));
		assert_true(event->info.segs_out >= 0);
		search->found++;
	} else if (event->info.cookie == search->listener) {
		assert_int_equal(event->info.state, TCP_LISTEN);
		assert_int_equal(event->info.rqueue, 0);
		assert_int_equal(event->info.wqueue, 8);
		assert_int_equal(event->info.bytes_received, EVENT_UNKNOWN);
		search->found++;
	}
}

static void dump_tells_every_socket(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct diag *diag;

	(void)state;
	assert_int_equal(diag_open(&diag, 0, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		struct pair pair;
		struct search search;

		pair_open(&pair, families[i]);
		search = (struct search){cookie_of(pair.opener), cookie_of(pair.acceptor), cookie_of(pair.listener), 0};
		assert_true(diag_dump(diag, DIAG_ALL_STATES, search_one, &search, NULL) >= 3);
		assert_int_equal(search.found, 3);
		search.found = 0;
		assert_true(diag_dump(diag, 1U << TCP_LISTEN, search_one, &search, NULL) >= 1);
		assert_int_equal(search.found, 1);
		pair_close(&pair);
	}
	diag_close(diag);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_info_knows_its_length),
		cmocka_unit_test(tcp_info_takes_no_filler_for_a_number),
		cmocka_unit_test(socket_read_knows_both_ends),
		cmocka_unit_test(socket_read_knows_a_fin_after_the_end),
		cmocka_unit_test(socket_read_refuses_what_is_not_tcp),
		cmocka_unit_test(socket_take_takes_from_a_process),
		cmocka_unit_test(destroy_queries_before_it_joins),
		cmocka_unit_test(destroy_tells_the_last_word),
		cmocka_unit_test(destroy_knows_no_counters_of_the_disconnected),
		cmocka_unit_test(destroy_says_how_many_it_lost),
		cmocka_unit_test(query_finds_by_ends_and_cookie),
		cmocka_unit_test(timewait_is_on_the_side_that_closed_first),
		cmocka_unit_test(dump_tells_every_socket),
	};

	namespace_enter();
	return UNIT_RUN(tests);
}
