#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every line of EXAMPLES in the manual, those that replace other tools' commands among them, does what it says.

What differs from place to place is put in: the interface, the server, addresses, files; and time is shorter. A line
without an expectation here is a failure.
"""
import os
import re
import signal
import stat
import subprocess
import sys

import at_once
import lib
from lib import CONNTRACE, Process, check, enter_namespace, equal, require, scratch, test, wait_for, write_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
import terminal  # noqa: E402

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
TOOLS = ("tcptrack", "tcpeek", "tcpeekstat", "miruo", "tshark", "ss", "tcpdump", "iptables", "stap", "strace", "gawk")
PORTS = (80, 110, 443, 4711, 8080)
# Another test's python3 is none of those that --comm finds.
COMM = "example-%d" % (os.getpid() % 1000000)
# Answers HTTP, whatever it is asked, on all of the ports.
SERVER = """
import selectors, socket, sys, threading
open("/proc/self/comm", "w").write("%s")
chosen = selectors.DefaultSelector()
for port in map(int, sys.argv[2:]):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(50)
    chosen.register(listener, selectors.EVENT_READ)
def serve(served):
    try:
        served.recv(4096)
        served.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nyes")
    except OSError:
        pass
    served.close()
open(sys.argv[1], "w").write("ready")
while True:
    for key, _ in chosen.select():
        threading.Thread(target=serve, args=[key.fileobj.accept()[0]], daemon=True).start()
""" % COMM
CLIENT = """
import socket, struct, sys, threading, time
open("/proc/self/comm", "w").write("%s")
def call(port, wait):
    client = socket.socket()
    if client.connect_ex(("127.0.0.1", port)) == 0:
        time.sleep(wait)
        client.sendall(b"GET /path HTTP/1.1\\r\\nHost: example.test\\r\\n\\r\\n")
        while client.recv(4096):
            pass
    client.close()
# Long enough to see whose they are, on a busy machine, too.
def stay(wait):
    while True:
        call(4711, wait)
for wait in (0.3, 1, 3, 8):
    threading.Thread(target=stay, args=[wait], daemon=True).start()
while True:
    for port in map(int, sys.argv[1:]):
        call(port, 0.02)
    # Here the suspicious one.
    client = socket.create_connection(("127.0.0.1", 80))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sendall(b"x")
    client.close()
    time.sleep(0.05)
""" % COMM
# What a launched ./server is: it serves three of the clients.
THREE = """#!%s
import socket
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 9))
listener.listen(5)
for i in range(3):
    served = listener.accept()[0]
    served.recv(4096)
    served.close()
