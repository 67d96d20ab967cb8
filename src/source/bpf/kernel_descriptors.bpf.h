/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_BPF_KERNEL_DESCRIPTORS_BPF_H
#define CONNTRACE_SOURCE_BPF_KERNEL_DESCRIPTORS_BPF_H

/* Sockets by their descriptors, and descriptors that a process receives; a part of kernel.bpf.c. */

#include "source/bpf/kernel_processes.bpf.h"

/* ---- descriptors --------------------------------------------------------------------- */

/* The TCP socket of a file; of an MPTCP socket its first subflow; or NULL. */
static __always_inline struct sock *sock_of(struct file *file)
{
	struct socket *socket = file != NULL ? BPF_CORE_READ(file, private_data) : NULL;
	struct sock *sk;
	__u16 family, protocol;

	/* No other file has private data that lead back to it at this place. */
	if (socket == NULL || BPF_CORE_READ(socket, file) != file)
		return NULL;
	sk = BPF_CORE_READ(socket, sk);
	if (sk == NULL)
		return NULL;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	protocol = BPF_CORE_READ(sk, sk_protocol);
	if (family != AF_INET && family != AF_INET6)
		return NULL;
	if (protocol == PROTOCOL_MPTCP && bpf_core_type_exists(struct mptcp_sock))
		return BPF_CORE_READ((struct mptcp_sock *)sk, first);
	return protocol == PROTOCOL_TCP ? sk : NULL;
}

/* The socket as a number. Not static: the kernel verifies such a function once, and not again for each path to it. */
__noinline __u64 number_of_socket(__s32 fd)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = task->files->fdt;
	struct file *file = NULL;

	if (fd < 0 || (__u32)fd >= table->max_fds)
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
	return key_of(sock_of(file));
}

static __always_inline struct sock *sock_at(__s32 fd)
{
	return (struct sock *)(unsigned long)number_of_socket(fd);
}

/* Descriptors that find_fd() looks at. */
#define FDS_SEARCHED 4096

/**
 * struct search - of find_fd()
 * @files: the files of the process
 * @wanted: the file of the socket
 * @fd: its descriptor, or -1
 */
struct search {
	struct file **files;
	struct file *wanted;
	__s32 fd;
};

static long compare_file(__u32 fd, struct search *search)
{
	struct file *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), search->files + fd);
	if (file != search->wanted)
		return 0;
	search->fd = (__s32)fd;
	return 1;
}

/* The descriptor of a socket in the current process, if it is a low one; else -1. Before Linux 5.17 always -1. */
static __noinline __s32 find_fd(const struct sock *sk)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct search search = {BPF_CORE_READ(table, fd), BPF_CORE_READ(sk, sk_socket, file), -1};
	__u32 number = BPF_CORE_READ(table, max_fds);

	if (search.wanted != NULL && bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))
		bpf_loop(number < FDS_SEARCHED ? number : FDS_SEARCHED, compare_file, &search, 0);
	return search.fd;
}

static __always_inline struct known *know(const struct sock *sk, const struct known *known)
{
	__u64 key = key_of(sk);

	if (bpf_map_update_elem(&sockets, &key, known, BPF_ANY) == 0)
		return bpf_map_lookup_elem(&sockets, &key);
	has_more = true;
	if (bpf_map_update_elem(&more_sockets, &key, known, BPF_ANY) != 0)
		lose();
	return bpf_map_lookup_elem(&more_sockets, &key);
}

static __always_inline struct known *find(const struct sock *sk)
{
	__u64 key = key_of(sk);
	struct known *known = bpf_map_lookup_elem(&sockets, &key);

	return known == NULL && has_more ? bpf_map_lookup_elem(&more_sockets, &key) : known;
}

static __always_inline void forget(const struct sock *sk)
{
	__u64 key = key_of(sk);

	bpf_map_delete_elem(&sockets, &key);
	if (has_more)
		bpf_map_delete_elem(&more_sockets, &key);
}

/*
 * As find(), but not one that was here before, whose end was lost. Its cookie is that of the socket, or not known yet.
 * @members: @sk, or a copy of it, whose members can be loaded
 */
static __always_inline struct known *find_same(const struct sock *sk, const struct sock *members)
{
	struct known *known = find(sk);

	if (known == NULL || known->cookie == 0 || known->cookie == members->__sk_common.skc_cookie.counter)
		return known;
	return NULL;
}

