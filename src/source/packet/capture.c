// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/capture.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "system/remedy.h"

/*
 * The only file that uses libpcap's handles.
 *
 * A live capture uses immediate mode, because then the kernel shows each packet at once (libpcap uses TPACKET_V2). In
 * the other mode it shows blocks (TPACKET_V3), and the packets of an unfinished block are not available when the run
 * ends. The caller decides how often the capture is read.
 */

/* The longest filter program the kernel takes (linux/bpf_common.h, whose other names are those of libpcap). */
#ifndef BPF_MAXINSNS
#define BPF_MAXINSNS 4096
#endif

/* Time stamps outside this range are damage: seconds that fit nanoseconds in 63 bits. */
#define SECONDS_MAX INT64_C(9000000000)

struct capture {
	pcap_t *pcap;
	const char *name;
	capture_function function;
	void *context;
	int64_t last_ns;
	int fraction_ns;
	int link_type;
};

/* The available interfaces, as the remedy for a wrong name. */
static void interfaces_append(char *text, size_t size)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_if_t *all, *each;
	size_t used = strlen(text);

	if (pcap_findalldevs(&all, error) < 0)
		return;
	for (each = all; each != NULL && used < size; each = each->next) {
		/* Buses and sniffers of other kinds are not network interfaces. */
		if (strncmp(each->name, "usb", 3) == 0 || strncmp(each->name, "bluetooth", 9) == 0 ||
		    strncmp(each->name, "dbus", 4) == 0)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", each->name);
	}
	pcap_freealldevs(all);
}

static int activate_failed(const struct capture *capture, int status, struct err *err)
{
	char list[512] = "";

	switch (status) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		interfaces_append(list, sizeof(list));
		return err_set(err, ENODEV, "no interface \"%s\"; there are: %s", capture->name,
			       list[0] ? list : "none that may be listened on");
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return err_set(err, EPERM, "may not capture on \"%s\": %s", capture->name,
			       remedy_capture(list, sizeof(list)));
	case PCAP_ERROR_IFACE_NOT_UP:
		return err_set(err, ENETDOWN, "interface \"%s\" is not up: ip link set %s up", capture->name,
			       capture->name);
	default:
		return err_set(err, EIO, "cannot capture on \"%s\": %s", capture->name,
			       pcap_geterr(capture->pcap)[0] ? pcap_geterr(capture->pcap) : pcap_statustostr(status));
	}
}

static int check_link_type(struct capture *capture, struct err *err)
{
	const char *name;

	capture->link_type = pcap_datalink(capture->pcap);
	if (dissect_knows(capture->link_type))
		return 0;
	name = pcap_datalink_val_to_name(capture->link_type);
	return err_set(err, EPROTONOSUPPORT, "\"%s\": link type %s (%d) is not understood; " DISSECT_LINKS,
		       capture->name, name ? name : "unknown", capture->link_type);
}

static int set_live(struct capture *capture, const struct capture_config *config)
{
	int buffer_kib = config->buffer_kib > 0 ? config->buffer_kib : CAPTURE_BUFFER_KIB;
	pcap_t *pcap = capture->pcap;
	int status = pcap_set_snaplen(pcap, config->snaplen > 0 ? config->snaplen : CAPTURE_SNAPLEN);

	if (status == 0)
		status = pcap_set_promisc(pcap, config->promisc);
	if (status == 0)
		status = pcap_set_buffer_size(pcap, buffer_kib * 1024);
	if (status == 0)
		status = pcap_set_immediate_mode(pcap, 1);
	if (status == 0)
		status = pcap_set_timeout(pcap, 100);
	if (status == 0)
		status = pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
	/* Some interfaces count microseconds only. */
	if (status != 0 && status != PCAP_ERROR_TSTAMP_PRECISION_NOTSUP)
		return status;
	return pcap_activate(pcap);
}

