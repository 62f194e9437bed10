# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the system tests: a lab that most tests share, and labs of their
own for tests that change what others rely on."""
import os
import pathlib
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from lab import audit  # noqa: E402  (needs the path above)
from lab.fixture import Lab  # noqa: E402

FULL = bool(os.environ.get("CASGATE_FULL"))


def pytest_report_header():
    build = os.environ.get("CASGATE_BUILD", "build")
    return f"casgate from {build}, {'full' if FULL else 'quick'} sizes"


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"audit: {audit.summary()}")


@pytest.fixture(scope="session")
def shared_lab():
    with Lab() as lab:
        yield lab


def watch(lab, request):
    """Around one test: a casgate that dies is that test's failure, and the
    next one finds a living one again."""
    if not lab.gate.alive:
        lab.gate.start()
    before = request.session.testsfailed
    yield lab
    if not lab.gate.alive:
        log = lab.gate.log()
        lab.gate.start()
        pytest.fail(f"casgate died in this test:\n{log}", pytrace=False)
    if request.session.testsfailed > before:
        print(lab.gate.log()[-2000:])
    lab.gate.audit.check()


@pytest.fixture
def lab(shared_lab, request):
    """The shared lab. A test that changes it puts back what it changed."""
    yield from watch(shared_lab, request)


@pytest.fixture(scope="module")
def module_lab(request):
    """A lab of the module's own; its `LAB` says how it is made and its
    `configure(config)` changes the configuration before the start."""
    lab = Lab(**getattr(request.module, "LAB", {}))
    change = getattr(request.module, "configure", None)
    if change:
        change(lab.gate.config)
    with lab:
        yield lab


@pytest.fixture
def own_lab(module_lab, request):
    yield from watch(module_lab, request)