static __always_inline void listens_at(__u32 port)
{
	__u8 one = 1;

	bpf_map_update_elem(&ports, &port, &one, BPF_ANY);
}

static __noinline void report_copy(enum kernel_type type, const struct tcp_sock *tp, const struct known *known,
				   __s32 fd, __s32 error)
{
	struct kernel_record *record;

	name_current(bpf_get_current_pid_tgid() >> 32);
	record = begin(type);
	if (record == NULL)
		return;
	read_current(record);
	record->fd = fd;
	record->error = error;
	read_socket(record, tp, known);
	record->netns = netns_of(tp);
	end(record);
}

/* What the current process has done with a socket that was found by its descriptor. */
static __always_inline void report_call(enum kernel_type type, const struct sock *sk, const struct known *known,
					__s32 fd, __s32 error)
{
	const struct tcp_sock *tp = copy_of(sk);

	if (tp != NULL)
		report_copy(type, tp, known, fd, error);
}

/* ---- recvmsg(2) ------------------------------------------------------------------------------- */

/* Descriptors of one message that are looked at; others are seen when their connections end. */
#define DESCRIPTORS_AT_ONCE 8

/* The current process has got the descriptor of a connection that came from elsewhere. */
static __noinline void received(__s32 fd)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct known known = {.pid = thread >> 32, .tid = (__u32)thread, .fd = fd};
	struct sock *sk = sock_at(fd);
	const struct tcp_sock *tp = sk != NULL ? copy_of(sk) : NULL;
	struct known *earlier = sk != NULL ? find(sk) : NULL;

	if (tp == NULL || (earlier != NULL && earlier->pid == known.pid))
		return;
	known.cookie = tp->inet_conn.icsk_inet.sk.__sk_common.skc_cookie.counter;
	read_ends(&known.ends, tp);
	if (known.ends.rport == 0)
		return;
	known.has_ends = 1;
	if (earlier == NULL || earlier->pid == 0)
		earlier = know(sk, &known);
	name_current(known.pid);
	if (earlier != NULL && earlier->cookie == 0)
		earlier->is_new = 1;
	else
		report_call(KERNEL_TAKE, sk, earlier, fd, 0);
}

/* The parts of struct msghdr and struct cmsghdr, of 64 bits and of 32. */
struct control {
	__u64 at;
	__u64 length;
};

static __always_inline bool read_control(struct control *control, __u64 message, bool is_narrow)
{
	__u32 narrow[2] = {0};

	if (!is_narrow)
		return bpf_probe_read_user(control, sizeof(*control), (void *)(message + 32)) == 0;
	if (bpf_probe_read_user(narrow, sizeof(narrow), (void *)(message + 16)) != 0)
		return false;
	control->at = narrow[0];
	control->length = narrow[1];
	return true;
}

/* Make @control the descriptors of its first message, or what follows that. Return: whether it has descriptors. */
static __always_inline bool is_rights(struct control *control, bool is_narrow)
{
	__u32 words[4] = {0}, header = is_narrow ? 12 : 16, unit = is_narrow ? 4 : 8, level, type;
	__u64 length;

	if (control->length <= header || bpf_probe_read_user(words, header, (void *)control->at) != 0)
		return false;
	level = is_narrow ? words[1] : words[2];
	type = is_narrow ? words[2] : words[3];
	if (level == SOL_SOCKET && type == SCM_RIGHTS && words[0] > header) {
		control->at += header;
		control->length = words[0] - header;
		return true;
	}
	length = (words[0] + unit - 1) / unit * unit;
	control->at += length;
	control->length = length < control->length ? control->length - length : 0;
	return false;
}

static __noinline void received_message(__u64 message, __u32 is_narrow)
{
	struct control control = {0};
	__s32 fd;

	if (!read_control(&control, message, is_narrow) || control.length == 0)
		return;
	/* There may be one before it, of SO_PASSCRED. */
	if (!is_rights(&control, is_narrow) && !is_rights(&control, is_narrow))
		return;
	for (__u32 i = 0; i < DESCRIPTORS_AT_ONCE && (i + 1) * sizeof(fd) <= control.length; i++)
		if (bpf_probe_read_user(&fd, sizeof(fd), (void *)(control.at + i * sizeof(fd))) == 0)
			received(fd);
}

#endif
