# SPDX-License-Identifier: GPL-2.0-or-later
"""An nginx of the test's own, and clients of it that count their bytes."""
import os
import re
import socket
import threading

import lib
from lib import need, read_file, scratch, wait_for, write_file

CLIENTS = ["127.0.0.%d" % n for n in range(1, 5)]
SIZES = (0, 1, 1000, 65536, 200001)
PORT = 8080                                     # in a namespace of its own

CONFIG = """
daemon off;
worker_processes 4;
pid %(top)s/pid;
error_log %(top)s/error.log;
%(user)s
events { worker_connections 512; }
http {
    access_log off;
    %(paths)s
    keepalive_requests 100000;
    server { listen 127.0.0.1:%(port)d; root %(top)s/html; }
}
"""


class Nginx:
    """The files of an nginx of our own; the workers of root's are @user's."""

    def __init__(self, user="root root"):
        self.top = scratch("nginx")
        os.makedirs(self.top + "/html")
        for size in SIZES:
            write_file("%s/html/%d" % (self.top, size), "x" * size)
        paths = "\n".join("%s_temp_path %s/%s;" % (name, self.top, name)
                          for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user %s;" % user if os.getuid() == 0 else ""
        config = write_file(self.top + "/conf", CONFIG % {"top": self.top, "user": user, "paths": paths, "port": PORT})
        self.argv = [need("nginx"), "-p", self.top, "-c", config]

    def master(self):
        return int(read_file(self.top + "/pid"))

    def workers(self):
        return lib.children(self.master())

    def wait(self):
        """Until the four workers accept."""
        wait_for(lambda: read_file(self.top + "/pid") and len(self.workers()) == 4, "nginx's workers")


class Client(threading.Thread):
    """So many requests from one address; counts what it sent and received."""

    # Each port once: when a port is used again, what the kernel knew of the first connection may be gone.
    next_port = dict.fromkeys(CLIENTS, 20000)

    def __init__(self, address, requests, per_connection):
        super().__init__(daemon=True)
        self.address, self.requests, self.per_connection = address, requests, per_connection
        self.connections = self.sent = self.received = self.wrong = 0
        self.error = None

    def run(self):
        try:
            done = 0
            while done < self.requests:
                source = (self.address, self.next_port[self.address])
                self.next_port[self.address] += 1
                with socket.create_connection(("127.0.0.1", PORT), 20, source) as connection:
                    self.connections += 1
                    for number in range(min(self.per_connection, self.requests - done)):
                        last = number + 1 == self.per_connection or done + 1 == self.requests
                        self.request(connection, SIZES[done % len(SIZES)], last and self.per_connection == 1)
                        done += 1
        except OSError as error:
            self.error = "%s: %s" % (self.address, error)

    def request(self, connection, size, close):
        text = "GET /%d HTTP/1.1\r\nHost: test\r\n%s\r\n" % (size, "Connection: close\r\n" if close else "")
        connection.sendall(text.encode())
        self.sent += len(text)
        answer = b""
        head = -1
        while head < 0 or len(answer) < head + size or close:
            piece = connection.recv(65536)
            if not piece:
                break
            answer += piece
            self.received += len(piece)
            if head < 0 and b"\r\n\r\n" in answer:
                head = answer.index(b"\r\n\r\n") + 4
        if not re.match(rb"HTTP/1.1 200 ", answer) or len(answer) != head + size:
            self.wrong += 1
