#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=bpf: every scenario of scenarios.py, as root, where BPF is permitted.

With ALL=1 in the environment each is played over IPv4 and over IPv6.
"""
import sys

import lib
import matrix


if __name__ == "__main__":
    lib.need_bpf()
    lib.enter_namespace(flags="-n")
    sys.exit(matrix.play_modes(["bpf"], sys.argv[1:]))
