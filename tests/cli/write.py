#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-w: the packets of the connections that are wanted, as other programs read them; rotation; full and slow disks."""
import glob
import json
import os
import resource
import shutil
import stat
import struct
import subprocess

import cli

CAPTURES = os.environ.get("CONNTRACE_CAPTURES", "")
# pcapng: what the blocks of a file are.
SECTION, INTERFACE, STATISTICS, PACKET = 0x0a0d0d0a, 1, 5, 6
FIN, SYN, RST, ACK = 1, 2, 4, 16


def blocks(path):
    """(type, body) of each block; an AssertionError if the file does not end with one."""
    with open(path, "rb") as file:
        content = file.read()
    at, found = 0, []
    while at < len(content):
        kind, length = struct.unpack_from("=II", content, at)
        assert length % 4 == 0 and at + length <= len(content), "a block is cut at %d" % at
        assert struct.unpack_from("=I", content, at + length - 4)[0] == length, "lengths differ at %d" % at
        found.append((kind, content[at + 8:at + length - 4]))
        at += length
    return found


def count(path, kind):
    return sum(block[0] == kind for block in blocks(path))


def tshark(path, *words):
    done = subprocess.run(["tshark", "-n", "-r", path, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, timeout=cli.LIMIT)
    return done.stdout.splitlines() if done.returncode == 0 else [done.stderr]


def frames(path):
    """Time and bytes of each packet of a pcapng file of this byte order, with its comment."""
    found = []
    for kind, body in blocks(path):
        if kind == PACKET:
            high, low, caplen = struct.unpack_from("=4xIII", body)
            rest, comment = body[20 + (caplen + 3) // 4 * 4:], None
            while len(rest) >= 4:
                code, length = struct.unpack_from("=HH", rest)
                if code == 1:
                    comment = rest[4:4 + length].decode()
                rest = rest[4 + (length + 3) // 4 * 4:]
            found.append((high << 32 | low, body[20:20 + caplen], comment))
    return found


def many(number):
    """A savefile with so many connections of seven packets."""
    here, there, content = (192, 0, 2, 1), (192, 0, 2, 7), []
    for i in range(number):
        port = 10000 + i
        content += [cli.segment(there, here, port, 80, 100, 0, SYN), cli.segment(here, there, 80, port, 500, 101, SYN | ACK),
                    cli.segment(there, here, port, 80, 101, 501, ACK),
                    cli.segment(there, here, port, 80, 101, 501, ACK, b"x" * 900),
                    cli.segment(here, there, 80, port, 501, 1001, ACK | FIN),
                    cli.segment(there, here, port, 80, 1001, 502, ACK | FIN),
                    cli.segment(here, there, 80, port, 502, 1002, ACK)]
    data = bytearray(cli.pcap([]))
    for index, frame in enumerate(content):
        data += struct.pack("<IIII", 1700000000 + index // 1000, index % 1000 * 1000, len(frame), len(frame)) + frame
    return bytes(data)


def chosen(test):
    source = test.path("chosen.pcap", cli.scenario())
    for name, words, wanted in (("all", [], 9), ("by port", ["--lport=80"], 7), ("by failure", ["--only=failed"], 2),
                                ("by peer", ["--peer=198.51.100.0/24"], 0), ("by direction", ["--dir=in"], 9),
                                ("by the other direction", ["--dir=out"], 0), ("by a packet filter", ["--filter=tcp port 81"], 2)):
        target = test.path("chosen.pcapng")
        done = test.run("-r", source, "-w", target, *words)
        found = frames(target) if os.path.exists(target) else []
        wrong = [] if done.returncode == 0 and len(found) == wanted else [done.stderr, found]
        if "%d packet%s written" % (wanted, "" if wanted == 1 else "s") not in done.stderr:
            wrong.append(done.stderr)
        if found != sorted(found, key=lambda frame: frame[0]):
            wrong.append("not in order of time")
        test.say("packets chosen %s" % name, wrong)
    again, other = test.path("again.pcapng"), test.path("other.pcapng")
    test.run("-r", source, "-w", other)
    done = test.run("-r", other, "-w", again)
    with open(other, "rb") as one, open(again, "rb") as two:
        test.say("a file that was written gives itself", [] if one.read() == two.read() else [done.stderr])
    rows = [[line for line in test.run("-r", path, "-z", "conns", "-j", "-O", "+RX_PKTS,SEEN").stdout.splitlines()
             if "summary" not in line] for path in (source, other)]
    test.say("and the same connections", [] if rows[0] == rows[1] and len(rows[0]) == 2 else rows)
    with open(again, "wb") as file:
        done = test.run("-q", "-r", source, "-o", os.devnull, "-w", "-", stdout=file)
    with open(other, "rb") as one, open(again, "rb") as two:
        test.say("to standard output", [] if one.read() == two.read() else [done.stderr])


def comments(test):
    """The process in the comments of a savefile is that of its connection."""
    source, target = test.path("plain.pcap", cli.scenario()), test.path("owned.pcapng")
    test.run("-r", source, "-w", target)
    with open(target, "rb") as file:
        content = file.read()
    # The comments get a process: the service's of the connection to port 80, of another length.
    owned = b""
    at = 0
    while at < len(content):
        kind, length = struct.unpack_from("=II", content, at)
        block = content[at:at + length]
        at += length
        place = block.find(b"conntrace: ")
        if kind == PACKET and place > 0:
            size = struct.unpack_from("=H", block, place - 2)[0]
            text = block[place:place + size].replace(b"conntrace: ", b"conntrace: pid=4711 comm=my\\x20server ")
            block = (block[:place - 2] + struct.pack("=H", len(text)) + text + b"\0" * (-len(text) % 4) +
                     block[place + (size + 3) // 4 * 4:])
            block = block[:4] + struct.pack("=I", len(block)) + block[8:-4] + struct.pack("=I", len(block))
        owned += block
    path = test.path("owned.pcapng", owned)
    done = test.run("-r", path, "-z", "conns", "-j")
    rows = [json.loads(line) for line in done.stdout.splitlines() if "summary" not in line]
    wanted = [(port, 4711, "my server") for port in (80, 81)]
    got = sorted((row["lport"], row["pid"], row["comm"]) for row in rows)
    test.say("processes of a savefile's comments", [] if got == wanted else [got, done.stderr])
    for several in (["-r", path, "-r", source], ["-r", path, "--ladder=all"]):
        done = test.run(*several, "-z", "conns", "-j")
        rows = [json.loads(line) for line in done.stdout.splitlines() if '"rx_pkts"' in line]
        test.say("and with " + several[-1].split("/")[-1], [] if {row["pid"] for row in rows} == {4711} else
                 [done.stdout, done.stderr])
    record = test.path("record")
    test.run("-r", path, "--record", record)
    done = test.run("--replay", record, "-z", "conns", "-j")
    got = sorted((row["lport"], row["pid"], row["comm"]) for row in map(json.loads, done.stdout.splitlines())
                 if "summary" not in row)
    test.say("recorded and replayed", [] if got == wanted else [got, done.stderr])
    target = test.path("twice.pcapng")
    test.run("-r", path, "-w", target)
    found = [frame[2] for frame in frames(target)]
    test.say("and written again", [] if len(found) == 9 and all("pid=4711 comm=my\\x20server dir=in " in text for text in found)
             else found)


def files(test):
    source, target = test.path("files.pcap", cli.scenario()), test.path("files.pcapng")
    test.run("-r", source, "-w", target)
    test.say("only its owner may read it", [] if stat.S_IMODE(os.stat(target).st_mode) == 0o600 else
             [oct(os.stat(target).st_mode)])
    done = test.run("-r", target, "-w", target)
    test.expect("not over its own input", done, 1, ["would overwrite"])
    link = test.path("link.pcapng")
    os.symlink(target, link)
    test.expect("nor through a link", test.run("-r", target, "-w", link), 1, ["would overwrite"])
    test.expect("nor over the report", test.run("-r", source, "-w", link, "-o", target), 1, ["cannot both write"])
    os.link(source, target + ".3")
    test.expect("nor over its own input by a name of --rotate", test.run("-r", source, "-w", target, "--rotate=64K,4"), 1, ["would overwrite"])
    test.expect("three files do not need that name", test.run("-r", source, "-w", target, "--rotate=64K,3"), 0)
    os.unlink(target + ".3")
    test.expect("nor over the report by such a name", test.run("-r", source, "-w", target, "--rotate=1s", "-o", target + ".9"), 1,
                ["cannot both write"])
    test.expect("nor with the report to standard output", test.run("-r", source, "-w", "-"), 1,
                ["--output and --write cannot both write to \"standard output\": with -o FILE the report goes there"])
    os.mkfifo(test.path("fifo"))
    test.expect("what is no regular file is not renamed", test.run("-r", source, "-w", "fifo", "--rotate=64K"), 1,
                ["--rotate cannot rename \"fifo\""])
    test.expect("a folder that does not exist", test.run("-r", source, "-w", "none/file"), 1, ["none/file"])
    kept = test.path("kept.pcapng", b"content")
    test.run("-r", test.path("none.pcap"), "-w", kept)
    with open(kept, "rb") as file:
        test.say("a run that could not begin leaves the file", [] if file.read() == b"content" else ["it is changed"])
    test.usage(["-w", "file", "--replay=x"], "--write does nothing without packets")
    test.usage(["-r", "x", "--rotate=1M"], "--rotate does nothing without the file it applies to")
    test.usage(["-r", "x", "-w", "-", "--rotate=1M"], "--rotate needs the name of a file")
    for word in ("10", "1X", "M", "10K", "0s", "1M,1", "1M,x", "1M,100000", "x" * 99):
        test.usage(["-r", "x", "-w", "y", "--rotate=" + word], "--rotate")


def rotated(test):
    """The newest files are kept, each is one, and together they end with the newest packets."""
    source = test.path("many.pcap", many(1000))
    for limit, kept in (("512K,3", 3), ("1s,4", 4), ("1M", 10)):
        target = test.path("rotated.pcapng")
        for path in glob.glob(target + "*"):
            os.remove(path)
        done = test.run("-r", source, "-w", target, "--rotate=" + limit)
        names = [target + ".%d" % i for i in range(kept - 1, 0, -1) if os.path.exists(target + ".%d" % i)] + [target]
        wrong = [] if sorted(glob.glob(target + "*")) == sorted(names) and len(names) > 1 else [glob.glob(target + "*")]
        if kept < 10 and len(names) != kept:
            wrong.append("%d files" % len(names))
        times = []
        for name in names:
            kinds = [block[0] for block in blocks(name)]
            if kinds[0] != SECTION or (PACKET in kinds and (kinds[1] != INTERFACE or kinds[-1] != STATISTICS)):
                wrong.append("%s: %s..." % (name, kinds[:9]))
            times += [frame[0] for frame in frames(name)]
        if times != sorted(times) or times[-1] != 1700000006999000000:
            wrong.append("the last packets: %s" % times[-9:])
        if "7000 packets written" not in done.stderr:
            wrong.append(done.stderr)
        test.say("rotated by %s" % limit, wrong)


def full(test):
    """A disk is full at any place of a block: the file ends with a whole one, and the report goes on."""
    source, target = test.path("full.pcap", many(100)), test.path("full.pcapng")
    for limit in (10, 100, 101, 150, 5000, 70001):
        done = test.run("-r", source, "-w", target, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit,) * 2))
        try:
            written, wrong = count(target, PACKET), []
        except AssertionError as error:
            written, wrong = 0, [error]
        if done.returncode != 1 or os.path.getsize(target) > limit:
            wrong.append("status %s, %d bytes" % (done.returncode, os.path.getsize(target)))
        for part in ("File too large", "%d packet%s written; %d are missing: writing failed" %
                     (written, "" if written == 1 else "s", 700 - written)):
            if part not in done.stderr:
                wrong += ["stderr lacks " + part, done.stderr]
        if " 100 " not in done.stdout:
            wrong.append(done.stdout)
        test.say("a disk that is full after %d bytes" % limit, wrong)


def full_device(test):
    if not os.path.exists("/dev/full"):
        test.skip("a full device", "no /dev/full")
        return
    done = test.run("-r", test.path("many.pcap", many(3)), "-w", "/dev/full")
    test.expect("a full device", done, 1, ["No space left", "0 packets written; 21 are missing: writing failed"], " 3 ")


def compared(test):
    """Other programs find in the file what they find of TCP in the source."""
    if shutil.which("tshark") is None:
        test.skip("tshark reads what was written", "no tshark")
        return
    source, target = test.path("compared.pcap", many(20)), test.path("compared.pcapng")
    test.run("-r", source, "-w", target)
    fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "tcp.srcport", "-e", "tcp.seq_raw"]
    test.say("tshark reads what was written", [] if tshark(source, *fields) == tshark(target, *fields) else
             tshark(target, *fields)[:9])
    if shutil.which("capinfos") is None or shutil.which("editcap") is None:
        test.skip("editcap and capinfos, too", "no editcap")
        return
    copied = test.path("copied.pcapng")
    subprocess.run(["editcap", target, copied], check=True, timeout=cli.LIMIT)
    done = subprocess.run(["capinfos", "-M", "-c", "-a", copied], stdout=subprocess.PIPE, text=True, check=True, timeout=cli.LIMIT)
    test.say("editcap and capinfos, too", [] if "140" in done.stdout else [done.stdout])


def captures(test):
    """Each public capture: as many packets as the run counts in its connections, also in tunnels and pieces."""
    paths = sorted(glob.glob(os.path.join(CAPTURES, "*", "*.pcap*"))) if CAPTURES else []
    if not paths:
        test.skip("public captures", "CONNTRACE_CAPTURES is not set")
        return
    wrong, total = [], 0
    for path in paths:
        target = test.path("capture.pcapng")
        if os.path.exists(target):
            os.remove(target)
        done = test.run("-r", path, "-w", target, "-z", "conns", "-j", "--decapsulate=all")
        if not os.path.exists(target) or not os.path.getsize(target):
            continue
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        summary = [row["summary"] for row in rows if "summary" in row]
        counted = sum((row["rx_pkts"] or 0) + (row["tx_pkts"] or 0) + (row["copies"] or 0) for row in rows if "rx_pkts" in row)
        missing = done.stderr.count("missing")
        written = len(frames(target))
        total += written
        # ICMP errors and late packets are written, and count in no connection.
        if not missing and summary and written < counted:
            wrong.append("%s: %d written, %d counted" % (path, written, counted))
    test.say("public captures: no packet of a connection is missing (%d)" % total, wrong)


def main():
    test = cli.Cli()
    chosen(test)
    comments(test)
    files(test)
    rotated(test)
    full(test)
    full_device(test)
    compared(test)
    captures(test)
    test.end()


if __name__ == "__main__":
    main()
