# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings (--replay) that tests make up: connections with packets, calls, processes and messages."""

START_NS = 1700000000 * 10 ** 9
MS = 10 ** 6


def escaped(text):
    """As event_text.h: bytes that are no printable ASCII, blanks and backslashes are \\xNN."""
    data = text if isinstance(text, bytes) else text.encode()
    return "".join(chr(byte) if 0x20 < byte < 0x7f and byte != 0x5c else "\\x%02x" % byte for byte in data)


def endpoint(address, port):
    return ("[%s]:%d" if ":" in address else "%s:%d") % (address, port)


class Recording:
    """Events in any order; text() sorts them by time."""

    def __init__(self, packets=True):
        self.packets = packets
        self.events = []
        self.cookie = 1000
        self.add(0, "type=run origin=k has_destroy=1 has_packets=%d run_netns=4026531833 syn_retries=6" % packets)

    def add(self, at_ns, words):
        self.events.append((at_ns, len(self.events), words))

    def text(self):
        lines = ["conntrace-events 1"]
        for at_ns, _, words in sorted(self.events):
            when = START_NS + at_ns
            lines.append("time=%d.%09d %s" % (when // 10 ** 9, when % 10 ** 9, words))
        return ("\n".join(lines) + "\n").encode()

    def process(self, pid, comm, at_ns=1, **facts):
        """facts: exe, cgroup, parent, cmdline"""
        self.add(at_ns, "type=process origin=s pid=%d uid=0 text=%s" % (pid, escaped(comm)))
        for fact, text in facts.items():
            data = text if isinstance(text, bytes) else text.encode()
            for offset in range(0, len(data), 120):
                self.add(at_ns, "type=process origin=s pid=%d uid=0 fact=%s%s text=%s" % (
                    pid, fact, " offset=%d" % offset if offset else "", escaped(data[offset:offset + 120])))

    def segment(self, at_ns, source, target, flags, seq=0, ack=0, payload=0, window=64000, more=""):
        if self.packets:
            self.add(at_ns, "type=segment origin=w local=%s remote=%s flags=%s seq=%d ack=%d%s frame=%d%s checksum=%d%s" % (
                source, target, flags, seq, ack, " payload=%d" % payload if payload else "", 66 + payload,
                " window=%d" % window if window else "", (seq + at_ns) % 65535, more))

    def message(self, at_ns, source, target, method="", path="", host="", status=0, fields=""):
        if not self.packets:
            return
        pieces = [(part, text[at:at + 31], at) for part, text in
                  (("method", method), ("target", path), ("host", host), ("fields", fields))
                  for data in [text if isinstance(text, bytes) else text.encode()]
                  for text in [data] for at in range(0, len(data), 31)] or [("method", b"", 0)]
        for number, (part, text, offset) in enumerate(pieces):
            self.add(at_ns, "type=message origin=w local=%s remote=%s%s%s%s%s%s%s%s" % (
                source, target, " message=http-response" if status else "", " status=%d" % status if status else "",
                " part=" + part if part != "method" else "", " offset=%d" % offset if offset else "",
                " first=1" if number == 0 else "", " last=1" if number == len(pieces) - 1 else "",
                " text=" + escaped(text) if text else ""))

    def accepted(self, at_ns, pid, server, client, fd=5, hs_ms=2, queue_ms=3, wait_ms=20, xfer_ms=5, size=3000, request=300,
                 method="GET", path="/", host="", status=200, fields="", resent=0):
        """A connection that came in, was accepted, answered and closed. Return: when it ended."""
        local, remote = endpoint(*server), endpoint(*client)
        self.cookie += 1
        now = at_ns
        options = " has=mss+wscale+sack-ok mss=1460 wscale=7"
        self.segment(now, remote, local, "syn", 99, 0, more=options)
        self.segment(now + hs_ms * MS // 2, local, remote, "syn+ack", 499, 100, more=options)
        now += hs_ms * MS
        self.segment(now, remote, local, "ack", 100, 500)
        sent = now + MS // 2
        self.segment(sent, remote, local, "psh+ack", 100, 500, request)
        self.message(sent, remote, local, method, path, host, fields=fields)
        now += queue_ms * MS
        self.add(now, "type=call origin=s local=%s remote=%s netns=4026531833 cookie=%d pid=%d tid=%d fd=%d uid=0" % (
            local, remote, self.cookie, pid, pid, fd))
        self.add(now + 1, "type=info origin=k local=%s remote=%s netns=4026531833 cookie=%d bytes_received=%d last_data_sent_ms=%d "
                          "rtt_us=%d min_rtt_us=%d segs_in=3 segs_out=1 data_segs_in=1 state=1 listener=-1" % (
                              local, remote, self.cookie, request, queue_ms, hs_ms * 500, hs_ms * 500))
        now = max(now, sent) + wait_ms * MS
        at, seq, count = 0, 500, 0
        while at < size:
            take = min(1460, size - at)
            when = now + (xfer_ms * MS * at // max(size, 1))
            if count >= resent:
                self.segment(when, local, remote, "ack", seq, 100 + request, take)
            else:
                self.segment(when, local, remote, "ack", seq, 100 + request, take)
                self.segment(when + 300 * MS, local, remote, "ack", seq, 100 + request, take)
            if at == 0:
                self.message(when, local, remote, status=status)
            count += 1
            at += take
            seq += take
        now += xfer_ms * MS + (310 * MS if resent else 0)
        self.segment(now, remote, local, "ack", 100 + request, seq)
        now += MS
        self.segment(now, local, remote, "fin+ack", seq, 100 + request)
        self.add(now, "type=call origin=s local=%s remote=%s netns=4026531833 kind=close cookie=%d pid=%d tid=%d fd=%d uid=0" % (
            local, remote, self.cookie, pid, pid, fd))
        now += MS
        self.segment(now, remote, local, "fin+ack", 100 + request, seq + 1)
        self.segment(now + MS // 2, local, remote, "ack", seq + 1, 101 + request)
        self.add(now + MS, "type=info origin=k local=%s remote=%s netns=4026531833 reason=destroy cookie=%d bytes_acked=%d "
                           "bytes_received=%d bytes_sent=%d rtt_us=%d min_rtt_us=%d total_retrans=%d segs_in=9 segs_out=9 "
                           "data_segs_in=1 data_segs_out=%d state=7 fin=received" % (
                               local, remote, self.cookie, size + 1, request + 1, size, hs_ms * 500, hs_ms * 500, min(resent, count),
                               count))
        return now + MS

    def opened_too(self, at_ns, pid, server, client, returns_ns):
        """The calls of a connection's other side, which is on this host, too."""
        self.cookie += 1
        words = "type=call origin=s local=%s remote=%s netns=4026531833 pid=%d tid=%d fd=3 cookie=%d uid=0 kind=" % (
            endpoint(*client), endpoint(*server), pid, pid, self.cookie)
        self.add(at_ns - 1, words + "connect-begin")
        self.add(returns_ns, words + "connect-end error=0")

    def refused(self, at_ns, pid, local, server, fd=6, errno=111):
        """A connect(2) that is answered by a RST."""
        mine, theirs = endpoint(*local), endpoint(*server)
        self.cookie += 1
        self.add(at_ns, "type=call origin=s remote=%s netns=4026531833 kind=connect-begin begin=%d.%09d pid=%d tid=%d fd=%d uid=0" % (
            theirs, (START_NS + at_ns) // 10 ** 9, (START_NS + at_ns) % 10 ** 9, pid, pid, fd))
        self.segment(at_ns + 1000, mine, theirs, "syn", 99, 0, more=" has=mss mss=1460")
        self.segment(at_ns + 51000, theirs, mine, "rst+ack", 0, 100, window=0)
        self.add(at_ns + 60000, "type=call origin=s local=%s remote=%s netns=4026531833 kind=connect-end begin=%d.%09d cookie=%d "
                                "pid=%d tid=%d fd=%d error=%d uid=0" % (
                                    mine, theirs, (START_NS + at_ns) // 10 ** 9, (START_NS + at_ns) % 10 ** 9, self.cookie, pid,
                                    pid, fd, errno))
