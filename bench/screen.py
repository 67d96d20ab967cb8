# SPDX-License-Identifier: GPL-2.0-or-later
"""What the screen of --top costs with many live connections: percent of a processor, seen on a pseudo terminal."""
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/live"))
sys.path.insert(0, os.path.join(HERE, "../tests/cli"))

# pylint: disable=wrong-import-position
import terminal  # noqa: E402
from lib import CONNTRACE, Process, end_processes, require, scratch, wait_file  # noqa: E402

# One exchange after the other, round the connections; all rates and idle times change all the time.
TRAFFIC = """
import os, resource, socket, sys, time
count, a_second = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (2 * count + 100,) * 2)
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(count)
ours = []
for i in range(count // 2):
    client = socket.create_connection(server.getsockname())
    ours.append((client, server.accept()[0]))
open(sys.argv[3], "w").write(str(os.getpid()) + chr(10))
at = 0
next_time = time.monotonic()
while True:
    client, served = ours[at % len(ours)]
    client.sendall(b"x" * 100)
    served.recv(100)
    served.sendall(b"y" * 1000)
    client.recv(1000)
    at += 1
    next_time += 1 / a_second
    time.sleep(max(0, next_time - time.monotonic()))
"""


def processor_seconds(session):
    """User and system time of every process of the terminal's session."""
    ticks = 0
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, encoding="utf-8") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def read_for(screen, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        screen.read(0.2)


def load(words, connections, seconds):
    """Percent of a processor while there are no new connections."""
    screen = terminal.Terminal([CONNTRACE] + words, width=120, height=50)
    try:
        if "--top" in words:
            screen.wait_text("%d open" % connections, 60)
        read_for(screen, 5)
        before, begin = processor_seconds(screen.process.pid), time.monotonic()
        read_for(screen, seconds)
        used = processor_seconds(screen.process.pid) - before
        percent = 100 * used / (time.monotonic() - begin)
        # The next one can't attach before this one has let go.
        screen.process.send_signal(signal.SIGINT)
        require(screen.wait() == 0, "it failed: " + screen.received[-200:])
        return percent
    finally:
        screen.close()


def top(connections=1000, a_second=50, seconds=20):
    pid_file = scratch("pid")
    print("--top with %d live connections, %d exchanges a second, 120 x 50 characters (2 %% of a processor are wanted)"
          % (connections, a_second))
    Process([sys.executable, "-c", TRAFFIC, str(connections), str(a_second), pid_file])
    pid = wait_file(pid_file)
    for words in (["--via=ptrace", "-p", pid], ["--via=diag", "-p", pid], ["-i", "lo"]):
        print("  %-40s %9.2f %%, %.2f %% without --top" % (
            "conntrace --top " + " ".join(words).replace(pid, "PID"), load(["--top"] + words, connections, seconds),
            load(words, connections, seconds)))
        sys.stdout.flush()
    end_processes()
    print()