/* One filter that accepts what both accept: the second begins where the first would accept. */
static int join(struct bpf_program *joined, const struct bpf_program *first, const struct bpf_program *second)
{
	unsigned int length = first->bf_len + second->bf_len;

	if (length > BPF_MAXINSNS)
		return -E2BIG;
	joined->bf_len = length;
	joined->bf_insns = xmalloc(length * sizeof(joined->bf_insns[0]));
	memcpy(joined->bf_insns, first->bf_insns, first->bf_len * sizeof(first->bf_insns[0]));
	memcpy(joined->bf_insns + first->bf_len, second->bf_insns, second->bf_len * sizeof(second->bf_insns[0]));
	for (unsigned int i = 0; i < first->bf_len; i++) {
		struct bpf_insn *instruction = &joined->bf_insns[i];

		if (instruction->code == (BPF_RET | BPF_K) && instruction->k != 0)
			*instruction = (struct bpf_insn){BPF_JMP | BPF_JA, 0, 0, first->bf_len - i - 1};
	}
	return 0;
}

/* Return: true when one of config.narrow can be installed. It is for speed, so that failure is allowed. */
static bool compile_narrow(struct bpf_program *program, const struct capture *capture,
			   const struct capture_config *config)
{
	for (size_t i = 0; i < config->narrow_count && config->narrow[i] != NULL; i++) {
		if (capture_compile(program, config->narrow[i], capture->link_type, false, NULL) != 0)
			continue;
		if (program->bf_len <= BPF_MAXINSNS)
			return true;
		pcap_freecode(program);
	}
	return false;
}

/* The requested filter must be installed; Return: 1, 0 for none, or a negative errno. */
static int compile_filter(struct bpf_program *program, const struct capture *capture,
			  const struct capture_config *config, bool is_narrow, struct err *err)
{
	const char *filter = config->filter;
	int got;

	/* Frames that surely hold no TCP need not be copied out of the kernel. */
	if (filter == NULL && !config->udp && !is_narrow)
		filter = config->names ? "not udp or udp src port 53" : "not udp";
	if (filter == NULL)
		return 0;
	got = capture_compile(program, filter, capture->link_type, false, config->filter ? err : NULL);
	if (got < 0)
		return config->filter ? got : 0;
	return 1;
}

static int live_filter(struct capture *capture, const struct capture_config *config, struct err *err)
{
	struct bpf_program narrow, asked, joined = {0};
	bool is_narrow = compile_narrow(&narrow, capture, config);
	int got = compile_filter(&asked, capture, config, is_narrow, err), rc = 0;
	struct bpf_program *program = got > 0 ? &asked : is_narrow ? &narrow : NULL;

	if (got > 0 && is_narrow && join(&joined, &narrow, &asked) == 0)
		program = &joined;
	if (got >= 0 && program != NULL && pcap_setfilter(capture->pcap, program) < 0)
		rc = err_set(err, CAPTURE_BAD_FILTER, "filter for \"%s\": %s", capture->name,
			     pcap_geterr(capture->pcap));
	free(joined.bf_insns);
	if (is_narrow)
		pcap_freecode(&narrow);
	if (got > 0)
		pcap_freecode(&asked);
	return got < 0 ? got : rc;
}

int capture_open_live(struct capture **result, const struct capture_config *config, struct err *err)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	struct capture *capture = xcalloc(1, sizeof(*capture));
	int status;

	capture->name = config->interface;
	capture->pcap = pcap_create(config->interface, error);
	if (capture->pcap == NULL) {
		free(capture);
		return err_set(err, EINVAL, "cannot capture on \"%s\": %s", config->interface, error);
	}
	status = set_live(capture, config);
	if (status < 0) {
		status = activate_failed(capture, status, err);
		goto fail;
	}
#ifdef DLT_LINUX_SLL2
	/* Gives the interface of each frame; only newer libpcap offers it. */
	if (pcap_datalink(capture->pcap) == DLT_LINUX_SLL && pcap_set_datalink(capture->pcap, DLT_LINUX_SLL2) < 0 &&
	    pcap_set_datalink(capture->pcap, DLT_LINUX_SLL) < 0) {
		status = err_set(err, EIO, "cannot capture on \"%s\": %s", capture->name, pcap_geterr(capture->pcap));
		goto fail;
	}
