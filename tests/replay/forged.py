#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Segments that a live connection does not accept, and ports that are used again: who has which segment (TAP).

RFC 5961 and RFC 9293, 3.10.7.4: a SYN with the ends of a connection does not end it. Its answer is an ACK with the
numbers of that connection, until its sender shows that it is serious about a new one.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from frames import ACK, FIN, PSH, RST, SYN, Capture, Talk  # noqa: E402
from lib import CONNTRACE, equal, main, scratch, test  # noqa: E402

FAR = 900000000


def data(talk):
    talk.up(PSH | ACK, b"q" * 100)
    talk.down(PSH | ACK, b"a" * 300)
    talk.up(ACK)


def opened(talk):
    talk.open()
    data(talk)


def goes_on(talk):
    data(talk)
    talk.close()


def beside(talk, number, answer=5000000):
    """Another talk of the same ends, with other numbers."""
    return Talk(talk.capture, cport=talk.ends[1], cseq=talk.seq[0] + number, sseq=talk.seq[1] + answer)


def whole(talk, **how):
    talk.open(**how)
    data(talk)
    talk.close()


def far(talk):
    opened(talk)
    beside(talk, FAR).up(SYN)
    talk.down(ACK)
    goes_on(talk)


def without_challenge(talk):
    opened(talk)
    beside(talk, FAR).up(SYN)
    goes_on(talk)


def in_window(talk):
    opened(talk)
    beside(talk, 300).up(SYN)
    talk.down(ACK)
    goes_on(talk)


def below(talk):
    """An old duplicate of a former connection."""
    opened(talk)
    beside(talk, -30000).up(SYN)
    talk.down(ACK)
    goes_on(talk)


def flood(talk):
    opened(talk)
    for number in range(20):
        beside(talk, FAR + number * 7777777).up(SYN)
        talk.down(ACK)
        data(talk)
    talk.close()


def resent(talk):
    """The forger insists."""
    opened(talk)
    other = beside(talk, FAR)
    begin = other.seq[0]
    for _ in range(3):
        other.up(SYN, seq=begin, after=1)
        talk.down(ACK)
        data(talk)
    talk.close()


def of_server(talk):
    opened(talk)
    beside(talk, FAR).down(SYN)
    talk.up(ACK)
    goes_on(talk)


def synack(talk):
    opened(talk)
    beside(talk, FAR).down(SYN | ACK)
    talk.up(ACK)
    goes_on(talk)


def synack_in_window(talk):
    opened(talk)
    beside(talk, 0, 1000).down(SYN | ACK)
    talk.up(ACK)
    goes_on(talk)


def in_handshake(talk):
    talk.up(SYN)
    talk.down(SYN | ACK)
    beside(talk, FAR).up(SYN)
    talk.down(ACK)
    talk.up(ACK)
    goes_on(talk)


def in_middle(talk):
    """The handshake was not captured."""
    data(talk)
    beside(talk, FAR).up(SYN)
    talk.down(ACK)
    goes_on(talk)


def one_way(talk):
    """Nor were the segments of the server."""
    talk.up(SYN)
    talk.seq[1] += 1
    talk.up(ACK)
    talk.up(PSH | ACK, b"q" * 50)
    beside(talk, FAR).up(SYN)
    talk.up(PSH | ACK, b"q" * 50)
    talk.up(FIN | ACK)


def after_pause(talk):
    opened(talk)
    beside(talk, FAR).up(SYN, after=300)
    talk.down(ACK)
    data(talk)
    beside(talk, FAR).up(SYN, after=300)
    talk.down(ACK)
    goes_on(talk)


def rejected_between(talk):
    """A firewall answers the odd SYN with a RST."""
    opened(talk)
    beside(talk, FAR).up(SYN)
    beside(talk, FAR + 1).down(RST | ACK, seq=0)
    goes_on(talk)


def rst(talk):
    opened(talk)
    talk.up(RST, seq=talk.seq[0] + FAR)
    talk.down(RST | ACK, seq=talk.seq[1] + FAR)
    talk.down(ACK)
    goes_on(talk)


def fin(talk):
    opened(talk)
    talk.up(FIN | ACK, seq=talk.seq[0] + FAR)
    talk.down(ACK)
    goes_on(talk)


def challenged(talk, other):
    """The SYN of other is answered by talk's connection, which a RST ends; the SYN is sent again."""
    other.up(SYN)
    talk.down(ACK)
    talk.up(RST)
    other.up(SYN, seq=other.seq[0] - 1, after=1)
    other.down(SYN | ACK)
    other.up(ACK)
    goes_on(other)


def rebooted(talk):
    """The client knows nothing of the connection: the challenge is answered by a RST, and the SYN is sent again."""
    opened(talk)
    other = beside(talk, FAR)
    challenged(talk, other)


def forgotten(talk):
    """The server knows nothing of it."""
    opened(talk)
    whole(beside(talk, FAR))


def forgotten_one_way(talk):
    opened(talk)
    other = beside(talk, FAR)
    other.up(SYN)
    other.seq[1] += 1
    other.up(ACK)
    other.up(PSH | ACK, b"q" * 50)


def time_wait(talk):
    whole(talk)
    whole(beside(talk, FAR), after=0.5)


def time_wait_near(talk):
    whole(talk)
    whole(beside(talk, 1000, 1000), after=0.5)


def time_wait_refuses(talk):
    """The number is lower than that of the former connection, which answers."""
    whole(talk)
    other = beside(talk, -FAR)
    challenged(talk, other)


