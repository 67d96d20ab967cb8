#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=bpf: the cases of network.py, with clients on this host and on another one; as root, where BPF is permitted."""
import lib
import network


if __name__ == "__main__":
    lib.need_bpf()
    lib.enter_namespace(flags="-n")
    network.play_modes(["bpf"])
