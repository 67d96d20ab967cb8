// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/debug.h"

#include <stdio.h>

#include "base/escape.h"
#include "model/event_redact.h"
#include "model/event_text.h"

static void tell(const char *source, const char *how)
{
	char text[4 * 256];

	escape_message(text, sizeof(text), how);
	fprintf(stderr, "conntrace: debug: %s: %s\n", source, text);
}

static const char *describe_calls(const struct options *options)
{
	if (options_samples(options))
		return "no process stops; sockets are sampled";
	if (options->via == OPTIONS_VIA_BPF)
		return "no process stops; BPF programs report";
	if (options->via == OPTIONS_VIA_AUDIT)
		return "no process stops; the kernel's audit reports";
	if (options->command != NULL && !options->no_filter && options->follow)
		return options->pid_count > 0 ? "command under a system-call filter, processes at every call"
					      : "command under a system-call filter";
	return options->command != NULL || options->pid_count > 0 ? "every call stops" : "no process is traced";
}

void debug_sources(const struct options *options, const struct sources *sources)
{
	if (!(options->debug & OPTIONS_DEBUG_SOURCES))
		return;
	tell("calls", describe_calls(options));
	tell("kernel", sources_destroy(sources) != NULL ? "destroyed sockets are reported"
							: "destroyed sockets are not reported");
	tell("wire", options->read != NULL          ? "savefile"
		     : sources_has_packets(sources) ? "capture"
						    : "no packets; handshake times are the kernel's");
	if (options->replay != NULL)
		tell("recording", options->replay);
	fprintf(stderr, "conntrace: debug: events are held for %lld ms\n",
		(long long)(sources_hold_ns(sources) / 1000000));
}

void debug_event(const struct event *event)
{
	struct event shown = *event;
	char text[EVENT_TEXT_SIZE];

	if (event_redact(&shown) && event_to_text(&shown, text, sizeof(text)) > 0)
		fprintf(stderr, "conntrace: debug: %s\n", text);
}
