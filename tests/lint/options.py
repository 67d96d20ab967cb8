#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of the program, of the manual page and of the completions are the same."""
import os
import re
import subprocess

import lint

OPTION = re.compile(r'^OPTION\((?:\'(.)\'|0), (?:"([\w-]+)"|NULL), (?:"(\[?\w+\]?)"|NULL), .*\)$')


def from_table():
    """{"-p": True, "--pid": True, ...}: the option and whether it takes an argument."""
    found = {}
    for line in lint.read("src/cli/options.def").splitlines():
        match = OPTION.match(line)
        if match:
            letter, name, argument = match.groups()
            if letter:
                found["-" + letter] = argument is not None
            if name:
                found["--" + name] = argument is not None
    return found


def from_help():
    done = subprocess.run([os.path.join(lint.BUILD, "conntrace"), "--help"], capture_output=True, text=True, check=False)
    found = {}
    for line in done.stdout.splitlines():
        match = re.match(r"  (?:(-\w)(?:, )?|    )(?:(--[\w-]+)(\[?=\w+\]?)?)?(?:\s|$)", line)
        if match:
            for option in match.group(1), match.group(2):
                if option:
                    found[option] = match.group(3) is not None
    return found


def from_manual():
    found = {}
    section = ""
    for line in lint.read("man/conntrace.1").splitlines():
        if line.startswith(".Sh "):
            section = line[4:]
        match = re.match(r"\.It (Fl .*)", line)
        if match and section == "OPTIONS":
            argument = " Ar " in match.group(1)
            for option in re.findall(r"Fl (-?[\w-]+)", match.group(1)):
                found["-" + option] = argument
    return found


def groups_of_help():
    """[(title, options in order), ...] of --help; an option by its last name."""
    done = subprocess.run([os.path.join(lint.BUILD, "conntrace"), "--help"], capture_output=True, text=True, check=False)
    found = []
    for line in done.stdout.splitlines():
        option = re.match(r"  (?:(-\w)(?:, )?|    )(--[\w-]+)?", line)
        if re.match(r"[A-Z][\w ]+:$", line):
            found.append((line[:-1], []))
        elif found and option and (option.group(1) or option.group(2)):
            found[-1][1].append(option.group(2) or option.group(1))
    return found


def groups_of_manual():
    found = []
    section = ""
    for line in lint.read("man/conntrace.1").splitlines():
        if line.startswith(".Sh "):
            section = line[4:]
        if section != "OPTIONS":
            continue
        if line.startswith(".Ss "):
            found.append((line[4:], []))
        elif line.startswith(".It Fl "):
            found[-1][1].append("-" + re.findall(r"Fl (-?[\w-]+)", line)[-1])
    return found


def different_groups(helps, manual):
    wrong = [] if [title for title, _ in helps] == [title for title, _ in manual] else \
        ["titles of --help: %s; of the manual: %s" % tuple([title for title, _ in groups] for groups in (helps, manual))]
    for title, options in helps:
        if options != dict(manual).get(title, options):
            wrong.append("%s: --help has %s, the manual %s" % (title, " ".join(options), " ".join(dict(manual)[title])))
    return wrong


def from_bash():
    text = lint.read("completions/conntrace.bash")
    every = re.search(r"local options='(.*?)'", text, re.DOTALL).group(1).split()
    with_argument = "|".join(re.findall(r"with_argument\+?='\|?(.*?)'", text)).split("|")
    cased = set()
    for names in re.findall(r"^\t(-[^)]*)\)", text, re.MULTILINE):
        cased |= {name for name in re.split(r"[\s|\\]+", names) if name}
    return {option: option in with_argument for option in every}, cased


def from_zsh():
    found = {}
    for line in lint.read("completions/_conntrace").splitlines():
        match = re.match(r"\t'(?:\([^)]*\)|\*)?'?\{?([^}\['\s]+)\}?'?\[", line)
        if match:
            for option in match.group(1).split(","):
                found[option.rstrip("=-")] = "=[" in line or "=}" in line or "=-[" in line
    return found


def without_effect():
    """Fields of struct options that no file other than the parser reads."""
    body = re.search(r"^struct options \{\n(.*?)^\};", lint.read("src/cli/options.h"), re.MULTILINE | re.DOTALL).group(1)
    fields = re.findall(r"\b(\w+)(?:\[\w+\])?;$", body, re.MULTILINE)
    readers = "".join(lint.read(path) for path in lint.files(".c")
                      if path.startswith("src/") and path not in ("src/cli/options.c", "src/cli/options_help.c", "src/cli/options_check.c"))
    exceptions = lint.Exceptions("option")
    wrong = ["no file reads options->%s" % field for field in fields
             if not re.search(r"\boptions(->|\.)%s\b" % field, readers) and not exceptions.allow(field)]
    return wrong + exceptions.unused() + ([] if len(fields) > 30 else ["too few fields"])


def differences(name, theirs, ours):
    wrong = ["%s lacks %s" % (name, option) for option in sorted(set(ours) - set(theirs))]
    wrong += ["%s has %s, the program has not" % (name, option) for option in sorted(set(theirs) - set(ours))]
    wrong += ["%s: %s takes %s argument" % (name, option, "an" if ours[option] else "no")
              for option in sorted(set(ours) & set(theirs)) if ours[option] != theirs[option]]
    return wrong


def main():
    tap = lint.Tap()
    table = from_table()
    lines = [line for line in lint.read("src/cli/options.def").splitlines() if line.startswith("OPTION(")]
    tap.say("options.def has one line per option",
            [line for line in lines if not OPTION.match(line)] or ([] if len(lines) > 40 else ["too few"]))
    # A letter alone shows its argument nowhere in --help of this table; there is none of that kind.
    help_text = from_help()
    for option in [option for option in help_text if len(option) == 2 and option in table]:
        help_text[option] = table[option]
    tap.say("--help has the options of the table", differences("--help", help_text, table))
    tap.say("every option has an effect", without_effect())
    tap.say("the manual page has them", differences("man/conntrace.1", from_manual(), table))
    tap.say("the groups of --help are those of the manual page, with the same options in the same order",
            different_groups(groups_of_help(), groups_of_manual()))
    bash, cased = from_bash()
    tap.say("the bash completion has them", differences("completions/conntrace.bash", bash, table))
    tap.say("the bash completion knows what follows each that takes an argument",
            ["%s has no case" % option for option in sorted(table) if table[option] and option not in cased])
    tap.say("the zsh completion has them", differences("completions/_conntrace", from_zsh(), table))
    tap.end()


main()
