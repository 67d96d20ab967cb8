#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS_VERSION, ALPN and TLS_MS of a live connection are what both of its ends say; a recording has them.

    tls.py play VERSION CERTIFICATE        (played by the tests) a connection to itself; prints what it agreed on
"""
import json
import os
import socket
import ssl
import sys
import threading
import time

from lib import CONNTRACE, Trace, between, check, enter_namespace, equal, main, must, need, read_file, run, scratch, \
    short, test

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def play(version, certificate):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    server.set_alpn_protocols(["spam", "http/1.1"])
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.set_alpn_protocols(["h2", "http/1.1"])
    client.minimum_version = client.maximum_version = VERSIONS[version]
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        served, _ = listener.accept()
        with server.wrap_socket(served, server_side=True) as secure:
            while secure.recv(100):
                pass
    thread = threading.Thread(target=serve)
    thread.start()
    begin = time.monotonic()
    with client.wrap_socket(socket.create_connection(listener.getsockname()), server_hostname="name.example") as secure:
        secure.sendall(b"x" * 100)
        took = (time.monotonic() - begin) * 1000
        print(json.dumps([secure.version(), secure.selected_alpn_protocol(), took]))
    thread.join()


@test("version, protocol and time of TLS 1.2 and 1.3 on loopback")
def live():
    openssl = need("openssl")
    certificate = scratch("certificate")
    must([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=name.example", "-days", "2", "-keyout",
          certificate, "-out", certificate + ".crt"])
    with open(certificate, "a", encoding="ascii") as file:
        file.write(read_file(certificate + ".crt"))
    for version in VERSIONS:
        record = scratch("ev")
        trace = Trace(["-i", "lo", "--record", record], [sys.executable, os.path.abspath(__file__), "play", version,
                                                         certificate])
        rows = trace.finish()
        said, alpn, took = json.loads(trace.out)
        equal((said, alpn), ("TLSv" + version, "http/1.1"), "what the ends agreed on")
        equal(sorted(row["dir"] for row in rows), ["in", "out"], "rows of " + version)
        for row in rows:
            equal((row["tls_version"], row["alpn"], row["host"]),
                  (version, alpn if version == "1.2" else None, "name.example"), short(row))
            between(row["tls_ms"], 0.001, took, "TLS_MS of " + version)
        check(any(line.find("message=tls-data") > 0 for line in read_file(record).splitlines()), "the recording")
        again = [json.loads(line) for line in run([CONNTRACE, "-q", "--replay", record, "-j", "-z", "conns"]).out.splitlines()]
        equal([row["tls_ms"] for row in again], [row["tls_ms"] for row in rows], "replayed")
        # The facts are no messages of the program.
        again = run([CONNTRACE, "-q", "--replay", record, "--events=messages", "-O", "MESSAGE", "-H"]).out
        equal(again.split(), ["hello"], "messages")


if sys.argv[1:2] == ["play"]:
    play(*sys.argv[2:4])
else:
    enter_namespace()
    main()
