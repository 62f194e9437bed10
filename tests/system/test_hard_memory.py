# SPDX-License-Identifier: BSD-3-Clause
"""Memory that runs out: few packet buffers and few plaintext buffers, and
clients and servers that hold all they can get of them. Others are served
meanwhile, the counters say what happened, and nothing is left of it. And the
hardest end of all, SIGKILL."""
import collections
import pathlib
import threading
import time

import pytest

from lab.control import Rest
from lab.fixture import Lab
from lab.gate import VIP
from lab.hosts import wait_until
from lab.strangers import Strangers
from lab.topology import ALICE, BOB, CAROL, OLGA, Mailbox, Server
from lab.wire import request

NOBODY = Server("NOBODY", "2010", "Nowhere", "10.20.0.99")
LOST = Mailbox("lost", "Lorenz Lost", NOBODY, 9)
BUFFERS = 64        # what 256 sessions make (start.c)
HUGEPAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


@pytest.fixture(scope="module")
def module_lab():
    small = Lab()
    config = small.gate.config
    config["appliance"]["packets"] = 2048
    config["limits"] = {"sessions": 256}
    config["timeouts"] = {"ews": "4s", "idle": "5s"}
    config["sites"].append(NOBODY.site)
    config["servers"].append({"name": NOBODY.name, "fqdn": NOBODY.fqdn, "site": NOBODY.site,
                              "address": NOBODY.address, "version": NOBODY.version,
                              "probes": False})     # they would wait for it too
    (small.files / "big.bin").write_bytes(bytes(8 << 20))
    with small as lab:
        lab.strangers = Strangers(lab, VIP[4])
        lab.gate.ctl("mailbox", "set", LOST.smtp, "--server", NOBODY.name)
        for mailbox in (ALICE, BOB, CAROL):
            assert lab.ask(mailbox, "ews")[0] == 200
        yield lab


@pytest.fixture(scope="module")
def rest(module_lab):
    return Rest(module_lab)


@pytest.fixture
def lab(own_lab, rest):
    """After each test everything is as it was before the first."""
    yield own_lab
    own_lab.strangers.dismiss()
    own_lab.origin.seen.clear()
    more = rest.check()
    assert [own_lab.ask(who, "ews")[0] for who in (ALICE, BOB, CAROL)] == [200] * 3
    print(f"\nat rest: {more['packets_in_use']:+} packet buffers, "
          f"{more['heap_in_use']:+} bytes of heap")


def others(lab, seconds, who=BOB):
    """Another user asks again and again: (status -> how often, slowest [s])."""
    statuses, slowest, end = collections.Counter(), 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        asked = time.monotonic()
        try:
            with lab.wire() as wire:
                wire.socket.settimeout(3)
                statuses[wire.ask("GET", "/EWS/Exchange.asmx", who).status] += 1
        except OSError as error:
            statuses[type(error).__name__] += 1
        slowest = max(slowest, time.monotonic() - asked)
        time.sleep(0.05)
    return statuses, slowest


class Counted:
    """What the counters say of the time between."""

    def __init__(self, lab, *names):
        self._lab, self._names = lab, names
        self._before = lab.gate.stats()

    def __call__(self):
        now = self._lab.gate.stats()
        return {name: now[name] - self._before[name] for name in self._names}


def test_slow_readers(lab):
    """60 clients who read nothing of 8 MiB each take all but what is kept for
    those who want little; who takes nothing for long is ended."""
    counted = Counted(lab, "tcp.verdict.drop_memory", "tcp.timed_out", "tcp.buffers")
    crowd = lab.strangers.start("readers", n=60,
                                request=request("GET", "/OAB/files/big.bin", ALICE).decode())
    assert crowd.line()["done"] == 60
    wait_until("buffers are short", lambda: counted()["tcp.verdict.drop_memory"] > 100)
    held = lab.gate.ctl("worker", "list")[0]["free_packets"]
    statuses, slowest = others(lab, 3)
    wait_until("the first of them is ended", lambda: counted()["tcp.timed_out"] > 0, 20, 0.2)
    said = counted()
    crowd.end()
    print(f"\n{held} packets free beside 60 slow readers; others: {dict(statuses)}, "
          f"slowest {slowest:.2f} s; {said}")
    assert set(statuses) == {200}


