# SPDX-License-Identifier: GPL-2.0-or-later
"""What network.py plays, and the columns that may be unknown: in each mode, with clients on this host and on another one."""

COUNT = 20
AS_USER = ("launched", "watch-close", "attached", "diag")
MODES = AS_USER + ("bpf",)
PLACES = ("loopback", "network")
COLUMNS = ("start", "dur_s", "result", "hs_ms", "rx_bytes", "tx_bytes", "retrans", "close", "pid", "tid", "fd")
# What only samples, or calls, show of a connection that lived between two samples.
SAMPLED = ("dur_s", "hs_ms", "close", "tid", "fd")


class Case:
    """What server and client do; bytes received and sent by the server; the side that ended it.

    Keywords are the columns that may be unknown, and those that are known all the same: by mode, or by mode and place.
    """

    def __init__(self, name, server, client, moved, ended, **unknown):
        self.name, self.server, self.client, self.moved, self.ended = name, server, client, moved, ended
        self.table = unknown

    def unknown(self, mode, place):
        """The columns that may be unknown."""
        columns = SAMPLED + (("rx_bytes",) if place == "network" else ()) if mode == "diag" else ()
        key = mode.replace("-", "_")
        columns += self.table.get(key, ()) + self.table.get(key + "_" + place, ())
        known = self.table.get(key + "_known", ()) + self.table.get(key + "_" + place + "_known", ())
        return tuple(column for column in columns if column not in known)


CASES = (
    # Whether the last byte received is the peer's FIN is in no counter.
    Case("the peer closes first", "recv=100 send=50 recv-all close", "send=100 recv=50 close", (100, 50), "rfin",
         launched_network=("rx_bytes", "close")),
    # Without a shutdown(2) the TIME_WAIT socket proves it: this needs the stop.
    Case("the server closes first", "recv=100 send=50 close", "send=100 recv-all close", (100, 50), "lfin",
         diag_network_known=("close",)),
    Case("the server half-closes, reads on, and closes", "recv=100 send=50 shutdown recv-all close",
         "send=100 recv-all send=30 close", (130, 50), "lfin", launched_network=("rx_bytes",),
         diag_network_known=("close",)),
    Case("the server resets (SO_LINGER)", "recv=100 send=50 wait-bytes=1 rst", "send=100 recv=50 send=1 recv-all close",
         (101, 50), "lrst"),
    # The RST may come before or after close(2).
    Case("the peer resets", "recv=100 send=50 recv-all close", "send=100 recv=50 rst", (100, 50), "rrst",
         launched=("rx_bytes", "close"), watch_close=("close",), attached=("close",), diag_loopback=("rx_bytes",)),
    # The connection may be reset before it is accepted.
    Case("the peer resets before an answer", "recv-all close", "send=100 rst", (100, 0), "rrst", diag_known=("hs_ms",),
         launched=("rx_bytes", "close"), watch_close=("close",), attached=("close",), diag_loopback=("rx_bytes",)),
)

HEAD = """
## On a network

The same server with its clients on this host (loopback), and on another one (network: a second network namespace at the end
of a veth pair); tests/live/network.py compares each row with a capture on the clients' side. On this host both ends of a
connection end, and the counters of one explain the other's. `ok`: START, DUR_S, RESULT, HS_MS, RX_BYTES, TX_BYTES, RETRANS, CLOSE,
PID, TID and FD are right; those that are named may be `-`, and RX_LEAST is then the bytes or one byte less. By `diag` each connection
begins and ends between two samples. By `bpf` tests/live/bpf_network.py plays the cases, as root.
"""


BY_DIAG = """
By `diag`, what a connection shows that no sample has seen are the counters of its end, in a message of the kernel:

| column | why it is unknown |
| --- | --- |
| DUR_S | the message has the time of no event but the last payload in each direction; START is the time of the message |
| HS_MS | the counters have the smoothed round trip, of which the handshake was the first of several samples, and the smallest one; known if nothing was sent |
| RTT_MS | the acknowledgement of a FIN may distort the smoothed round trip; MINRTT_MS has the smallest one |
| CLOSE, STATE | the state is CLOSE in every message; of a connection with another host that the targets accepted, the TIME_WAIT socket proves that this side closed first: the peer can't have used the same ports again, because it would be in TIME_WAIT otherwise; if there is none, a RST may have removed it |
| RX_BYTES | a FIN counts as a byte: without the other end on this host, RX_LEAST is the bytes or one byte less; known if the TIME_WAIT socket still waits for the FIN |
| RPORT, TX_BYTES, RETRANS | unknown only of a connection that SO_LINGER made a reset: the kernel clears them before the message; the row has the listener and the peer's address |
| TID, FD | the message names no thread and no descriptor, and both are gone |
| LAST_PID | as TID; it is known if a sample finds the connection |
| QUEUE_MS | no counter has the time of accept(2) |
| PID | known if one process alone holds the listener, or one alone of up to 32 holders has run meanwhile; if several have run, nothing tells which has accepted, and what they have in common is reported |
| outgoing connections | the message names no process: those that no sample has seen are counted, and attempts that failed with their other end |
"""


def coverage():
    """Return: lines for doc/COVERAGE.md."""
    ways = [(mode, place) for mode in MODES for place in PLACES]
    lines = HEAD.strip().splitlines() + [""]
    lines.append("| case | " + " | ".join("%s, %s" % (mode.replace("watch-close", "launched, `--watch-close`"), place)
                                          for mode, place in ways) + " |")
    lines.append("| --- |" + " --- |" * len(ways))
    for case in CASES:
        cells = ["/".join(column.upper() for column in COLUMNS if column in case.unknown(*way)) or "ok" for way in ways]
        lines.append("| %s | %s |" % (case.name, " | ".join(cells)))
    return lines + BY_DIAG.splitlines() + [""]
