/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_PORT_RANGE_H
#define CONNTRACE_MODEL_PORT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/**
 * struct port_range - TCP ports
 * @low: first port, in host byte order
 * @high: last port
 */
struct port_range {
	uint16_t low;
	uint16_t high;
};

/**
 * port_range_parse() - "80", "8000-8080", or a name of services(5) for TCP
 * @word: the text
 * @range: set on success only
 * @err: quotes the word
 *
 * Return: 0 or -EINVAL.
 */
int port_range_parse(const char *word, struct port_range *range, struct err *err);

/** port_range_contains() - whether it contains the port */
static inline bool port_range_contains(const struct port_range *range, uint16_t port)
{
	return port >= range->low && port <= range->high;
}

#endif
