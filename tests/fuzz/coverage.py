#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Replays a corpus, and tells how much of the code it is about it reaches.

    coverage.py REPLAY CORPUS SOURCE...

REPLAY runs over CORPUS. If clang built it with -fprofile-instr-generate and
-fcoverage-mapping, the lines that were run are counted, and less than LEAST
percent of any SOURCE (a file's path within lib) is a failure. The lines of
assert() and of what cannot happen do not count apart: the bar leaves room.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

LEAST = 85.0


def lines_of(replay, profile, sources):
    """Yield (source, percent, lines) from the raw profile; nothing without one."""
    if not profile.exists() or not profile.stat().st_size:
        return
    merged = profile.with_suffix(".profdata")
    subprocess.run(["llvm-profdata", "merge", "-sparse", "-o", merged, profile], check=True)
    told = json.loads(subprocess.run(
        ["llvm-cov", "export", "-summary-only", f"-instr-profile={merged}", replay],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    files = {f["filename"]: f["summary"]["lines"] for f in told["data"][0]["files"]}
    for source in sources:
        found = [lines for name, lines in files.items() if name.endswith(f"/lib/{source}")]
        lines = found[0] if found else {"percent": 0.0, "count": 0}
        yield source, lines["percent"], lines["count"]


def main():
    replay, corpus, *sources = sys.argv[1:]
    poor = 0
    with tempfile.TemporaryDirectory() as scratch:
        profile = pathlib.Path(scratch) / "raw"
        subprocess.run([replay, corpus], check=True,
                       env={**os.environ, "LLVM_PROFILE_FILE": str(profile)})
        for source, percent, count in lines_of(replay, profile, sources):
            print(f"{source}: {percent:.1f} % of {count} lines")
            poor += percent < LEAST
    return poor


if __name__ == "__main__":
    sys.exit(main())
