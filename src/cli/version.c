// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/version.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <seccomp.h>

#include "base/errno_name.h"
#include "config.h"
#include "source/audit/audit_log.h"
#include "source/bpf/programs.h"
#include "system/file_stream.h"
#ifdef HAVE_NCURSES
#include <curses.h>
#endif

void version_print(FILE *to)
{
	const struct scmp_version *seccomp = seccomp_version();

	fprintf(to, "conntrace %s\n", PACKAGE_VERSION);
	/* "libpcap version 1.10.3 (with TPACKET_V3)": it names itself. */
	fprintf(to, "%s\n", pcap_lib_version());
	if (seccomp != NULL)
		fprintf(to, "libseccomp %u.%u.%u\n", seccomp->major, seccomp->minor, seccomp->micro);
	fprintf(to, "compressed savefiles: %s\n", file_stream_formats());
#ifdef HAVE_AUDIT
	fputs("libaudit " AUDIT_VERSION "\n", to);
#else
	fprintf(to, "without libaudit: no --via=audit, no --audit-log%s\n",
		errno_name(ECONNREFUSED) == NULL ? ", errno values are numbers" : "");
#endif
#ifdef HAVE_NCURSES
	fprintf(to, "%s\n", curses_version());
#else
	fputs("without ncurses: --top prints plain lines\n", to);
#endif
	if (programs_built_in())
		fprintf(to, "libbpf %s\n", programs_version());
	else
		fputs("without libbpf: no --via=bpf\n", to);
	fprintf(to, "sources: ptrace, %ssock_diag, breakpoints, %spackets, savefiles, recordings, logs of %sstrace\n",
		programs_built_in() ? "bpf, " : "", audit_log_is_built() ? "audit, " : "",
		audit_log_is_built() ? "audit and " : "");
}
