// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/xalloc.h"

/** Longest word a message quotes. */
#define QUOTE 100

/* One element of a list, "!" already taken off, into a new element at @to. */
typedef int element_parse(void *to, const char *word, bool exclude, struct err *err);

static int parse_port(const char *word, uint16_t *port, struct err *err)
{
	int64_t number;

	if (number_parse(word, 1, UINT16_MAX, &number) != 0)
		return err_set(err, EINVAL,
			       "\"%.*s\" is not a port; allowed are 1 to 65535, ranges a-b and service names", QUOTE,
			       word);
	*port = (uint16_t)number;
	return 0;
}

static int parse_port_element(void *to, const char *word, bool exclude, struct err *err)
{
	struct filter_port port = {.exclude = exclude};
	char low[16];
	const char *dash;
	int error;

	if (!isdigit((unsigned char)word[0]) && word[0] != '-' && word[0] != '+') {
		const struct servent *service = getservbyname(word, "tcp");

		if (service == NULL)
			return err_set(err, EINVAL,
				       "\"%.*s\" is neither a port nor a TCP service that services(5) knows", QUOTE,
				       word);
		port.low = port.high = ntohs((uint16_t)service->s_port);
		memcpy(to, &port, sizeof(port));
		return 0;
	}
	dash = strchr(word + 1, '-');
	if (dash == NULL || (size_t)(dash - word) >= sizeof(low)) {
		error = parse_port(word, &port.low, err);
		port.high = port.low;
	} else {
		memcpy(low, word, (size_t)(dash - word));
		low[dash - word] = '\0';
		error = parse_port(low, &port.low, err);
		if (error == 0)
			error = parse_port(dash + 1, &port.high, err);
		if (error == 0 && port.low > port.high)
			error = err_set(err, EINVAL, "\"%.*s\" is an empty range; the smaller port comes first", QUOTE,
					word);
	}
	if (error == 0)
		memcpy(to, &port, sizeof(port));
	return error;
}

static int parse_net_element(void *to, const char *word, bool exclude, struct err *err)
{
	const char *slash = strchr(word, '/');
	struct filter_net net = {.exclude = exclude};
	char address[ENDPOINT_TEXT + 2], masked[ENDPOINT_TEXT];
	size_t length = slash != NULL ? (size_t)(slash - word) : strlen(word);
	struct endpoint given;
	int64_t most, bits;

	if (length >= sizeof(address))
		length = sizeof(address) - 1;
	memcpy(address, word, length);
	address[length] = '\0';
	if (endpoint_parse(&given, address) != 0)
		return err_set(err, EINVAL, "\"%.*s\" is not an IPv4 or IPv6 address or network ADDRESS/BITS", QUOTE,
			       word);
	most = endpoint_is_v4(&given) ? 32 : 128;
	bits = most;
	if (slash != NULL && number_parse(slash + 1, 0, most, &bits) != 0)
		return err_set(err, EINVAL, "\"%.*s\" has no prefix length that fits; allowed are /0 to /%d", QUOTE,
			       word, (int)most);
	net.net = given;
	net.bits = (uint8_t)bits;
	endpoint_mask(&net.net, net.bits);
	if (!endpoint_ip_equal(&net.net, &given))
		return err_set(err, EINVAL, "\"%.*s\" has host bits set; the network is %s/%d, the address alone %s",
			       QUOTE, word, endpoint_ip_text(&net.net, masked), (int)bits, address);
	memcpy(to, &net, sizeof(net));
	return 0;
}

/* Append the elements of @list to the @count elements of @size bytes at @elements, all or nothing. */
static int parse_list(void *elements, size_t *count, size_t size, const char *list, element_parse *parse,
		      struct err *err)
{
	char *words = xstrdup(list), *rest = words, *word, *more = NULL;
	size_t added = 0;
	int error = 0;
	void *old;

	while (error == 0 && (word = strsep(&rest, ",")) != NULL) {
		bool exclude = word[0] == '!';

		if (exclude)
			word++;
		if (*word == '\0') {
			error = err_set(err, EINVAL, "\"%.*s\" has an empty element", QUOTE, list);
			break;
		}
		more = xreallocarray(more, added + 1, size);
		error = parse(more + added * size, word, exclude, err);
		added++;
	}
	if (error == 0) {
		memcpy(&old, elements, sizeof(old));
		old = xreallocarray(old, *count + added, size);
		memcpy((char *)old + *count * size, more, added * size);
		memcpy(elements, &old, sizeof(old));
		*count += added;
	}
	free(more);
	free(words);
	return error;
}

int filter_parse_ports(struct filter_ports *ports, const char *list, struct err *err)
{
	return parse_list(&ports->elements, &ports->count, sizeof(*ports->elements), list, parse_port_element, err);
}

int filter_parse_nets(struct filter_nets *nets, const char *list, struct err *err)
{
	return parse_list(&nets->elements, &nets->count, sizeof(*nets->elements), list, parse_net_element, err);
}

static bool ports_match(const struct filter_ports *ports, uint16_t port)
{
	bool any_wanted = false, wanted = false;

	for (size_t i = 0; i < ports->count; i++) {
		const struct filter_port *element = &ports->elements[i];
		bool inside = port >= element->low && port <= element->high;

		if (element->exclude && inside)
			return false;
		any_wanted |= !element->exclude;
		wanted |= !element->exclude && inside;
	}
	return wanted || !any_wanted;
}

static bool net_contains(const struct filter_net *net, const struct endpoint *address)
{
	struct endpoint masked = *address;

	if (endpoint_is_v4(&net->net) != endpoint_is_v4(address))
		return false;
	endpoint_mask(&masked, net->bits);
	return endpoint_ip_equal(&masked, &net->net);
}

static bool nets_match(const struct filter_nets *nets, const struct endpoint *address)
{
	bool any_wanted = false, wanted = false;

	for (size_t i = 0; i < nets->count; i++) {
		const struct filter_net *element = &nets->elements[i];
		bool inside = endpoint_has_ip(address) && net_contains(element, address);

		if (element->exclude && inside)
			return false;
		any_wanted |= !element->exclude;
		wanted |= !element->exclude && inside;
	}
	return wanted || !any_wanted;
}

static bool family_match(const struct filter *filter, const struct flow *flow)
{
	const struct endpoint *known = endpoint_has_ip(&flow->remote) ? &flow->remote : &flow->local;

	if (filter->v4 == filter->v6)
		return true;
	return endpoint_has_ip(known) && endpoint_is_v4(known) == filter->v4;
}

bool filter_match(const struct filter *filter, const struct conn *conn)
{
	return family_match(filter, &conn->flow) && (filter->dir == DIR_UNKNOWN || filter->dir == conn->dir) &&
	       ports_match(&filter->lport, conn->flow.local.port) &&
	       ports_match(&filter->rport, conn->flow.remote.port) && nets_match(&filter->peer, &conn->flow.remote);
}

bool filter_is_empty(const struct filter *filter)
{
	return filter->v4 == filter->v6 && filter->dir == DIR_UNKNOWN && filter->lport.count == 0 &&
	       filter->rport.count == 0 && filter->peer.count == 0;
}

void filter_free(struct filter *filter)
{
	free(filter->lport.elements);
	free(filter->rport.elements);
	free(filter->peer.elements);
	memset(filter, 0, sizeof(*filter));
}
