// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/message.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <string.h>

#include "system/tcp_info.h"

static int message_endpoint(struct endpoint *endpoint, int family, const uint32_t address[4], uint16_t port)
{
	if (family == AF_INET) {
		struct in_addr v4 = {.s_addr = address[0]};

		*endpoint = endpoint_v4(v4, ntohs(port));
		return 0;
	}
	if (family == AF_INET6) {
		struct in6_addr v6;

		memcpy(&v6, address, sizeof(v6));
		*endpoint = endpoint_v6(&v6, ntohs(port));
		return 0;
	}
	return -EBADMSG;
}

/*
 * The upper layer protocol of the socket (Linux 5.4; without CAP_NET_ADMIN its name is given since 6.15). It is removed
 * when the socket is destroyed, so final counters do not have it.
 */
static bool is_mptcp(const struct nlattr *upper)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute, upper)
	{
		if (mnl_attr_get_type(attribute) == INET_ULP_INFO_NAME)
			return mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0 &&
			       strcmp(mnl_attr_get_str(attribute), "mptcp") == 0;
	}
	return false;
}

static int32_t message_queue(uint32_t length)
{
	return length <= INT32_MAX ? (int32_t)length : EVENT_UNKNOWN;
}

int message_to_event(struct event *event, const struct nlmsghdr *header, int64_t time_ns)
{
	struct event result = event_new(EVENT_INFO, ORIGIN_KERNEL, time_ns);
	struct event_info *info = &result.info;
	const struct nlattr *attribute;
	const struct nlattr *counters = NULL, *upper = NULL, *congestion = NULL;
	struct inet_diag_msg message;
	uint8_t v6only = 0;
	const char *end;

	if ((header->nlmsg_type != SOCK_DIAG_BY_FAMILY && header->nlmsg_type != TCPDIAG_GETSOCK) ||
	    mnl_nlmsg_get_payload_len(header) < sizeof(message))
		return -EBADMSG;
	memcpy(&message, mnl_nlmsg_get_payload(header), sizeof(message));
	if (message_endpoint(&result.flow.local, message.idiag_family, message.id.idiag_src, message.id.idiag_sport) ||
	    message_endpoint(&result.flow.remote, message.idiag_family, message.id.idiag_dst, message.id.idiag_dport))
		return -EBADMSG;
	end = mnl_nlmsg_get_payload_tail(header);
	for (attribute = mnl_nlmsg_get_payload_offset(header, sizeof(message));
	     mnl_attr_ok(attribute, (int)(end - (const char *)attribute)); attribute = mnl_attr_next(attribute)) {
		if (mnl_attr_get_type(attribute) == INET_DIAG_INFO)
			counters = attribute;
		else if (mnl_attr_get_type(attribute) == INET_DIAG_CONG)
			congestion = attribute;
		else if (mnl_attr_get_type(attribute) == INET_DIAG_ULP_INFO)
			upper = attribute;
		else if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY &&
			 mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0)
			v6only = mnl_attr_get_u8(attribute);
	}
	tcp_info_unknown(info);
	info->reason = INFO_SAMPLE;
	if (counters != NULL)
		tcp_info_to_event(info, mnl_attr_get_payload(counters), mnl_attr_get_payload_len(counters));
	info->state = message.idiag_state;
	info->cookie = (uint64_t)message.id.idiag_cookie[1] << 32 | message.id.idiag_cookie[0];
	info->inode = message.idiag_inode;
	info->device = message.id.idiag_if;
	info->v6only = v6only;
	info->mptcp = upper != NULL && is_mptcp(upper) ? MPTCP_PART : MPTCP_NO;
	/*
	 * Counters are always requested, so a socket without them is a mini socket, whose queues and owner the kernel
	 * fills with zeroes. A socket without inode has no owner any more, and its uid 0 does not mean root.
	 */
	if (counters != NULL) {
		info->rqueue = message_queue(message.idiag_rqueue);
		info->wqueue = message_queue(message.idiag_wqueue);
		if (!tcp_info_had_peer(mnl_attr_get_payload(counters), mnl_attr_get_payload_len(counters)))
			info->listener = 0;
		if (info->measures.known && congestion != NULL &&
		    mnl_attr_validate(congestion, MNL_TYPE_NUL_STRING) >= 0)
			info->measures.congestion = measures_congestion_number(mnl_attr_get_str(congestion));
		if (message.idiag_inode != 0)
			info->uid = message.idiag_uid;
	}
	*event = result;
	return 0;
}

const char *message_remedy(int error)
{
	if (error < 0)
		error = -error;
	if (error == EPERM || error == EACCES)
		return "a sandbox or container forbids it here (seccomp, SELinux); run conntrace outside of that";
	if (error == EMFILE)
		return "the limit of open files is too low (ulimit -n)";
	if (error == ENFILE || error == ENOMEM || error == ENOBUFS)
		return "this host, or a limit of conntrace, has no room for it now";
	return "the kernel needs CONFIG_INET_DIAG (modules inet_diag and tcp_diag)";
}
