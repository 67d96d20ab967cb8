#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The DaemonSet and the profiles of doc/OPERATING.md: kubectl(1) knows each field, and the options are conntrace's."""
import json
import os
import re
import shutil
import subprocess
import sys

import cli

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../doc/OPERATING.md")


def kubectl(*words):
    """Without a cluster: none is asked."""
    done = subprocess.run(["kubectl", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=60,
                          check=False, env=dict(os.environ, KUBECONFIG="/dev/null"))
    assert done.returncode == 0, done.stdout
    return done.stdout


def lacking(wanted, got, at=""):
    """What the first one has and the second one has not: kubectl drops fields that it does not know."""
    if isinstance(wanted, dict):
        return [fault for key, value in wanted.items() for fault in
                (lacking(value, got[key], at + "." + key) if isinstance(got, dict) and key in got else [at + "." + key])]
    if isinstance(wanted, list):
        return [fault for number, value in enumerate(wanted) for fault in
                (lacking(value, got[number], at + "[]") if isinstance(got, list) and number < len(got) else [at + "[]"])]
    return [] if wanted == got else ["%s: %s" % (at, got)]


def unknown(test, manifest):
    """The fields that are lost when kubectl sets the image."""
    path = test.path("manifest.json", json.dumps(manifest).replace('"IMAGE"', '"image"').encode())
    return lacking(manifest, json.loads(kubectl("set", "image", "--local", "-f", path, "conntrace=IMAGE", "-o", "json", "--dry-run=client")))


def fields(test, text, manifest):
    try:
        import yaml    # pylint: disable=import-outside-toplevel
    except ImportError:
        test.skip("the DaemonSet is whole", "python3-yaml is not installed")
        return
    whole = yaml.safe_load(manifest)
    pod = whole["spec"]["template"]["spec"]
    container = pod["containers"][0]
    row = next(re.finditer(r"^\| `--all` \| `(--[^`]*)`", text, re.MULTILINE))[1]
    wrong = [] if whole["spec"]["selector"]["matchLabels"] == whole["spec"]["template"]["metadata"]["labels"] else ["it selects others"]
    wrong += [] if pod["hostPID"] is True and pod["hostNetwork"] is True else ["not the namespaces of the host"]
    wrong += sorted(set(re.findall(r"--cap-add=(\w+)", row)) - set(container["securityContext"]["capabilities"]["add"]))
    known = test.run("--help").stdout
    wrong += [word for word in container["command"][1:] if not re.search(r"(?<![-\w])%s(?![-\w])" % re.escape(word), known)]
    test.say("the DaemonSet is whole, and its options exist", wrong + ([] if container["command"][0] == "conntrace" else ["another program"]))
    if shutil.which("kubectl") is None:
        test.skip("kubectl knows each field of the DaemonSet", "kubectl is not installed")
        return
    test.say("kubectl knows each field of the DaemonSet", unknown(test, whole))
    pod["hostPiD"] = pod.pop("hostPID")
    test.equal("and a wrong one is found", unknown(test, whole), [".spec.template.spec.hostPiD"])


def main():
    test = cli.Cli()
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    found = re.search(r"^    apiVersion:.*\n(?:    .*\n)*", text, re.MULTILINE)
    test.say("there is one", [] if found else ["none"])
    fields(test, text, re.sub(r"^    ", "", found[0], flags=re.MULTILINE))
    name, help_text = "kubectl debug knows the options and profiles", kubectl("debug", "--help") if shutil.which("kubectl") else ""
    if '"netadmin"' not in help_text:
        test.skip(name, "kubectl 1.30 or later is not installed")
    else:
        words = re.findall(r"^\| .* \| `(\w+)` \|", text, re.MULTILINE)
        test.say(name, [word for word in ["--target=", "--image=", "--profile="] + ['"%s"' % word for word in words] if word not in help_text] + ([] if len(words) == 3 else words))
    return test.end()


if __name__ == "__main__":
    sys.exit(main())