def time_wait_silent(talk):
    whole(talk)
    beside(talk, -FAR).up(SYN)
    talk.down(ACK)


def last_ack_lost(talk):
    """The server repeats its FIN between the SYN and its answer."""
    whole(talk)
    other = beside(talk, FAR)
    other.up(SYN)
    talk.down(FIN | ACK, seq=talk.seq[1] - 1)
    other.down(SYN | ACK)
    other.up(ACK)
    goes_on(other)


def reset_and_again(talk):
    opened(talk)
    talk.up(RST)
    whole(beside(talk, FAR))


def reset_and_again_near(talk):
    opened(talk)
    talk.up(RST)
    whole(beside(talk, 2000, 3000))


def other_way(talk):
    """The server opens the next one, on the same ports."""
    whole(talk)
    other = beside(talk, FAR)
    other.down(SYN)
    other.up(SYN | ACK)
    other.down(ACK)
    data(other)


GOOD = ("ok", 100, 300, "rfin", 6, 3)
LONE = ("pending", 0, 0, None, 1, 0)

# conversation; RESULT, RX_BYTES, TX_BYTES, CLOSE, RX_PKTS, TX_PKTS of each row, in the order of their beginning
TALKS = (
    (far, [("ok", 200, 600, "rfin", 8, 5), LONE]),
    (without_challenge, [("ok", 200, 600, "rfin", 8, 4), LONE]),
    (in_window, [("ok", 200, 600, "rfin", 8, 5), LONE]),
    (below, [("ok", 200, 600, "rfin", 8, 5), LONE]),
    (flood, [("ok", 2100, 6300, "rfin", 46, 43)] + [LONE] * 20),
    (resent, [("ok", 400, 1200, "rfin", 12, 9), ("pending", 0, 0, None, 3, 0)]),
    (of_server, [("ok", 200, 600, "rfin", 9, 4), LONE]),
    (synack, [("ok", 200, 600, "rfin", 9, 4), ("unknown", None, 0, None, 0, 1)]),
    (synack_in_window, [("ok", 200, 600, "rfin", 9, 4), ("unknown", None, 0, None, 0, 1)]),
    (in_handshake, [("ok", 100, 300, "rfin", 6, 4), LONE]),
    (in_middle, [("ok", None, None, "rfin", 6, 4), LONE]),
    (one_way, [("unknown", 100, None, "rfin", 5, 0), LONE]),
    (after_pause, [("ok", 300, 900, "rfin", 10, 7), ("timeout", 0, 0, None, 1, 0), LONE]),
    (rejected_between, [("ok", 200, 600, "rfin", 8, 4), ("refused", 0, 0, "lrst", 1, 1)]),
    (rst, [("ok", 200, 600, "rfin", 9, 6)]),
    (fin, [("ok", 200, 600, "rfin", 9, 5)]),
    (rebooted, [("ok", 100, 300, "rrst", 5, 3), ("ok", 100, 300, "rfin", 7, 3)]),
    (forgotten, [("ok", 100, 300, None, 4, 2), GOOD]),
    (forgotten_one_way, [("ok", 100, 300, None, 4, 2), ("unknown", 50, None, None, 3, 0)]),
    (time_wait, [GOOD, GOOD]),
    (time_wait_near, [GOOD, GOOD]),
    (time_wait_refuses, [("ok", 100, 300, "rfin", 7, 4), ("ok", 100, 300, "rfin", 7, 3)]),
    (time_wait_silent, [("ok", 100, 300, "rfin", 6, 4), LONE]),
    (last_ack_lost, [("ok", 100, 300, "rfin", 6, 4), GOOD]),
    (reset_and_again, [("ok", 100, 300, "rrst", 5, 2), GOOD]),
    (reset_and_again_near, [("ok", 100, 300, "rrst", 5, 2), GOOD]),
    (other_way, [GOOD, ("ok", 300, 100, None, 3, 3)]),
)
COLUMNS = ("result", "rx_bytes", "tx_bytes", "close", "rx_pkts", "tx_pkts")
# The numbers of some wrap around.
CSEQ, SSEQ = 0xffffff00, 2000000000


def capture():
    """All of them, one after the other."""
    made = Capture()
    for at, (talk, _) in enumerate(TALKS):
        talk(Talk(made, cport=2000 + at, cseq=CSEQ, sseq=SSEQ))
    return made


def rows_of(made):
    path = scratch("pcap")
    with open(path, "wb") as file:
        file.write(made.bytes())
    out = subprocess.run([CONNTRACE, "-r", path, "-j", "-z", "conns", "--sort=START"], capture_output=True, text=True, timeout=60)
    equal(out.returncode, 0, "exit status")
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    return [line for line in lines if "summary" not in line], lines[-1]["summary"]


def accounted(rows, summary):
    left = {reason: count for reason, count in summary["left_out"].items() if count}
    equal((left, sum(row["rx_pkts"] + row["tx_pkts"] for row in rows) - summary["both_ends"]), ({}, summary["tcp_frames"]), "frames")


def alone(talk, wanted):
    made = Capture()
    talk(Talk(made, cseq=CSEQ, sseq=SSEQ))
    rows, summary = rows_of(made)
    equal([tuple(row[column] for column in COLUMNS) for row in rows], wanted, talk.__name__)
    accounted(rows, summary)


for _talk, _wanted in TALKS:
    test(_talk.__name__)(lambda talk=_talk, wanted=_wanted: alone(talk, wanted))


if __name__ == "__main__":
    main()
