#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""accept(2) in a record of audit, whose socket was closed before it was read: one row with what the kernel says of it (TAP)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import cli

HEAD = "conntrace-events 1\ntime=- type=run origin=k has_destroy=1 syn_retries=-1\n"
INFO = ("type=info origin=k local=192.0.2.9:80 remote=192.0.2.8:4010 reason=%s cookie=77 bytes_acked=%d bytes_received=%d "
        "bytes_sent=%d bytes_retrans=0 rtt_us=1000 min_rtt_us=900 last_data_sent_ms=-1 total_retrans=0 retransmits=0 segs_in=5 "
        "segs_out=5 rqueue=0 wqueue=0 uid=33 state=%d listener=1 fin=%s")
ACCEPT = "type=call origin=a %sremote=192.0.2.8:4010 kind=accept begin=- cookie=9223372036854775809 pid=7 tid=0 fd=5 uid=33"
# It waits at the listener, it is destroyed; a record has what the listener's socket says of the local end.
EVENTS = {"waits": INFO % ("waiting", 0, 0, 0, 1, "not-received"), "destroyed": INFO % ("destroy", 201, 101, 200, 7, "received")}
LISTENERS = {"unknown": "", "any IPv4": "local=0.0.0.0:80 ", "any IPv6": "local=[::]:80 ", "its address": "local=192.0.2.9:80 "}


def main():
    test = cli.Cli()
    for listener, local in LISTENERS.items():
        for order in (("accepted", "destroyed"), ("accepted", "waits", "destroyed"), ("waits", "accepted", "destroyed"),
                      ("waits", "accepted", "waits", "destroyed")):
            lines = ["time=1700000000.%09d %s" % (number, dict(EVENTS, accepted=ACCEPT % local)[word]) for number, word in enumerate(order)]
            done = test.run("--replay", test.path("events", (HEAD + "\n".join(lines) + "\n").encode()), "-z", "conns", "-H",
                            "--format=raw", "-O", "LADDR,LPORT,RADDR,RPORT,RESULT,PID,RX_BYTES,TX_BYTES")
            wanted = "192.0.2.9 80 192.0.2.8 4010 ok 7 100 200\n"
            test.say("%s; the listener's address: %s" % (", ".join(order), listener),
                     [] if done.stdout == wanted and "never accepted" not in done.stderr else [done.stdout, done.stderr])
    # Records of audit do not show a shutdown(2), behind which data could have come: the peer's FIN may be among the bytes.
    last = EVENTS["destroyed"].replace("fin=received", "timewait=present")
    lines = [EVENTS["waits"].replace("fin=not-received", "timewait=absent"), ACCEPT % "", last]
    done = test.run("--replay", test.path("events", (HEAD + "".join("time=1700000000.%09d %s\n" % pair for pair in enumerate(lines))).encode()),
                    "-z", "conns", "-H", "--format=raw", "-O", "PID,RX_BYTES,RX_LEAST,TX_BYTES")
    test.say("a FIN that may be counted", [] if done.stdout == "7 - 100 200\n" else [done.stdout])
    # A listener at another port, and a connection of another peer, are not it.
    for accept in (ACCEPT % "local=0.0.0.0:81 ", (ACCEPT % "").replace("192.0.2.8", "192.0.2.7")):
        lines = [EVENTS["waits"], accept, EVENTS["destroyed"]]
        done = test.run("--replay", test.path("events", (HEAD + "".join("time=1700000000.%09d %s\n" % pair for pair in enumerate(lines))).encode()),
                        "-z", "conns", "-H", "--format=raw", "-O", "PID,RX_BYTES")
        test.say("another one is not joined", [] if sorted(done.stdout.split("\n")) == ["", "- 100", "7 -"] else [done.stdout])
    test.end()


if __name__ == "__main__":
    main()
