#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""NAME: the name for which an answer of DNS in the packets gave the peer's address, when the connection began."""
import glob
import json
import os
import re
import shutil
import socket
import struct
import subprocess

import cli

CAPTURES = os.environ.get("CONNTRACE_CAPTURES", "")
HOST, RESOLVER = "192.0.2.1", "192.0.2.53"
A, CNAME, AAAA = 1, 5, 28
SYN, ACK = 2, 16


def name(text, pointer=None):
    """A name of DNS, that ends with a pointer to a place if there is one."""
    labels = b"".join(bytes([len(label)]) + label.encode("latin-1") for label in text.split(".") if label)
    return labels + (struct.pack(">H", 0xc000 | pointer) if pointer is not None else b"\0")


def record(owner, kind, data, ttl=300, group=1):
    return owner + struct.pack(">HHIH", kind, group, ttl, len(data)) + data


def response(asked, records, flags=0x8180, questions=1, answers=None):
    return struct.pack(">HHHHHH", 7, flags, questions, len(records) if answers is None else answers, 0, 0) + \
        name(asked) + struct.pack(">HH", A, 1) + b"".join(records)


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def ip(source, target, protocol, payload):
    if ":" in source:
        return b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + address(source) + address(target) + payload
    return b"\x08\0" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + address(source) + \
        address(target) + payload


def udp(message, source=RESOLVER, target=HOST, sport=53):
    return ip(source, target, 17, struct.pack(">HHHH", sport, 40000, 8 + len(message), 0) + message)


def tcp(source, target, sport, dport, seq, ack, flags, payload=b""):
    return ip(source, target, 6, struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 64240, 0, 0) + payload)


def connection(peer, port, host=HOST):
    return [tcp(host, peer, port, 443, 100, 0, SYN), tcp(peer, host, 443, port, 500, 101, SYN | ACK),
            tcp(host, peer, port, 443, 101, 501, ACK)]


def pcap(steps):
    """A savefile of (seconds, frame)."""
    content = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1)
    for index, (seconds, frame) in enumerate(steps):
        frame = b"\0\0\0\0\0\1\0\0\0\0\0\2" + frame
        content += struct.pack("<IIII", 1700000000 + seconds, index, len(frame), len(frame)) + frame
    return content


def names_of(test, path, *words):
    done = test.run("-q", "-r", path, "--local=192.0.2.1,2001:db8::1", "-z", "conns", "-j", *words)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(row["raddr"], row["lport"]): row["name"] for row in rows if "name" in row}, done


# What an answer says; the name of a connection to 198.51.100.1 right after it.
ANSWERS = {
    "an address": (response("www.example.com", [record(name("", 12), A, address("198.51.100.1"))]), "www.example.com"),
    "in capitals": (response("wWw.eXample.COM", [record(name("www.EXAMPLE.com"), A, address("198.51.100.1"))]), "www.example.com"),
    "an alias of an alias": (response("a.example", [
        record(name("", 12), CNAME, name("b.example")), record(name("b.example"), CNAME, name("c.example")),
        record(name("c.example"), A, address("198.51.100.1"))]), "a.example"),
    "several addresses": (response("a.example", [record(name("", 12), A, address("198.51.100.%d" % i)) for i in range(9)]),
                          "a.example"),
    "an address of another name": (response("a.example", [record(name("b.example"), A, address("198.51.100.1"))]), None),
    "an alias of another name": (response("a.example", [
        record(name("b.example"), CNAME, name("c.example")), record(name("c.example"), A, address("198.51.100.1"))]), None),
    "an error": (response("a.example", [record(name("", 12), A, address("198.51.100.1"))], flags=0x8183), None),
    "a query": (response("a.example", [record(name("", 12), A, address("198.51.100.1"))], flags=0x0100), None),
    "two questions": (response("a.example", [record(name("", 12), A, address("198.51.100.1"))], questions=2), None),
    "no answer": (response("a.example", [record(name("", 12), A, address("198.51.100.1"))], answers=0), None),
    "a class of another network": (response("a.example", [record(name("", 12), A, address("198.51.100.1"), group=3)]), None),
    "a wrong length": (response("a.example", [record(name("", 12), A, b"\xc6\x33\x64")]), None),
    "the root": (response("", [record(b"\0", A, address("198.51.100.1"))]), None),
    "bytes that are no text": (response("a\x1b[31m\xff.example", [record(name("", 12), A, address("198.51.100.1"))]), "a\x1b[31m\xff.example"),
    "a dot in a label": (response("x", [record(name("", 12), A, address("198.51.100.1"))]).replace(b"\1x", b"\3a.b", 1), "a?b"),
    "a name of 253 characters": (response(".".join(["a" * 63] * 3 + ["b" * 61]), [record(name("", 12), A, address("198.51.100.1"))]),
                                 ".".join(["a" * 63] * 3 + ["b" * 61])),
    "a longer name": (response(".".join(["a" * 63] * 3 + ["b" * 62]), [record(name("", 12), A, address("198.51.100.1"))]), None),
    "a pointer to itself": (response("a.example", [record(struct.pack(">H", 0xc000 | 27), A, address("198.51.100.1"))]), None),
    "a pointer behind the message": (response("a.example", [record(b"\xff\xff", A, address("198.51.100.1"))]), None),
}


