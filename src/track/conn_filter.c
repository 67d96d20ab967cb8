// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/conn_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/words.h"
#include "base/xalloc.h"

/* Parse one element of a list, without its "!", into @to. */
typedef int element_parse(void *to, const char *word, bool exclude, struct err *err);

static int parse_port_element(void *to, const char *word, bool exclude, struct err *err)
{
	struct conn_filter_port port = {.exclude = exclude};
	int error = port_range_parse(word, &port.range, err);

	if (error == 0)
		memcpy(to, &port, sizeof(port));
	return error;
}

static int parse_net_element(void *to, const char *word, bool exclude, struct err *err)
{
	struct conn_filter_net net = {.exclude = exclude};
	int error = network_parse(word, &net.network, err);

	if (error == 0)
		memcpy(to, &net, sizeof(net));
	return error;
}

/* Append the elements of @list to the @count elements of @size bytes at @elements, all or nothing. */
static int parse_list(void *elements, size_t *count, size_t size, const char *list, element_parse *parse,
		      struct err *err)
{
	struct words words = words_open(list);
	char *word, *more = NULL;
	size_t added = 0;
	int error = 0;
	void *old;

	while (error == 0 && (word = words_next(&words)) != NULL) {
		bool exclude = word[0] == '!';

		if (exclude)
			word++;
		if (*word == '\0') {
			error = err_set(err, EINVAL, ERR_QUOTED " has an empty element", list);
			break;
		}
		more = array_extend(more, added, size);
		error = parse(more + added * size, word, exclude, err);
		added++;
	}
	if (error == 0 && more != NULL) {
		memcpy(&old, elements, sizeof(old));
		old = xreallocarray(old, *count + added, size);
		memcpy((char *)old + *count * size, more, added * size);
		memcpy(elements, &old, sizeof(old));
		*count += added;
	}
	free(more);
	words_close(&words);
	return error;
}

int conn_filter_parse_ports(struct conn_filter_ports *ports, const char *list, struct err *err)
{
	return parse_list(&ports->elements, &ports->count, sizeof(*ports->elements), list, parse_port_element, err);
}

int conn_filter_parse_nets(struct conn_filter_nets *nets, const char *list, struct err *err)
{
	return parse_list(&nets->elements, &nets->count, sizeof(*nets->elements), list, parse_net_element, err);
}

static bool ports_match(const struct conn_filter_ports *ports, uint16_t port)
{
	bool any_wanted = false, wanted = false;

	for (size_t i = 0; i < ports->count; i++) {
		const struct conn_filter_port *element = &ports->elements[i];
		bool inside = port_range_contains(&element->range, port);

		if (element->exclude && inside)
			return false;
		any_wanted |= !element->exclude;
		wanted |= !element->exclude && inside;
	}
	return wanted || !any_wanted;
}

bool conn_filter_nets_match(const struct conn_filter_nets *nets, const struct endpoint *address)
{
	bool any_wanted = false, wanted = false;

	for (size_t i = 0; i < nets->count; i++) {
		const struct conn_filter_net *element = &nets->elements[i];
		bool inside = network_contains(&element->network, address);

		if (element->exclude && inside)
			return false;
		any_wanted |= !element->exclude;
		wanted |= !element->exclude && inside;
	}
	return wanted || !any_wanted;
}

static bool family_match(const struct conn_filter *filter, const struct flow *flow)
{
	const struct endpoint *known = endpoint_has_ip(&flow->remote) ? &flow->remote : &flow->local;

	if (filter->v4 == filter->v6)
		return true;
	return endpoint_has_ip(known) && endpoint_is_v4(known) == filter->v4;
}

bool conn_filter_match(const struct conn_filter *filter, const struct conn *conn)
{
	return family_match(filter, &conn->flow) && (filter->dir == DIR_UNKNOWN || filter->dir == conn->dir) &&
	       ports_match(&filter->lport, conn->flow.local.port) &&
	       ports_match(&filter->rport, conn->flow.remote.port) &&
	       conn_filter_nets_match(&filter->peer, &conn->flow.remote) &&
	       process_choice_match(&filter->processes, conn->process) == CHOICE_YES;
}

bool conn_filter_is_empty(const struct conn_filter *filter)
{
	return filter->v4 == filter->v6 && filter->dir == DIR_UNKNOWN && filter->lport.count == 0 &&
	       filter->rport.count == 0 && filter->peer.count == 0 && process_choice_is_empty(&filter->processes);
}

void conn_filter_free(struct conn_filter *filter)
{
	free(filter->lport.elements);
	free(filter->rport.elements);
	free(filter->peer.elements);
	process_choice_free(&filter->processes);
	memset(filter, 0, sizeof(*filter));
}
