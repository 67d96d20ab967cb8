#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One capture, read by conntrace and by the tools people come from: the same counts where theirs are right, and
what they are known to get wrong, each still wrong there and right here (TAP)."""
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import cli

BUILD = os.environ.get("top_builddir", ".")
CONNTRACE = os.environ.get("CONNTRACE", os.path.join(BUILD, "conntrace"))
MKPCAP = os.path.join(BUILD, "tests/helpers/mkpcap")

SYN, SYN_ACK, ACK = "+%(wait)s %(f)s > S seq 100%(o)s\n", "+0.01 %(f)s < SA seq 500 ack 101\n", \
    "+0.02 %(f)s > A seq 101 ack 501\n"
DATA = "+0.1 %(f)s > PA seq 101 ack 501 len 700\n+0.01 %(f)s < PA seq 501 ack 801 len 1300\n" \
       "+0 %(f)s > A seq 801 ack 1801\n"
CLOSE = "+0.01 %(f)s > FA seq 801 ack 1801\n+0 %(f)s < FA seq 1801 ack 802\n+0.01 %(f)s > A seq 802 ack 1802\n"
WHOLE = SYN + SYN_ACK + ACK + DATA + CLOSE


def scenario(name, text, option=""):
    return text % {"f": name, "wait": "0", "o": option}


FLOWS = {"plain": "198.51.100.1 40000 192.0.2.1 80", "ecn": "198.51.100.1 40001 192.0.2.1 80",
         "six": "2001:db8::1 40002 2001:db8::2 80", "refused": "198.51.100.1 40003 192.0.2.1 81",
         "dropped": "198.51.100.1 40004 192.0.2.1 82", "synack": "198.51.100.1 40005 192.0.2.1 83",
         "later": "198.51.100.1 40009 192.0.2.1 80"}
SCRIPT = "".join("flow %s %s\n" % flow for flow in FLOWS.items()) + \
    scenario("plain", WHOLE) + scenario("ecn", WHOLE.replace("S seq 100", "SEW seq 100", 1)) + scenario("six", WHOLE) + \
    scenario("refused", SYN) + "+0.01 refused < RA seq 0 ack 101\n" + \
    scenario("dropped", SYN) + "+1 dropped > S seq 100\n+2 dropped > S seq 100\n+4 dropped > S seq 100\n" + \
    scenario("synack", SYN + SYN_ACK + SYN_ACK) + "+31 later > S seq 100\n" + \
    scenario("later", SYN_ACK + ACK + DATA + CLOSE)
CONNECTIONS = len(FLOWS)
ESTABLISHED = 4       # plain, ecn, six, later
SYNS = CONNECTIONS + 3


def output(*argv, **keywords):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
                          **keywords).stdout.decode("utf-8", "replace")


def ours(path):
    """Return: connections, those that came about, segments with SYN alone, frames."""
    rows = [json.loads(line) for line in output(CONNTRACE, "-q", "-j", "-r", path, "-z", "conns").splitlines()]
    rows = [row for row in rows if "summary" not in row]
    return {"connections": len(rows), "established": sum(row["result"] == "ok" for row in rows),
            "attempts": sum(1 + (row["syn_rtx"] or 0) for row in rows),
            "frames": sorted(row["rx_pkts"] + row["tx_pkts"] for row in rows),
            "timeouts": sum(row["result"] == "timeout" for row in rows)}


def tshark_conversations(path):
    lines = [line for line in output("tshark", "-n", "-q", "-r", path, "-z", "conv,tcp").splitlines() if "<->" in line]
    counts = [re.findall(r"<->\s+\S+\s+(\d+)\s+\d+\s*\w+\s+(\d+)", line)[0] for line in lines]
    return len(lines), sorted(int(left) + int(right) for left, right in counts)


def tcptrace(path):
    found = re.search(r"(\d+) TCP connections? traced|TCP connections traced: (\d+)", output("tcptrace", "-n", "-l", path))
    rows = re.findall(r"^TCP connection (\d+):", output("tcptrace", "-n", "-l", path), re.MULTILINE)
    return len(rows) or int((found.group(1) or found.group(2)) if found else 0)


def tcpdump_attempts(path):
    return len(output("tcpdump", "-n", "-r", path, "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn").splitlines())


def exactly_syn(path):
    """What tcpeek and miruo open a session by: IPv4, and of the flags SYN alone; each once."""
    text = output("tshark", "-n", "-r", path, "-Y", "ip && tcp.flags == 0x002", "-T", "fields", "-e", "tcp.srcport")
    return len(set(text.split()))


def tcptrack_ends(path):
    """Return: whether tcptrack ends by itself when it has read the file, before its screen can be read."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", LINES="24", COLUMNS="80")
        os.execvp("tcptrack", ["tcptrack", "-T", path])
    ended, until = 0, time.monotonic() + 20
    while not ended and time.monotonic() < until:
        try:
            if select.select([terminal], [], [], 0.1)[0]:
                os.read(terminal, 65536)
        except OSError:
            pass    # its terminal is gone with it
        ended = os.waitpid(pid, os.WNOHANG)[0]
    if not ended:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(terminal)
    return bool(ended)


def main():
    missing = [tool for tool in ("tshark", "tcptrace", "tcpdump", "tcptrack") if not shutil.which(tool)]
    if missing:
        print("1..0 # SKIP not installed: " + ", ".join(missing))
        return 0
    tap = cli.Cli()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file.pcap")
        subprocess.run([MKPCAP, "-o", path], input=SCRIPT.encode(), check=True, timeout=10)
        here = ours(path)
        tap.equal("conntrace: every connection once, and what became of it",
                  (here["connections"], here["established"], here["attempts"], here["timeouts"]),
                  (CONNECTIONS, ESTABLISHED, SYNS, 2))
        rows, frames = tshark_conversations(path)
        tap.equal("tshark conv,tcp: as many connections", rows, here["connections"])
        tap.equal("tshark conv,tcp: the same frames in each", frames, here["frames"])
        tap.equal("tcptrace: as many connections", tcptrace(path), here["connections"])
        tap.equal("tcpdump's recipe counts each SYN again, and none of IPv6", tcpdump_attempts(path),
                  here["attempts"] - 1)
        tap.equal("who looks for SYN alone misses ECN and IPv6", exactly_syn(path), here["connections"] - 2)
        tap.equal("tcptrack ends with the file", tcptrack_ends(path), True)
    tap.end()


if __name__ == "__main__":
    main()
