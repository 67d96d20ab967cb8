#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Thousands of connections a second: every one is counted, and no number is wrong, whatever had to be lost."""
import json
import subprocess

from lib import (CONNTRACE, STORM, Process, check, enter_namespace, equal, main, must, parse_rows, read_file, scratch,
                 short, test, wait_file)

CONNECTIONS = 10000
ADDRESSES = ["127.0.0.%d" % n for n in range(1, 5)]


@test("launched server: all counted, for each peer; bytes exact or unknown; nothing lost unsaid")
def storm():
    port, out = scratch("port"), scratch("rows")
    trace = Process([CONNTRACE, "-z", "peers", "-z", "conns", "--format=json", "-o", out, "--", STORM, "server",
                     "port-file=" + port, "connections=%d" % CONNECTIONS], stdout=subprocess.DEVNULL)
    client = json.loads(must([STORM, "client", "port=" + wait_file(port), "connections=%d" % CONNECTIONS,
                              "sources=" + ",".join(ADDRESSES)], limit=60))
    equal(client["rx_bytes"], 200 * CONNECTIONS, "what the client received")
    equal(trace.wait(60), 0, "exit status (%s)" % trace.err)
    rows = parse_rows(read_file(out))
    peers = {row["peer"]: row for row in rows if row["report"] == "peers"}
    conns = [row for row in rows if row["report"] == "conns"]
    equal(sorted(peers), ADDRESSES, "peers")
    equal([(peers[a]["conns"], peers[a]["ok"], peers[a]["fail"]) for a in ADDRESSES if a in peers],
          [(CONNECTIONS // 4, CONNECTIONS // 4, 0)] * 4, "CONNS, OK, FAIL")
    equal(len(conns), CONNECTIONS, "rows")
    for row in conns:
        check(row["rx_bytes"] in (100, None) and row["tx_bytes"] in (200, None) and
              (row["state"], row["close"]) in (("closed", "lfin"), ("closed", None), (None, None)), short(row))
    unknown = len([row for row in conns if row["rx_bytes"] is None or row["tx_bytes"] is None])
    lost = rows.summary["lost"]
    print("# %d of %d connections without bytes; lost: %s" % (unknown, CONNECTIONS, lost))
    check(unknown <= CONNECTIONS // 100 or any(lost.values()), "%d unknown, and nothing said to be lost" % unknown)


if __name__ == "__main__":
    enter_namespace()
    main()
