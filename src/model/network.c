// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/network.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

int network_parse(const char *word, struct network *network, struct err *err)
{
	const char *slash = strchr(word, '/');
	char address[ENDPOINT_TEXT + 2], masked[ENDPOINT_TEXT];
	size_t length = slash != NULL ? (size_t)(slash - word) : strlen(word);
	struct network parsed;
	struct endpoint given;
	int64_t most, bits;

	if (length >= sizeof(address))
		length = sizeof(address) - 1;
	memcpy(address, word, length);
	address[length] = '\0';
	if (endpoint_parse(&given, address) != 0)
		return err_set(err, EINVAL, ERR_QUOTED " is not an IPv4 or IPv6 address or network ADDRESS/BITS", word);
	most = endpoint_is_v4(&given) ? 32 : 128;
	bits = most;
	if (slash != NULL && number_parse(slash + 1, 0, most, &bits) != 0)
		return err_set(err, EINVAL, ERR_QUOTED " has no prefix length that fits; allowed are /0 to /%d", word,
			       (int)most);
	parsed.net = given;
	parsed.bits = (uint8_t)bits;
	endpoint_mask(&parsed.net, parsed.bits);
	if (!endpoint_ip_equal(&parsed.net, &given))
		return err_set(err, EINVAL, ERR_QUOTED " has host bits set; the network is %s/%d, the address alone %s",
			       word, endpoint_ip_exact(&parsed.net, masked), (int)bits, address);
	*network = parsed;
	return 0;
}

bool network_contains(const struct network *network, const struct endpoint *address)
{
	struct endpoint masked = *address;

	if (!endpoint_has_ip(address) || endpoint_is_v4(&network->net) != endpoint_is_v4(address))
		return false;
	endpoint_mask(&masked, network->bits);
	return endpoint_ip_equal(&masked, &network->net);
}
