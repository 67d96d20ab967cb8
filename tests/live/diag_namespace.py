#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What diag.py plays as an ordinary user, in user and network namespaces of an ordinary user; and with packets."""
import diag    # pylint: disable=unused-import
from lib import enter_namespace, equal, main, short, test, wait_for, watch
from watched import SERVE, Target, finish


@test("packets join connections of processes that nobody stops")
def packets():
    target = Target(SERVE)
    trace = watch([target.pid], ["-i", "lo"])
    target.serve(20)
    rows = finish(trace)
    equal(len(rows), 20, "rows (%s)" % rows.summary)
    for row in rows:
        equal((row["rx_bytes"], row["tx_bytes"], row["pid"], row["result"], row["dir"], "w" in row["seen"],
               "k" in row["seen"]), (10, 20, target.pid, "ok", "in", True, True), short(row))
    wait_for(lambda: target.alive(), "the target lives")


if __name__ == "__main__":
    enter_namespace()
    main()