""" % sys.executable
SCENARIO = "flow a 127.0.0.1 5000 127.0.0.1 443\n+0 a > S seq 100\n+1.2 a > S seq 100\n+0.02 a < SA seq 300 ack 101\n" \
        "+0.02 a > A seq 101 ack 301\n+0.1 a > PA seq 101 ack 301 len 500\n+1.5 a > PA seq 101 ack 301 len 500\n" \
        "+0.1 a < A seq 301 ack 601\n+0 a > FA seq 601 ack 301\n+0 a < FA seq 301 ack 602\n+0 a > A seq 602 ack 302\n" \
        "flow b 127.0.0.1 5001 127.0.0.1 81\n+0 b > S seq 100\n+0.01 b < RA seq 0 ack 101\n"
LOG = '7 1700000000.000000 accept(3, {sa_family=AF_INET, sin_port=htons(34702), sin_addr=inet_addr("192.0.2.4")}, ' \
      "[16]) = 5 <0.000010>\n"

PEER = r"^127\.0\.0\.1 +\d+$"
ROW = r"^127\.0\.0\.1 +(in|out) +\d+ +\d+ "
EVENT = r"^\d\d:\d\d:\d\d\.\d+ +in +127\.0\.0\.1 +\d+ +127\.0\.0\.1 +\d+ +ok "
# A part of the line, and what its output must match; the first one that fits is meant.
EXPECTED = (
    ("--null=", r"^[\d.]+,in,.*,,\r?$"), ("sum += $2", r"^\d+$"), (".rx_bytes) | add", r"^\d+$"), ("summary.lost", r'"packet_queue": 0'),
    ("-z io,stat,1 -I 1", r"^[\d:.]+ +\d\.\d+ +- +- +\d{2,} +\d{2,} +\d+ +\d+$"),
    ("--via=diag", ROW), ("curl", r"^[\d:.]+ +out .* ok .* curl *$"), ("eth0 -- ./server", r"^127.* in +9 +\d+ +0 "),
    ("-r cap.pcap --ladder --retrans-ms", r"resent 1\.500 s"), ("--ladder=all", r"81 <.* refused"),
    ("-r cap.pcap --ladder", r"syn-rtx"), ("| awk", r"^127\.0\.0\.1 +in +81 +1 +1 "), ("| jq", r'"refused"'),
    ("SUM(resent)", r"tcp_port_443.*\n.* 500$"), ("--format=plot", r"^BYTES.*each bar"),
    ("-I 3600 --align", "^PEER.*SLICE\n(127.*\n)+\nPEER"), ("--top", "^TOTAL"),
    ("-z groups", r"(?s)" + EVENT + r".*^web +[1-9]\d* "), ("--control", r" ok .* [-0] +[-0] *$"),
    ("conntrace-stat -U /run/conntrace.sock -j", r'^\[.*"RX"'), ("conntrace-stat -U /run/conntrace.sock -g", r"tcpeek_RX"),
    ("conntrace-stat", r"^RX$"), ("--ladder host", r"(?s)refused|hs "), ("--live", r"----S-"),
    ("+HOST,+WHY", r"(?s)^TIME .* HOST +USER-AGENT +SERVER.*syn-rtx"), ("io,stat,10,,tcp,udp", r"FRAMES\[udp\].*\n.* [1-9]\d* +\d{3,} "),
    ("dst host", r" in +127\.0\.0\.1 +\d+ "), ("http_req,tree", r"^HOST +PATH +COUNT"),
    ("PID,COMM,USER", r"^ *\d+ +(example|python3)\S* +\S+ +127\.0\.0\.1 +\d+ "), ("CONNS,OK", r"^ *[1-9]\d* +[1-9]\d*$"),
    ("USER,COMM", r"^[\d:.]+ +\S+ +(example|python3)\S* +\d+ +\d+ +127"), ("--strace-log", r"^192\.0\.2\.4 +1$"),
    ("PID,FD,RADDR", r"^[\d:.]+ +\d+ +\d+ +127\.0\.0\.1 +\d+ +\d+ *$"), ("PEER,CONNS", PEER),
    ("--only=failed -w failed.pcapng", r"^127\.0\.0\.1 +in +81 +1 +1 "), ("--rotate=", ROW), ("--unit=", ROW), ("-d 10 -p", ROW), ("--by=server,port,result", r"^127\.0\.0\.1 +81 +refused +1 "),
)

# How long what has a duration runs: on a busy machine a process is found only after a while, and it runs again.
SECONDS = (1.6, 6, 30)

_scene = {}


def examples():
    text = lib.read_file(os.path.join(SOURCE, "man/conntrace.1"))
    text = re.search(r"^\.Sh EXAMPLES\n(.*?)^\.Sh ", text, re.DOTALL | re.MULTILINE)[1]
    text = text.replace("\\\n", "").replace("\\(dq", '"').replace("\\(aq", "'").replace("\\-", "-")
    return text, [line[6:] for line in text.splitlines() if re.match(r"\.Dl [#$] ", line)]


def scene():
    """Creates server, clients and files, for each test: processes that a test started end with it."""
    folder = scratch("examples")
    os.mkdir(folder)
    ready = os.path.join(folder, "ready")
    server = Process([sys.executable, "-c", SERVER, ready] + list(PORTS))
    lib.wait_file(ready)
    Process([sys.executable, "-c", CLIENT] + list(PORTS) + [9, 81])
    subprocess.run([os.path.join(lib.TOP_BUILD, "tests/helpers/mkpcap"), "-o", os.path.join(folder, "cap.pcap")],
                   input=SCENARIO.encode(), check=True, timeout=10)
    write_file(os.path.join(folder, "log"), LOG)
    for name, text in (("server", THREE), ("gmetric", "#!/bin/sh\necho \"$@\"\n")):
        os.chmod(write_file(os.path.join(folder, name), text), stat.S_IRWXU)
    _scene.update(folder=folder, server=server.pid)


def here(line, seconds=SECONDS[0]):
    """The line as it can be run here, for so long."""
    line = line.replace("eth0", "lo")
    line = re.sub(r"\$\(pidof (-s )?nginx\)", str(_scene["server"]), line)
    line = line.replace("192.0.2.1", "127.0.0.1").replace("/run/", _scene["folder"] + "/")
    line = re.sub(r"-d (60|3600|10|86400)\b", "-d %g" % seconds, line).replace("-I 3600", "-I 1").replace("day.txt", "/dev/stdout")
    line = line.replace("port pop3", "port 110").replace("-z io,stat,10,", "-z io,stat,1,")
    # Here is no unit, and what runs until Ctrl-C without a row ends by itself.
    line = line.replace("--unit=nginx.service", "--comm=%s -d 1.6" % COMM).replace("--rotate=100M", "-d 1.6 --rotate=100M")
    return re.sub(r"^conntrace(-stat)?", lambda match: CONNTRACE + (match.group(1) or ""), line)


def run_for_a_while(line, expected):
    """One that ends by Ctrl-C. Return: what it printed."""
    process = Process(["sh", "-c", "exec " + line], cwd=_scene["folder"])
    wait_for(lambda: re.search(expected.replace("(?s)" + EVENT + r".*^web", EVENT + r"|^web"), process.out, re.MULTILINE)
             or not process.alive(), "output of " + line)
    require(process.alive(), "%s ended: %s" % (line, process.err))
    process.signal(signal.SIGINT)
    equal(process.wait(), 0, "exit status of " + line)
    return process.out


def run_on_screen(line):
    screen = terminal.Terminal(["sh", "-c", "exec " + line], cwd=_scene["folder"])
    try:
        screen.wait_text("^TOTAL")
        shown = screen.screen.text()
        screen.keys("q")
        equal(screen.wait(), 0, "exit status of " + line)
        check(screen.is_restored(), "the terminal is not given back: " + line)
    finally:
        screen.close()
    return shown


def run_to_its_end(line):
    result = lib.run(["sh", "-c", line], cwd=_scene["folder"],
                     env=dict(os.environ, PATH=_scene["folder"] + ":" + os.environ["PATH"]))
    equal(result.status, 0, "exit status of %s (%s)" % (line, result.err[-300:]))
    _scene["said"] = result.err
    return result.out


def try_example(line):
    expected = [wanted for part, wanted in EXPECTED if part in line]
    require(expected, "no expectation for the output of " + line)
    runs = here(line)
    if "--top" in line:
        out = run_on_screen(runs)
    elif " -d " in runs or " -r " in line or "-- ./server" in line or "curl" in line or "conntrace-stat" in line or \
            "--strace-log" in line:
        out = run_to_its_end(runs)
        for seconds in SECONDS[1:] if here(line) != here(line, 0) else ():
            if not re.search(expected[0], out, re.MULTILINE):
                out = run_to_its_end(here(line, seconds))
    else:
        out = run_for_a_while(runs, expected[0])
    check(re.search(expected[0], out, re.MULTILINE), "%s:\n does not print %s but\n%s%s" % (
        line, expected[0], out[-1500:], _scene.get("said")))


def first_answer(path):
    """It answers once it has opened all and read /proc, which takes it longer than a question may beside much load."""
    with lib.socket.socket(lib.socket.AF_UNIX) as asking:
        asking.settimeout(lib.WAIT_SEC)
        asking.connect(path)
        asking.sendall(b"GET json\n")
        check(asking.recv(1) == b"[", "no answer")


PARTS = 6    # each of every sixth example


def play_part(part):
    lib.need("curl", "jq")
    _, lines = examples()
    check(len(lines) >= 37, "%d examples" % len(lines))
    scene()
    for line in lines[part::PARTS]:
        # Who is asked by conntrace-stat must be there.
        if line.startswith("conntrace-stat"):
            socket = here(line).split(" -U ")[1].split()[0]
            asked = Process([CONNTRACE, "-q", "-i", "lo", "--control=" + socket])
            wait_for(lambda path=socket: os.path.exists(path), "the socket")
            first_answer(socket)
            try_example(line)
            asked.signal(signal.SIGINT)
            equal(asked.wait(), 0, "exit status of who was asked")
        else:
            try_example(line)


for each_part in range(PARTS):
    test("every example of the manual runs and prints what it is there for: part %d of %d" % (each_part + 1, PARTS))(
        lambda part=each_part: play_part(part))


@test("each tool that is replaced has its commands there")
def every_tool():
    text, _ = examples()
    old = re.findall(r"^\.Ql (\S+)", text[text.index("\n.Ss Commands of other tools"):], re.MULTILINE)
    equal(sorted(set(TOOLS) - set(old)), [], "tools without an example")
    equal(sorted(set(old) - set(TOOLS)), [], "unknown tools")


if __name__ == "__main__":
    enter_namespace()
    at_once.main(4)
