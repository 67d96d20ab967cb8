#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-z http,tree and --events=messages against tshark on the public captures: the same requests of each host and path, and
the same heads (TAP). ALL=1 takes every capture instead of each fourth."""
import collections
import json
import os
import subprocess
import sys

from public import Comparison, captures

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
SAMPLE = 1 if os.environ.get("ALL", "") not in ("", "0") else 4
PATH_MAX = 1024

# What differs, and why ours is right or cannot do better.
DIFFERENCES = {
    "pcapplusplus/frag_http_req.pcap": "the request is in IP fragments, whose payload is not read",
    "suricata-verify/tcp-urgp-01-oob__tcp-urgent1.pcap": "tshark takes no request with urgent data; RFC 6093 has it in line",
}


def ours(path):
    """Return: None when it has no request, else how often each (host, path) was asked for."""
    done = subprocess.run([CONNTRACE, "-q", "-j", "-z", "http,tree", "-r", path], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=60, check=False)
    rows = [json.loads(line) for line in done.stdout.decode("utf-8", "replace").splitlines()]
    rows = [row for row in rows if "host" in row]
    if not rows or rows[0]["count"] == 0:
        return None
    return {(row["host"], row["path"]): row["count"] for row in rows if row["path"] != "*" and row["host"]}


# Columns of --events=messages, and what tshark calls them.
HEADS = {"method": "http.request.method", "status": "http.response.code", "user-agent": "http.user_agent",
         "server": "http.server", "content-type": "http.content_type"}


# What differs there besides, in which columns, and why.
HEAD_DIFFERENCES = {
    "arkime/wireshark-retrans.pcap": (("status", "server", "content-type"), "tshark takes two answers that are resent for new ones"),
    "pcapplusplus/many-protocols.pcap": (("status", "server", "content-type"), "tshark tells no head whose body is not whole"),
    "pcapplusplus/raw_ip.pcap": (("status", "server", "content-type"), "tshark tells no head whose body is not whole"),
    "zeek/mixed-vlan-mpls.pcap": (("method",), "\"GET /\" without a version is HTTP/0.9, which has no heads (RFC 9112, C.2)"),
    "zeek/tcp-http-with-padding.pcap": (("method",), "tshark does not join a request line that comes letter by letter"),
}


def our_heads(path):
    """Return: per column how often each value stood in it."""
    done = subprocess.run([CONNTRACE, "-q", "-j", "--events=messages:User-Agent:Server:Content-Type", "-r", path],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False)
    rows = [json.loads(line) for line in done.stdout.decode("utf-8", "replace").splitlines()]
    return {name: collections.Counter(str(row[name]) for row in rows if row[name] is not None) for name in HEADS}


def tshark(path):
    """Return: as ours(), and as our_heads()."""
    fields = ["http.host", "http.request.uri"] + list(HEADS.values())
    done = subprocess.run(["tshark", "-r", path, "-n", "-Y", "http && tcp", "-T", "fields", "-E", "aggregator=\x1f"] +
                          [word for name in fields for word in ("-e", name)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=False)
    requests, heads = collections.Counter(), {name: collections.Counter() for name in HEADS}
    for line in done.stdout.decode("utf-8", "replace").split("\n")[:-1]:
        hosts, targets, *values = (field.split("\x1f") for field in line.split("\t"))
        requests.update(key for key in zip(hosts, (target[:PATH_MAX] for target in targets)) if key[0])
        for name, found in zip(HEADS, values):
            heads[name].update(value for value in found if value)
    return dict(requests), heads


# What differs in the times of answers, and why.
TIME_DIFFERENCES = {
    "pcapplusplus/many-protocols.pcap": "tshark finds no head behind a body that it does not join",
    "pcapplusplus/one_tcp_stream.pcap": "tshark finds no head behind a body that it does not join",
    "zeek/tcp-http-with-padding.pcap": "tshark does not join a request line that comes letter by letter",
}


def our_times(path):
    """Return: microseconds of each answer, and whether those of http,tree are their median, percentile and maximum."""
    done = subprocess.run([CONNTRACE, "-q", "-j", "--events=messages", "-O", "+ANSWER_MS", "-z", "http,tree", "-r", path],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False)
    rows = [json.loads(line) for line in done.stdout.decode("utf-8", "replace").splitlines()]
    times = sorted(row["answer_ms"] for row in rows if row.get("message") == "answer" and row["answer_ms"] is not None)
    whole = [row for row in rows if row["report"] == "http,tree"][0]
    figures = None, None, None
    if times:
        middle = times[(len(times) - 1) // 2], times[len(times) // 2]
        figures = sum(middle) / 2, times[-(-len(times) * 95 // 100) - 1], times[-1]
    same = all(got == wanted or (got is not None and wanted is not None and abs(got - wanted) <= 0.001) for got, wanted in
               zip((whole["answer_ms"], whole["answer_p95_ms"], whole["answer_max_ms"]), figures))
    return collections.Counter(round(time * 1000) for time in times), same and whole["answers"] in (len(times), None)


def their_times(path):
    """Return: microseconds from each request to its answer's head, by tshark."""
    done = subprocess.run(["tshark", "-r", path, "-n", "-o", "http.desegment_body:FALSE", "-Y",
                           "tcp && http.response.code && !(http.response.code < 200)", "-T", "fields", "-e", "http.time"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=False)
    return collections.Counter(round(float(word) * 1000000) for word in done.stdout.decode().replace(",", " ").split())


def compare(comparison, path, name, got):
    """The requests, the heads by column, and the times of answers of a capture."""
    known = DIFFERENCES.get(name)
    wanted, their_heads = tshark(path)
    comparison.say(name, got == wanted, known, ["%r: %r, tshark %r" % (key, (got or {}).get(key), wanted.get(key))
                                                for key in sorted(set(got or {}) | set(wanted))
                                                if (got or {}).get(key) != wanted.get(key)])
    heads = our_heads(path)
    columns, reason = HEAD_DIFFERENCES.get(name, ((), None))
    for column in HEADS:
        mine, theirs = heads[column], their_heads[column]
        # A request that one of the two lacks has no heads there, and no answer.
        why = reason if column in columns else known if mine != theirs else None
        comparison.say("%s of %s" % (column.upper(), name), mine == theirs, why,
                       ["only ours: %s; only tshark's: %s" % (dict(mine - theirs), dict(theirs - mine))])
    (times, same), theirs = our_times(path), their_times(path)
    why = TIME_DIFFERENCES.get(name) or (known if times != theirs else None)
    comparison.say("answer times of " + name, times == theirs, why,
                   ["only ours: %s; only tshark's: %s" % (dict(times - theirs), dict(theirs - times))])
    comparison.say("http,tree of the times of " + name, same, None)


def main():
    comparison = Comparison()
    for path, name in captures(SAMPLE):
        got = ours(path)
        if got is not None or name in DIFFERENCES:
            compare(comparison, path, name, got)
    return comparison.end()


if __name__ == "__main__":
    sys.exit(main())