#endif
	status = check_link_type(capture, err);
	if (status == 0)
		status = live_filter(capture, config, err);
	if (status == 0 && pcap_setnonblock(capture->pcap, 1, error) < 0)
		status = err_set(err, EIO, "cannot capture on \"%s\": %s", capture->name, error);
	if (status < 0)
		goto fail;
	capture->fraction_ns = pcap_get_tstamp_precision(capture->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
	*result = capture;
	return 0;
fail:
	pcap_close(capture->pcap);
	free(capture);
	return status;
}

/* The head of a savefile of @link_type. Return: NULL when libpcap does not support it; else to be freed. */
static char *savefile_head(int link_type, size_t *length)
{
	pcap_t *dead = pcap_open_dead(link_type, 262144);
	char *head = NULL;
	FILE *file = open_memstream(&head, length);
	pcap_dumper_t *dumper = dead != NULL && file != NULL ? pcap_dump_fopen(dead, file) : NULL;

	if (dumper != NULL)
		pcap_dump_close(dumper);
	else if (file != NULL)
		fclose(file);
	if (dead != NULL)
		pcap_close(dead);
	return head;
}

/* libpcap compiles other filters for savefiles, and recognizes a savefile only by opening one. */
static pcap_t *open_savefile(int link_type)
{
	char error[PCAP_ERRBUF_SIZE];
	size_t length = 0;
	char *head = savefile_head(link_type, &length);
	FILE *file = length > 0 ? fmemopen(head, length, "r") : NULL;
	pcap_t *pcap = file != NULL ? pcap_fopen_offline(file, error) : NULL;
	int datalink = pcap != NULL ? pcap_datalink(pcap) : link_type;

	if (pcap == NULL && file != NULL)
		fclose(file);
	/* It has read everything. */
	free(head);
	if (datalink == link_type)
		return pcap;
	pcap_close(pcap);
	return NULL;
}

int capture_compile(struct bpf_program *program, const char *filter, int link_type, bool is_copy, struct err *err)
{
	pcap_t *pcap = is_copy ? open_savefile(link_type) : NULL;
	int got = 0;

	if (pcap == NULL)
		pcap = pcap_open_dead(link_type, 262144);
	if (pcap == NULL)
		return err_set(err, ENOMEM, "filter \"%s\": out of memory", filter);
	if (pcap_compile(pcap, program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0)
		got = err_set(err, CAPTURE_BAD_FILTER, "filter \"%s\": %s; see pcap-filter(7)", filter,
			      pcap_geterr(pcap));
	pcap_close(pcap);
	return got;
}

int capture_link_type(const struct capture *capture)
{
	return capture->link_type;
}

int capture_fd(const struct capture *capture)
{
	return pcap_get_selectable_fd(capture->pcap);
}

static void handle(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	struct capture *capture = (struct capture *)(void *)user;
	struct dissect_record record = {
		.data = data,
		.caplen = header->caplen,
		.length = header->len,
		.link_type = capture->link_type,
	};
	int64_t seconds = header->ts.tv_sec;

	/* A frame with a broken time stamp is given the time of the one before it. */
	if (seconds >= 0 && seconds < SECONDS_MAX)
		capture->last_ns = seconds * CLOCK_NS_PER_SEC + (int64_t)header->ts.tv_usec * capture->fraction_ns;
	record.time_ns = capture->last_ns;
	capture->function(capture->context, &record);
}

int capture_read(struct capture *capture, int count, capture_function function, void *context, struct err *err)
{
	int got;

	capture->function = function;
	capture->context = context;
	got = pcap_dispatch(capture->pcap, count, handle, (u_char *)capture);
	if (got > 0)
		return got;
	if (got == 0 || got == PCAP_ERROR_BREAK)
		return 0;
	return err_set(err, EIO, "\"%s\": %s", capture->name, pcap_geterr(capture->pcap));
}

void capture_stop(struct capture *capture)
{
	pcap_breakloop(capture->pcap);
}

/*
 * Not pcap_stats(3PCAP): that also opens files below /sys, which a confined process may not. The kernel resets its
 * counters at each call (packet(7)).
 */
int64_t capture_drops(struct capture *capture)
{
	struct tpacket_stats stats;
	socklen_t length = sizeof(stats);

	if (getsockopt(pcap_fileno(capture->pcap), SOL_PACKET, PACKET_STATISTICS, &stats, &length) < 0)
		return -1;
	return stats.tp_drops;
}
