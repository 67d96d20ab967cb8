/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TESTS_HELPERS_MKCONN_H
#define CONNTRACE_TESTS_HELPERS_MKCONN_H

#include <pthread.h>
#include <stdbool.h>

#include "mkconn_conn.h"

#define THREADS_MAX 64

/** enum by - how the socket calls are made */
enum by {
	/** as the C library does */
	BY_LIBRARY,
	/** syscall(2) */
	BY_SYSCALL,
	/** i386's socketcall(2) */
	BY_SOCKETCALL,
};

/**
 * struct scenario - where one thread stands
 * @words: all of them, NULL-terminated
 * @connection: the current one, NULL none
 * @kept: list of the kept ones
 * @truth: file for what is known, NULL none
 * @listener: descriptor, -1 none
 * @again: descriptor that the next connect takes instead of a new socket, -1 none
 * @channel: Unix sockets that descriptors are passed through, [0] to send and [1] to receive; -1 none
 * @fast: how the next connect uses TCP Fast Open: "sendto", "sendmsg", "sendmmsg", "connect"; NULL not at all
 * @fast_bytes: with how many bytes
 */
struct scenario {
	char **words;
	struct connection *connection;
	struct connection *kept;
	const char *truth;
	int listener;
	int again;
	int channel[2];
	int backlog;
	unsigned int limit;
	enum by by;
	bool nonblock;
	bool cloexec;
	bool reuseport;
	bool fastopen;
	bool mptcp;
	char fast[16];
	unsigned long long fast_bytes;
	union address bind;
	socklen_t bind_length;
	pthread_t threads[THREADS_MAX];
	unsigned int thread_num;
};

/* mkconn.c */

/** current() - the current connection, or the end of the program when there is none */
struct connection *current(const struct scenario *scenario, const char *word);

/** forget() - it is over: tells its truth, unless @how is NULL, and frees it */
void forget(struct scenario *scenario, const char *how);

/** tell_all() - tells the truth of all that are open, before the process ends */
void tell_all(struct scenario *scenario, const char *how);

/** run() - does the words from @at to the end of their block; Return: index behind it */
int run(struct scenario *scenario, int at);

/* mkconn_birth.c: words that make connections */

/** do_listen() - listen=ADDR:PORT */
void do_listen(struct scenario *scenario, const char *where);

/** do_port_file() - port-file=FILE */
void do_port_file(const struct scenario *scenario, const char *name);

/** do_connect() - connect=ADDR:PORT */
void do_connect(struct scenario *scenario, const char *where);

/** do_connect_again() - connect(2) on the current connection once more */
void do_connect_again(struct scenario *scenario);

/** do_disconnect() - connect(AF_UNSPEC); the next connect takes the socket */
void do_disconnect(struct scenario *scenario);

/** do_accept() - accept, accept4, with -null, -short */
void do_accept(struct scenario *scenario, const char *word);

/** do_move() - the connection gets another descriptor; @how: dup, dup2, dup3, fcntl, fcntl-cloexec, pidfd */
void do_move(struct scenario *scenario, const char *how);

/** do_interrupt() - a signal comes in @ms milliseconds; @restart: calls go on after it */
void do_interrupt(int ms, bool restart);

/** do_other() - a connect(2) on a socket that is not TCP */
void do_other(int family, const char *where);

/* mkconn_spawn.c: words that make processes and pass connections between them */

/** do_exec() - the rest of the words in a new image; an open connection without close-on-exec goes along */
__attribute__((noreturn)) void do_exec(struct scenario *scenario, int at, int end);

/** do_adopt() - adopt=FD:DIR:RX:TX:TID:FD, as written by do_exec() */
void do_adopt(struct scenario *scenario, const char *what);

/** do_clone() - a child by clone(2) with @flags does the words from @at; see mkconn.c */
void do_clone(struct scenario *scenario, const char *flags, int at);

/** do_vfork() - a child by vfork(2) becomes a new image that does the words from @at to @end */
void do_vfork(struct scenario *scenario, int at, int end);

/** do_pass() - the connection, or the listener, goes through the channel */
void do_pass(struct scenario *scenario, bool listener);

/** do_take() - a connection, or a listener, comes through the channel */
void do_take(struct scenario *scenario, bool listener, bool cloexec);

#endif