def messages(test):
    for text, (message, wanted) in ANSWERS.items():
        steps = [(0, udp(message))] + [(1, frame) for frame in connection("198.51.100.1", 1000)]
        found, done = names_of(test, test.path("message.pcap", pcap(steps)))
        found = found.get(("198.51.100.1", 1000), "no row")
        if found is not None:
            found = found.encode("utf-8", "backslashreplace").decode()
        test.say("a message with " + text, [] if found == wanted else [repr(found), done.stderr])
    message = response("tcp.example", [record(name("", 12), A, address("198.51.100.1"))])
    framed = struct.pack(">H", len(message)) + message
    six = response("six.example", [record(name("", 12), AAAA, address("2001:db8::9"))])
    steps = [(0, tcp(RESOLVER, HOST, 53, 40000, 1, 1, ACK, framed))] + [(1, f) for f in connection("198.51.100.1", 1000)]
    steps += [(1, udp(six))] + [(2, frame) for frame in connection("2001:db8::9", 1001, "2001:db8::1")]
    steps += [(2, udp(response("no.example", [record(name("", 12), A, address("198.51.100.7"))]), sport=5353))]
    steps += [(2, frame) for frame in connection("198.51.100.7", 1002)]
    found, done = names_of(test, test.path("transports.pcap", pcap(steps)))
    wanted = {("198.51.100.1", 1000): "tcp.example", ("2001:db8::9", 1001): "six.example", ("198.51.100.7", 1002): None}
    test.say("over TCP, of IPv6, and not from other ports", [] if all(found.get(key) == value for key, value in wanted.items())
             else [found, done.stderr])


def times(test):
    """The name is that of the last answer before the begin, while it holds; at least a minute."""
    def answer(text, ttl, peer="198.51.100.1"):
        return udp(response(text, [record(name("", 12), A, address(peer), ttl)]))
    steps = [(0, connection("198.51.100.1", 999)[0]), (1, answer("a.example", 300)), (200, answer("b.example", 0)),
             (1000, answer("a.example", 0x80000000))]
    for seconds, port in ((2, 1), (199, 2), (201, 3), (259, 4), (261, 5), (1059, 6), (1061, 7)):
        steps += [(seconds, frame) for frame in connection("198.51.100.1", port)]
    steps.sort(key=lambda step: step[0])
    path = test.path("times.pcap", pcap(steps))
    found, done = names_of(test, path)
    wanted = {999: None, 1: "a.example", 2: "a.example", 3: "b.example", 4: "b.example", 5: None, 6: "a.example", 7: None}
    got = {key[1]: value for key, value in found.items()}
    test.say("each connection has the name of its time", [] if got == wanted else [got, done.stderr])
    log = test.path("log")
    test.run("-r", path, "--local=192.0.2.1", "--record", log)
    done = test.run("-q", "--replay", log, "-z", "conns", "-j")
    again = {row["lport"]: row["name"] for row in map(json.loads, done.stdout.splitlines())}
    test.say("also replayed", [] if again == wanted else [again, done.stderr])
    done = test.run("-q", "-r", path, "--local=192.0.2.1", "--by=name", "--sort=NAME", "-O", "NAME,CONNS", "--format=csv")
    test.say("as a key and sorted", [] if done.stdout == "name,conns\n-,3\na.example,3\nb.example,2\n" or
             sorted(done.stdout.split("\n")) == sorted("NAME,CONNS\n-,3\na.example,3\nb.example,2\n".split("\n")) else
             [done.stdout, done.stderr])


