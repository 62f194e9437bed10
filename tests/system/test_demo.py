# SPDX-License-Identifier: BSD-3-Clause
"""app/demo.sh does what it says, and nothing of it stays, however it ends."""
import glob
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from lab.gate import ROOT
from lab.hosts import wait_until

DEMO = ROOT / "app/demo.sh"


def traces():
    """What a lab leaves while it lives; the tests' own labs are in it too."""
    places = ("/run/netns", "/tmp", "/etc/netns")
    return {path for place in places for path in glob.glob(f"{place}/cg[0-9]*")} \
        | set(glob.glob("/var/run/dpdk/casgate-*"))


def hugepages():
    return int(pathlib.Path("/proc/sys/vm/nr_hugepages").read_text())


@pytest.fixture
def before():
    """What must be again as it was when the test has ended."""
    was, pages = traces(), hugepages()
    yield was
    wait_until("everything is removed", lambda: traces() <= was, 15, 0.1)
    assert hugepages() == pages


def start(*words):
    return subprocess.Popen([DEMO, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, env={**os.environ, "TERM": "dumb"})


def until(demo, mark, seconds=60):
    """What it printed up to the line that holds `mark`."""
    said, end = "", time.monotonic() + seconds
    for line in demo.stdout:
        said += line
        if mark in line:
            return said
        assert time.monotonic() < end, said
    pytest.fail(f"it ended before {mark!r}:\n{said}")
    return said


def test_once(before):
    began = time.monotonic()
    demo = start("--once")
    said, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, said
    assert time.monotonic() - began < 60
    assert "WRONG" not in said and re.search(r"[1-9]\d* rows, 0 wrong", said)
    assert re.search(r"[1-9]\d* requests served by CAS10, then [1-9]\d* by EX13, 0 failed", said)


def test_two_at_once(before):
    demos = [start("--once"), start("--once")]
    said = [demo.communicate(timeout=180)[0] for demo in demos]
    assert [demo.returncode for demo in demos] == [0, 0], said


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stays_until_it_is_told(before, number, status):
    demo = start()
    said = until(demo, "Ctrl-C ends it")
    assert "mailbox move" in said and traces() - before
    demo.send_signal(number)
    assert demo.wait(30) == status


def test_killed(before):
    """Not even it itself can clean up now."""
    demo = start()
    until(demo, "Ctrl-C ends it")
    demo.kill()
    demo.wait()


def test_killed_early(before):
    demo = start()
    until(demo, "Setting up")
    time.sleep(0.5)
    demo.kill()
    demo.wait()


def test_needs_root():
    done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", DEMO], text=True,
                          capture_output=True, check=False)
    assert done.returncode != 0 and "root" in done.stderr
