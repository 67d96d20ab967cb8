#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged savefiles: the program ends by itself, explains each frame, and gives the same answer twice (TAP).

Public captures are cut at any byte, their frames are cut by a small snaplen, swapped, doubled, dropped, and their clock
steps back; the choices come from a seed. Each is read in batches of two sizes. ALL=1 damages every public capture in every
way instead of a few in one way each, and SEED=N makes other choices.
"""
import glob
import os
import random
import struct
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"),
                os.path.dirname(os.path.abspath(__file__))]
import cli
import frames
import same

SEED = int(os.environ.get("SEED", "1"))
MAGICS = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
# Frames at most, so that a large capture takes no longer than others.
FRAMES = 3000
# Every how many captures one is damaged, in a run that takes a few.
SAMPLE = 3


def parts(data):
    """Return: order of bytes, file header, and frames as [second, fraction, length on the wire, bytes]; None no pcap."""
    order = MAGICS.get(data[:4])
    if order is None:
        return None
    at, found = 24, []
    while at + 16 <= len(data) and len(found) < FRAMES:
        second, fraction, caplen, length = struct.unpack_from(order + "4I", data, at)
        if at + 16 + caplen > len(data):
            break
        found.append([second, fraction, length, data[at + 16:at + 16 + caplen]])
        at += 16 + caplen
    return order, data[:24], found


def joined(order, header, found):
    return header + b"".join(struct.pack(order + "4I", second & 0xffffffff, fraction, len(data), length) + data
                             for second, fraction, length, data in found)


def cut_file(chance, order, header, found):
    data = joined(order, header, found)
    return data[:chance.randrange(24, len(data) + 1)]


def cut_frames(chance, order, header, found):
    snaplen = chance.randrange(1, 120)
    return joined(order, header, [[s, f, n, data[:snaplen if chance.random() < 0.7 else chance.randrange(len(data) + 1)]]
                                  for s, f, n, data in found])


def swapped(chance, order, header, found):
    """Places change, and half of the time the times with them."""
    for _ in range(len(found) // 3 + 1):
        one = chance.randrange(len(found))
        other = min(len(found) - 1, one + chance.randrange(1, 40))
        found[one], found[other] = found[other], found[one]
        if chance.random() < 0.5:
            found[one][:2], found[other][:2] = found[other][:2], found[one][:2]
    return joined(order, header, found)


def doubled(chance, order, header, found):
    result = []
    for frame in found:
        result += [frame] * chance.choice((1, 1, 1, 2, 3))
        if chance.random() < 0.1:
            result.append(chance.choice(result))
    return joined(order, header, result)


def dropped(chance, order, header, found):
    share = chance.random()
    return joined(order, header, [frame for frame in found if chance.random() < share])


def stepped_back(chance, order, header, found):
    """The clock steps, mostly back, by up to a day."""
    shift = 0
    for frame in found:
        if chance.random() < 0.02:
            shift += chance.choice((-1, -1, -10, -100, -3600, -86400, 5, 86400))
        frame[0] = max(0, frame[0] + shift)
    return joined(order, header, found)


WAYS = (cut_file, cut_frames, swapped, doubled, dropped, stepped_back)


def is_sound(test, name, path, is_whole):
    first, other = (same.read(path, *words) for words in ((), ("--debug=batch:3",)))
    # In what is cut, what counts as a TCP frame is a matter of definition.
    wrong = same.unexplained(frames.tcp_frames(path) if is_whole else None, first)
    if first[-1] not in ("0", "1") or not any(line.startswith('{"summary"') for line in first) and first[-1] == "0":
        wrong.append("exit status %s: %s" % (first[-1], first[-2][-500:]))
    if first != other:
        wrong += ["another answer 3 at a time"] + same.difference(first, other)
    test.say(name, wrong)


def main():
    test = cli.Cli()
    # Each file beside others of all sizes.
    public = sorted(glob.glob(os.path.join(same.CAPTURES, "*", "*.pcap")) + glob.glob(os.path.join(same.CAPTURES, "*", "*.cap")))
    for number, path in enumerate(public if same.ALL else public[SEED % SAMPLE::SAMPLE]):
        with open(path, "rb") as file:
            found = parts(file.read())
        if found is None or not found[2]:
            continue
        order, header, all_frames = found
        for way in WAYS if same.ALL else WAYS[number % len(WAYS)::3]:
            chance = random.Random("%s %s %d" % (os.path.basename(path), way.__name__, SEED))
            data = way(chance, order, header, [list(frame) for frame in all_frames])
            is_sound(test, "%s: %s" % (way.__name__, os.path.relpath(path, same.CAPTURES)),
                     test.path("damaged.pcap", data), way not in (cut_file, cut_frames))
    if not public:
        test.skip("public captures", "CONNTRACE_CAPTURES names no folder with some")
    test.end()


main()