def test_slow_heads(lab):
    """More of them than there are buffers to hold what they have sent."""
    counted = Counted(lab, "proxy.evicted", "proxy.starved", "proxy.overloaded")
    crowd = lab.strangers.start("slowloris", n=BUFFERS + 40)
    crowd.line()
    first, _ = others(lab, 2.5)
    then, slowest = others(lab, 2)
    said = counted()
    print(f"\n{BUFFERS + 40} slow heads, {BUFFERS} buffers; others: {dict(first)}, "
          f"then {dict(then)}, slowest {slowest:.2f} s; {said}")
    assert set(then) == {200} and said["proxy.evicted"] > 30


def test_server_that_nobody_answers_for(lab):
    """Its users wait for a connection until the time-out; others do not."""
    counted = Counted(lab, "proxy.overloaded", "proxy.connects_failed", "proxy.timeouts")
    crowd = lab.strangers.start("readers", n=BUFFERS + 40,
                                request=request("GET", "/EWS/Exchange.asmx", LOST).decode())
    assert crowd.line()["done"] == BUFFERS + 40
    statuses, slowest = others(lab, 2)
    wait_until("they were told", lambda: counted()["proxy.timeouts"] >= BUFFERS // 2)
    said = counted()
    crowd.end()
    print(f"\n{BUFFERS + 40} requests for a dead server; others: {dict(statuses)}, slowest "
          f"{slowest:.2f} s; {said}")
    assert set(statuses) == {200}
    assert said["proxy.overloaded"] >= 40 and said["proxy.connects_failed"] >= BUFFERS // 2


def test_server_that_never_answers(lab):
    """It takes 80 requests and says nothing: 504 for each, after its time."""
    counted = Counted(lab, "proxy.timeouts", "proxy.answered")
    statuses = collections.Counter()

    def one():
        with lab.wire() as wire:
            statuses[wire.ask("GET", lab.origin.path("silent")[1], OLGA).status] += 1
    threads = [threading.Thread(target=one) for _ in range(80)]
    for n, thread in enumerate(threads):
        thread.start()
        # More than half of the buffers may not wait for a connection at once.
        wait_until("they have arrived", lambda n=n: len(lab.origin.seen) > n - BUFFERS // 4)
    wait_until("all have arrived", lambda: len(lab.origin.seen) == 80)
    seen, slowest = others(lab, 2)
    for thread in threads:
        thread.join()
    print(f"\n80 requests that are never answered: {dict(statuses)}; others: {dict(seen)}, slowest "
          f"{slowest:.2f} s; {counted()}")
    assert statuses == {504: 80} and set(seen) == {200}
    assert counted() == {"proxy.timeouts": 80, "proxy.answered": 80}


# --- SIGKILL -----------------------------------------------------------------------

def left_behind():
    """What DPDK keeps in the file system, for all processes of this machine."""
    kept = [*pathlib.Path("/var/run/dpdk").glob("casgate-*"),
            *pathlib.Path("/dev/hugepages").glob("casgate-*")]
    return {path.name for path in kept}


def test_killed_again_and_again():
    """In the middle of its work, on hugepages: each time the next one starts at
    once and serves, and what the dead ones held is free again."""
    with Lab(hugepages=160) as lab:
        lab.strangers = Strangers(lab, VIP[4])
        free, took = [], []
        for _ in range(4):
            crowd = lab.strangers.start("readers", n=20,
                                        request=request("GET", "/owa/", ALICE).decode())
            assert crowd.line()["done"] == 20
            free.append(int((HUGEPAGES / "free_hugepages").read_text()))
            dead = f"casgate-{lab.gate.process.pid}"
            lab.gate.kill()
            began = time.monotonic()
            lab.gate.start()
            assert lab.ask(ALICE, "ews")[0] == lab.ask(CAROL, "ews")[0] == 200
            took.append(time.monotonic() - began)
            assert dead not in {name.split("map_")[0] for name in left_behind()}
            lab.strangers.dismiss()
        memory = lab.gate.ctl("status")["memory"]
        print(f"\nkilled 4 times on {memory}: served again after "
              f"{', '.join(f'{t:.2f}' for t in took)} s; free hugepages {free}")
        if lab.huge:
            assert memory == "hugepages" and max(free) - min(free) < 160
