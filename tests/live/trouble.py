#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The screens of doc/TROUBLE.md are what its commands print, but for numbers that differ from run to run.

    trouble.py            each command is run as it stands there
    trouble.py --update   writes the present output of each command into the document
"""
import os
import re
import sys

from lib import CONNTRACE, Skip, enter_namespace, equal, main, must, read_file, require, run, scratch, test, write_file

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../doc/TROUBLE.md")
SCREEN = re.compile(r"(<!-- screen begin: (\w+) -->\n+```\n\$ (conntrace [^\n]*)\n)(.*?)(```\n+<!-- screen end -->)", re.DOTALL)
HEAD = """#!%s
import os, socket, struct, time
def listen(port, backlog=16):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(backlog)
    return listener
def request(port, size=100):
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(bytes(size))
    return client
""" % sys.executable
# What the programs of the document do: "client" or "server".
PROGRAMS = {
    "refused": ("client", """
socket.socket().connect_ex(("127.0.0.1", 8080))
"""),
    "silent": ("client", """
client = socket.socket()
client.settimeout(1.5)
client.connect_ex(("192.0.2.7", 443))
client.close()
"""),
    "unreachable": ("client", """
socket.socket().connect_ex(("198.51.100.9", 443))
"""),
    "ports": ("client", """
listener = listen(8080)
kept = [socket.socket() for _ in range(3)]
for client in kept:
    client.connect_ex(("127.0.0.1", 8080))
"""),
    "queue": ("server", """
listener = listen(8080)
if os.fork() == 0:
    request(8080).recv(10)
    os._exit(0)
time.sleep(0.4)
served = listener.accept()[0]
served.recv(100)
served.sendall(b"answer")
os.wait()
"""),
    "answer": ("server", """
listener = listen(8080)
if os.fork() == 0:
    client = request(8080)
    while client.recv(10):
        pass
    os._exit(0)
served = listener.accept()[0]
served.recv(100)
time.sleep(0.3)
served.sendall(b"answer")
served.close()
os.wait()
"""),
    "reader": ("client", """
listener = listen(8080)
client = socket.create_connection(("127.0.0.1", 8080))
served = listener.accept()[0]
client.setblocking(False)
try:
    while True:
        client.send(bytes(65536))
except BlockingIOError:
    pass
time.sleep(10)
"""),
    "reset": ("server", """
listener = listen(8080)
if os.fork() == 0:
    client = request(8080)
    client.recv(10)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    os._exit(0)
served = listener.accept()[0]
served.recv(100)
served.sendall(b"answer")
os.wait()
try:
    served.recv(100)
except ConnectionResetError:
    served.close()
"""),
    "descriptors": ("server", """
import resource
listener = listen(8080)
clients = [request(8080) for _ in range(2)]
resource.setrlimit(resource.RLIMIT_NOFILE, (listener.fileno() + 4, listener.fileno() + 4))
kept = []
for _ in clients:
    try:
        kept.append(listener.accept()[0])
    except OSError:
        pass
kept[0].recv(100)
kept[0].close()
clients[0].recv(10)
clients[0].close()
"""),
    "datagram": ("client", """
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"question", ("127.0.0.1", 53))
"""),
    "selected": ("client", """
socket.socket().connect_ex(("127.0.0.1", 8080))
"""),
    "shown": ("client", """
listener = listen(8080)
request(8080, 0).close()
listener.accept()[0].close()
"""),
}
# Commands before, where an address, a route or a limit of this network namespace is needed.
SETUP = {
    "silent": [["ip", "address", "replace", "192.0.2.1/32", "dev", "lo"],
               ["ip", "route", "replace", "192.0.2.0/24", "dev", "lo"]],
    "ports": [["sh", "-c", "echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range"]],
}


def shape(text):
    """Lines as words. A number that differs from run to run is N, but 0 is 0, and an address is itself."""
    def number(match):
        return match.group() if match.group() == "0" or match.group().count(".") == 3 else "N"
    return [" ".join(re.sub(r"\b\d+(?:[.:]\d+)*\b", number, line).split()) for line in text.splitlines()]


def play(name, command):
    program, source = PROGRAMS[name]
    directory = scratch(name)
    os.mkdir(directory)
    os.chmod(directory, 0o755)
    write_file(os.path.join(directory, program), HEAD + source, 0o755)
    for words in SETUP.get(name, ()):
        must(words)
    return run([CONNTRACE] + command.split()[1:], cwd=directory)


def is_packet_run(command):
    return " -i " in command


def update():
    def replaced(match):
        result = play(match.group(2), match.group(3))
        return match.group(1) + result.out + result.err + match.group(5)
    write_file(DOCUMENT, SCREEN.sub(replaced, read_file(DOCUMENT)))


def define(name, command, screen):
    @test("%s: %s" % (name, command))
    def compare():
        if is_packet_run(command) and run([CONNTRACE, "-i", "lo", "-q", "--", "true"]).status != 0:
            raise Skip("no packets here")
        result = play(name, command)
        equal(shape(result.out + result.err), shape(screen), "the screen")


if __name__ == "__main__":
    enter_namespace()
    if "--update" in sys.argv:
        update()
        sys.exit()
    found = SCREEN.findall(read_file(DOCUMENT))
    require(sorted(name for _, name, *_ in found) == sorted(PROGRAMS), "a screen for each program")
    for _, name, command, screen, _ in found:
        define(name, command, screen)
    main()
