#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The sum of what the suites counted, alone on the last line.

    count.py [--failed N] DIRECTORY SUITE...

Reads DIRECTORY/SUITE.junit.xml, as meson and pytest write it; for meson's
suites also SUITE.json, because a program that crashed or timed out may have
failed no single case. A suite without a test counts as one failure.
"""
import argparse
import json
import pathlib
import sys
import xml.etree.ElementTree

BAD = {"FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"}


def cases(path):
    """Yield (name, verdict) of every test case in a JUnit file."""
    try:
        tree = xml.etree.ElementTree.parse(path)
    except (OSError, xml.etree.ElementTree.ParseError):
        return
    for case in tree.iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        if any(case.find(bad) is not None for bad in ("failure", "error")):
            yield name, "failed"
        elif case.find("skipped") is not None:
            yield name, "skipped"
        else:
            yield name, "passed"


def crashed(path, known_bad):
    """Yield the names of programs that failed beyond what their cases say."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        test = json.loads(line)
        name = test["name"].split(" / ")[-1]
        if test["result"] in BAD and not any(name in bad for bad in known_bad):
            yield f"{test['name']} ({test['result'].lower()})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--failed", type=int, default=0)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("suites", nargs="+")
    options = parser.parse_args()
    total = {"passed": 0, "failed": options.failed, "skipped": 0}
    print()
    for suite in options.suites:
        found = list(cases(options.directory / f"{suite}.junit.xml"))
        bad = [name for name, verdict in found if verdict == "failed"]
        more = list(crashed(options.directory / f"{suite}.json", bad))
        if not found and not more:
            more = [f"{suite}: no test was run"]
        count = {v: sum(verdict == v for _, verdict in found) for v in total}
        count["failed"] += len(more)
        for name in (*bad, *more):
            print(f"FAILED {suite}: {name}")
        print(f"{suite}: {count['passed']} passed, {count['failed']} failed, "
              f"{count['skipped']} skipped")
        for verdict, n in count.items():
            total[verdict] += n
    print(f"\n{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped",
          flush=True)
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
