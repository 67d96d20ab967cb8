// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What reading a savefile costs by itself: libpcap hands every packet to a
 * function that only counts. The measure of bench/run for savefiles.
 *
 *   emptyloop FILE
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>

struct sum {
	uint64_t packets, bytes;
};

static void count(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	struct sum *sum = (struct sum *)(void *)user;

	(void)data;
	sum->packets++;
	sum->bytes += header->len;
}

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	struct sum sum = {0};
	pcap_t *pcap = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;

	if (pcap == NULL) {
		fprintf(stderr, "emptyloop FILE: %s\n", error);
		return 2;
	}
	if (pcap_loop(pcap, -1, count, (u_char *)&sum) < 0) {
		fprintf(stderr, "emptyloop: %s\n", pcap_geterr(pcap));
		return 1;
	}
	printf("%" PRIu64 " packets, %" PRIu64 " bytes\n", sum.packets, sum.bytes);
	pcap_close(pcap);
	return 0;
}