def hidden(test):
    """With --redact names are pseudonyms, the same in the report and in the recording."""
    long = "a-name-that-is-longer-than-one-piece-of-an-event.secret.example"
    steps = [(0, udp(response(text, [record(name("", 12), A, address(peer))]))) for text, peer in
             ((long, "198.51.100.1"), ("b." + long, "198.51.100.2"))]
    steps += [(1, frame) for i in (1, 2) for frame in connection("198.51.100.%d" % i, i)]
    path, log = test.path("hidden.pcap", pcap(steps)), test.path("log")
    done = test.run("-q", "-r", path, "--local=192.0.2.1", "-z", "conns", "-j", "--redact", "--record", log)
    names = {row["lport"]: row["name"] for row in map(json.loads, done.stdout.splitlines())}
    with open(log, encoding="latin-1") as file:
        content = file.read()
    again = test.run("-q", "--replay", log, "-z", "conns", "-j")
    read = {row["lport"]: row["name"] for row in map(json.loads, again.stdout.splitlines())}
    test.say("pseudonyms", [] if len(set(names.values())) == 2 and names == read and None not in names.values() and
             "secret" not in done.stdout + content else [names, read, done.stderr, again.stderr])


# One record of tshark's "Answers", by its summary: "www.example.com: type CNAME, class IN, cname b.example".
RECORD = re.compile(r"^(.*): type (A|AAAA|CNAME), class IN, (?:addr|cname) (.*)$")


def by_tshark(path):
    """(address, name) of each answer, joined here through the aliases.

    An EtherType in the header of a loopback device, which no system writes, is tshark's guess.
    """
    done = subprocess.run(["tshark", "-n", "-r", path, "-Y", "dns.flags.response == 1 && dns.flags.rcode == 0 && "
                           "dns.count.queries == 1 && !null.type && (udp.srcport == 53 || tcp.srcport == 53)", "-T", "json", "-J", "dns"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, timeout=cli.LIMIT)
    found = set()
    for packet in json.loads(done.stdout or "[]", object_pairs_hook=list):
        layers = dict(dict(packet)["_source"])["layers"]
        for _, dns in [pair for pair in layers if pair[0] == "dns"]:
            parts = dict(dns)
            if "Answers" not in parts or not isinstance(parts.get("Queries"), list):
                continue
            query = dict(parts["Queries"][0][1])["dns.qry.name"].lower()
            current = query
            for summary, _ in parts["Answers"]:
                match = RECORD.match(summary)
                if match is None or match[1].lower() != current:
                    continue
                if match[2] == "CNAME":
                    current = match[3].lower()
                else:
                    found.add((match[3], query))
    return found


def captures(test):
    """The names of the public captures are those that tshark's dns.resp.name, dns.cname, dns.a and dns.aaaa give."""
    paths = sorted(glob.glob(os.path.join(CAPTURES, "*", "*.pcap*"))) if CAPTURES else []
    if not paths or shutil.which("tshark") is None:
        test.skip("names of the public captures are tshark's", "no tshark" if paths else "CONNTRACE_CAPTURES is not set")
        return
    wrong, total = [], 0
    for path in paths:
        with open(path, "rb") as file:
            if b"\0\x35" not in file.read():
                continue
        wanted = by_tshark(path)
        if not wanted:
            continue
        log = test.path("log")
        test.run("-r", path, "--record", log, "-o", os.devnull)
        found, text = set(), ""
        with open(log, encoding="latin-1") as lines:
            for words in [line.split() for line in lines if " type=name " in line]:
                fields = dict(word.split("=", 1) for word in words)
                text = fields["text"] if "offset" not in fields else text + fields["text"]
                if "last" in fields:
                    found.add((fields["remote"].rsplit(":", 1)[0].strip("[]"), text))
        total += len(wanted)
        if found != wanted:
            wrong += ["%s: only conntrace %s, only tshark %s" % (path, sorted(found - wanted), sorted(wanted - found))]
    test.say("%d names of the public captures are tshark's" % total, wrong)


def main():
    test = cli.Cli()
    messages(test)
    times(test)
    hidden(test)
    captures(test)
    test.end()


if __name__ == "__main__":
    main()
