#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What other people's checkers say of the scripts and the manual pages."""
import os
import shutil
import subprocess

import lint


# mdoc(7) puts EXAMPLES after EXIT STATUS. These pages have it first.
ACCEPTED = ("sections out of conventional order: Sh ENVIRONMENT", "sections out of conventional order: Sh FILES")


def complaints(command, paths):
    wrong = []
    for path in paths:
        done = subprocess.run(command + [os.path.join(lint.TOP, path)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            wrong += [line for line in (done.stdout + done.stderr).splitlines() if not line.endswith(ACCEPTED)]
    return wrong


def shell_scripts():
    return [path for path in lint.files() if lint.read(path).startswith(("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env bash"))]


def main():
    tap = lint.Tap()
    checks = (
        ("shellcheck", ["shellcheck", "-x"], shell_scripts()),
        ("mandoc", ["mandoc", "-T", "lint", "-W", "warning"], lint.files(".1", ".5", ".8")),
        ("bash", ["bash", "-n"], lint.files(".bash")),
        ("zsh", ["zsh", "-n"], [path for path in lint.files() if path.startswith("completions/_")]),
    )
    for tool, command, paths in checks:
        if shutil.which(tool) is None:
            tap.skip("%s has nothing to say" % tool, "%s is not installed" % tool)
        else:
            tap.say("%s has nothing to say" % tool, complaints(command, paths) if paths else ["no file to check"])
    tap.end()


main()
