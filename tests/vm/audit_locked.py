#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--via=audit where the rules of audit are locked. They stay so until the machine ends."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
from lib import CONNTRACE, check, equal, main, run, skip_all, test
from kernel_audit import STATUS_ENABLED, Audit


@test("locked rules: the run is refused with the reason, --check says it, and nothing is added")
def locked():
    audit = Audit()
    audit.set(STATUS_ENABLED, enabled=2)
    result = run([CONNTRACE, "--via=audit", "--", "true"], limit=240)
    equal(result.status, 1, "exit status: " + result.err)
    check("locked until the next boot" in result.err, result.err)
    check("locked until the next boot" in run([CONNTRACE, "--check"], limit=240).out, "--check")
    equal(audit.rules(), [], "rules")


if __name__ == "__main__":
    if not os.environ.get("CONNTRACE_VM"):
        skip_all("only in the virtual machine of make check-vm")
    main()
