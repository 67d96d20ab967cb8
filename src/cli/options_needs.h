/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTIONS_NEEDS_H
#define CONNTRACE_CLI_OPTIONS_NEEDS_H

#include "cli/options.h"

/*
 * What the outputs need, so that nothing is read that none of them shows. Words are searched anywhere in the lists of
 * columns and keys: what is found in vain costs time, and no output lacks anything.
 */

/** options_needs() - set @payload, @names, @measures, @details and @closers of parsed options */
void options_needs(struct options *options);

/** options_needs_payload() - whether an output of this run needs the payload of packets */
bool options_needs_payload(const struct options *options);

#endif
