// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/measures.h"

#include <stddef.h>
#include <string.h>

/* Those of Linux 2.6 to 6.18 (net/ipv4/tcp_*.c), of Google's trees, and of its examples for BPF. */
const char *const measures_congestion[] = {
	"unknown",  "cubic", "reno", "bbr",    "dctcp",     "dctcp-reno", "bic",    "cdg",  "highspeed",
	"htcp",     "hybla", "lp",   "nv",     "scalable",  "vegas",      "veno",   "yeah", "illinois",
	"westwood", "bbr2",  "bbr3", "prague", "bpf_cubic", "bpf_dctcp",  "bpf_cc", NULL,
};

uint8_t measures_congestion_number(const char *name)
{
	for (uint8_t i = 1; measures_congestion[i] != NULL; i++)
		if (strcmp(name, measures_congestion[i]) == 0)
			return i;
	return 0;
}

const char *measures_congestion_name(uint8_t number)
{
	return number > 0 && number < sizeof(measures_congestion) / sizeof(measures_congestion[0]) - 1
		       ? measures_congestion[number]
		       : NULL;
}
