#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What HTTP and TLS say on the wire: HOST, and the trees of requests."""
import socket
import ssl
import threading

from lib import (CONNTRACE, MKCONN, Process, Trace, attach, capturing, check, enter_namespace, equal, main,
                 parse_rows, require, run, scratch, test, wait_file, wait_for, watch)

LONG = "/" + "long/" * 100


def serve(listener, answers):
    """Answers so many requests of one connection, whatever they are, and closes when the client has."""
    connection, _ = listener.accept()
    with connection:
        for answer in answers:
            got = b""
            while not got.endswith(b"\r\n\r\n"):
                more = connection.recv(65536)
                if not more:
                    return
                got += more
            connection.sendall(answer)
        while connection.recv(65536):
            pass


def response(status, body=b"x" * 3000):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def ask(requests):
    """One connection with these requests, (host, path, status) each, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, [response(status) for _, _, status in requests]))
        server.start()
        with socket.create_connection(listener.getsockname()) as client:
            for host, path, _ in requests:
                # In two segments, cut within the name of the field.
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.sendall(b"GET %s HTTP/1.1\r\nHo" % path.encode())
                client.sendall(b"st: %s\r\n\r\n" % host.encode())
                got = b""
                while len(got) < len(response(200)):
                    got += client.recv(65536)
        server.join(60)
        require(not server.is_alive(), "the server ends")


def greet(name):
    """A TLS ClientHello with this server name, and no answer."""
    context = ssl.create_default_context()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def hang_up():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
        server = threading.Thread(target=hang_up)
        server.start()
        try:
            with socket.create_connection(listener.getsockname()) as client:
                context.wrap_socket(client, server_hostname=name)
        except (ssl.SSLError, OSError):
            pass
        server.join(60)


def play():
    ask([("a.example", "/x", 200), ("a.example", "/x", 404), ("b.example", LONG, 500)])
    ask([("a.example", "/y?q=1", 200)])
    greet("tls.example")


@test("HOST of each connection, requests by host and path with their answers, server names")
def names():
    trace = Trace(["-i", "lo", "-z", "http,tree", "-z", "tls,tree"])
    capturing(trace)
    play()
    rows = trace.interrupt()
    hosts = sorted(row["host"] or "-" for row in rows if row["report"] == "conns")
    # Each connection twice: both ends are on this host.
    equal(hosts, ["a.example"] * 4 + ["tls.example"] * 2, "HOST")
    tree = [(row["host"], row["path"], row["count"], row["answers"], row["errors"]) for row in rows
            if row["report"] == "http,tree"]
    equal(tree, [("*", "*", 4, 4, 2), ("a.example", "*", 3, 3, 1), ("a.example", "/x", 2, 2, 1),
                 ("a.example", "/y?q=1", 1, 1, 0), ("b.example", "*", 1, 1, 1), ("b.example", LONG, 1, 1, 1)],
          "http,tree")
    tree = [(row["host"], row["path"], row["count"], row["answers"]) for row in rows if row["report"] == "tls,tree"]
    equal(tree, [("*", "*", 1, None), ("tls.example", "*", 1, None)], "tls,tree")
    equal([row["percent"] for row in rows if row["report"] == "http,tree"][:3], [100, 75, 66.667], "PERCENT")


@test("a recording tells the same")
def recording():
    file = scratch("ev")
    trace = Trace(["-i", "lo", "--record", file], report="http,tree")
    capturing(trace)
    play()
    rows = trace.interrupt()
    again = run([CONNTRACE, "-q", "-j", "-z", "http,tree", "--replay", file])
    equal(parse_rows(again.out), rows, "rows of the replay")
    check(len(rows) == 6, "%d rows" % len(rows))


@test("a filter on connections, and a target, choose whose requests count")
def chosen():
    trace = Trace(["-i", "lo", "--peer", "192.0.2.0/24"], report="http,tree")
    capturing(trace)
    play()
    equal([row["count"] for row in trace.interrupt()], [0], "COUNT with a filter")
    trace = Trace(["-i", "lo"], [MKCONN, "wait-stdin"], report="http,tree", stdin=-1)
    capturing(trace)
    play()
    trace.line()
    equal([row["count"] for row in trace.finish()], [0], "COUNT of another's requests")


@test("requests of a target count that pass before it is known whose the connection is: attached, launched, by looking")
def early():
    def request(path):
        return b"GET %s HTTP/1.1\r\nHost: early.example\r\n\r\n" % path.encode()
    # It is there before accept(2) returns, and before the first look.
    server = ["listen=127.0.0.1:0", "port-file={port}", "wait-stdin"] + ["accept", "recv={size}", "send=1", "close"] * 3
    for how in ("attached", "launched", "diag"):
        port = scratch("port")
        words = [MKCONN] + [word.format(port=port, size=len(request("/a"))) for word in server]
        options = ["-i", "lo", "-z", "http,tree"]
        if how == "launched":
            trace = target = Trace(options, words, stdin=-1)
        else:
            target = Process(words, stdin=-1)
            wait_file(port)
            trace = attach([target.pid], options, runner=()) if how == "attached" else watch([target.pid], options, before=())
        number = int(wait_file(port))
        capturing(trace)
        clients = []
        for path in ("/a", "/b", "/b"):
            clients.append(socket.create_connection(("127.0.0.1", number)))
            clients[-1].sendall(request(path))
        target.line()
        for client in clients:
            while client.recv(65536):
                pass
            client.close()
        rows = trace.finish() if how == "launched" else trace.interrupt()
        tree = [(row["host"], row["path"], row["count"]) for row in rows if row["report"] == "http,tree"]
        equal(tree, [("*", "*", 3), ("early.example", "*", 3), ("early.example", "/b", 2), ("early.example", "/a", 1)],
              "http,tree, " + how)


@test("a line for each head, with the fields that were asked for, as it passes; replayed, the same lines")
def messages():
    file = scratch("ev")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, [response(404)] * 2))
        server.start()
        trace = Trace(["-i", "lo", "--events=messages:User-Agent:Content-Length:X", "--record", file],
                      ["curl", "-s", "-o", scratch("one"), "-o", scratch("two"), "-A", "me 1", "-H", "X: a", "-H", "X: b"] +
                      ["http://127.0.0.1:%d%s" % (listener.getsockname()[1], path) for path in ("/1", "/2")])
        rows = trace.finish()
        server.join(60)
    heads = [row for row in rows if row["report"] == "messages"]
    name = "127.0.0.1:%d" % heads[0]["rport"]
    equal([(row["message"], row["method"], row["target"], row["status"], row["host"], row["user-agent"],
            row["content-length"], row["x"]) for row in heads],
          [("request", "GET", "/1", None, name, "me 1", None, "a, b"),
           ("answer", None, None, 404, None, None, "3000", None),
           ("request", "GET", "/2", None, name, "me 1", None, "a, b"),
           ("answer", None, None, 404, None, None, "3000", None)], "heads")
    equal({(row["comm"], row["dir"], row["raddr"]) for row in heads}, {("curl", "out", "127.0.0.1")}, "whose they are")
    check([row["time"] for row in heads] == sorted(row["time"] for row in heads), "TIME")
    again = run([CONNTRACE, "-q", "-j", "--events=messages:user-agent:content-length:x", "-z", "conns", "--replay", file])
    equal(parse_rows(again.out), rows, "rows of the replay")


@test("without packets there is no tree, and that is said")
def without():
    result = run([CONNTRACE, "--events=messages", "--", "true"])
    equal(result.status, 2, "exit status")
    check("-i IFACE" in result.err and "--events=messages" in result.err, "the remedy: " + result.err)
    result = run([CONNTRACE, "-z", "http,tree", "--", "true"])
    equal(result.status, 2, "exit status")
    check("-i IFACE" in result.err and "http,tree" in result.err, "the remedy: " + result.err)


if __name__ == "__main__":
    enter_namespace()
    main()
