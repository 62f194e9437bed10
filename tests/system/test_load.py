# SPDX-License-Identifier: BSD-3-Clause
"""Two hundred clients at once: none fails, and afterwards nothing is left."""
import re
import threading

import pytest

from lab.hosts import wait_until
from lab.topology import ALICE, BOB, CAROL, NAMESPACE, OLGA
from lab.wire import basic

LAB = {"workers": 2}
CONNECTIONS = 200
BASE = f"https://{NAMESPACE}:443"    # wrk would look "https" up in /etc/services


def configure(config):
    config["timeouts"] = {"idle": "3s"}


@pytest.fixture
def lab(own_lab):
    """Each test leaves every count where it was."""
    yield own_lab
    own_lab.origin.seen.clear()
    settle(own_lab)


GAUGES = ("proxy.sessions", "proxy.handshakes_now", "proxy.buffers_used",
          "proxy.large_buffers_used", "tcp.syn_queue", "tcp.buffers")


def settle(lab):
    """No session, no buffer, no connection is left (TIME-WAIT may be)."""
    def left():
        stats = lab.gate.stats()
        found = {name: stats[name] for name in GAUGES if stats[name]}
        busy = {s["server"]: s["connections"] for s in lab.gate.ctl("server", "list")
                if s["connections"]}
        return found, busy
    try:
        wait_until("all counts at rest", lambda: not any(left()), 15, 0.2)
    except TimeoutError:
        pytest.fail(f"left over: {left()}")


def wrk(lab, target, mailbox, *words, seconds=3, connections=CONNECTIONS):
    """Answers, and everything else that happened."""
    done = lab.hosts.run("client", "wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout",
                         "8s", "-H", basic(mailbox).strip(), *words,
                         f"{BASE}{target}")
    answers = int(re.search(r"(\d+) requests in", done.stdout)[1])
    errors = re.findall(r"Socket errors:.*|Non-2xx.*", done.stdout)
    return answers, errors


@pytest.mark.parametrize("mailbox", [ALICE, BOB, CAROL], ids=lambda m: m.alias)
def test_keep_alive(lab, mailbox):
    answers, errors = wrk(lab, "/EWS/Exchange.asmx", mailbox)
    assert answers > 10 * CONNECTIONS and not errors, (answers, errors)


def test_a_connection_each(lab):
    answers, errors = wrk(lab, "/EWS/Exchange.asmx", ALICE, "-H", "Connection: close")
    assert answers > CONNECTIONS and not errors, (answers, errors)


def test_bodies(lab):
    (lab.files / "page.bin").write_bytes(b"x" * 100_000)
    answers, errors = wrk(lab, "/OAB/files/page.bin", ALICE)
    assert answers > CONNECTIONS and not errors, (answers, errors)


def test_memory_does_not_grow(lab):
    """The third thousand connections take what the second thousand gave back."""
    heap = []
    for _ in range(3):
        answers, errors = wrk(lab, "/EWS/Exchange.asmx", ALICE, "-H", "Connection: close", seconds=2)
        assert answers > CONNECTIONS and not errors, (answers, errors)
        settle(lab)
        heap.append(lab.gate.stats()["memory.heap_in_use"])
    assert heap[2] - heap[1] < 1 << 20, heap


def test_clients_that_vanish(lab):
    """wrk is ended in the middle of everything, several times."""
    for _ in range(3):
        client = lab.hosts.spawn("client", "wrk", "-t1", "-c100", "-d20s", "-H",
                                 basic(ALICE).strip(), f"{BASE}/owa/", log="wrk")
        wait_until("many sessions", lambda: lab.gate.stats()["proxy.sessions"] > 50)
        client.kill()
        client.wait()
    assert lab.ask(ALICE, "ews")[0] == 200


def test_server_ends_under_load(lab):
    """Its clients get 502 or a cut; those of the others notice nothing."""
    unharmed = []

    def others():
        unharmed.append(wrk(lab, "/EWS/Exchange.asmx", BOB, seconds=4, connections=50))

    thread = threading.Thread(target=others)
    thread.start()
    client = lab.hosts.spawn("client", "wrk", "-t1", "-c50", "-d4s", "-H", basic(CAROL).strip(),
                             f"{BASE}/owa/", log="wrk")
    wait_until("both are busy", lambda: lab.gate.stats()["proxy.sessions"] >= 100)
    standin = lab.standins["CAS10B"]
    standin.stop()
    try:
        wait_until("Carol is refused", lambda: lab.ask(CAROL, "ews", check=False)[0] == 502)
    finally:
        standin.start()
        standin.wait()
    thread.join()
    client.wait()
    (answers, errors), = unharmed
    assert answers and not errors
    assert lab.ask(CAROL, "ews")[0] == 200


def test_mixed_uploads(lab):
    """Many users at once, all kinds of ends, all checksums right."""
    wrong = []

    def user(i):
        for n in range(6):
            number, target = lab.origin.path("echo")
            with lab.wire(family=4 + 2 * (i % 2)) as wire:
                body = bytes([65 + i]) * (1000 * (n * n + 1))
                answer = wire.ask("POST", target, OLGA, body=body)
                seen = lab.origin.find(number)
                if answer.status != 200 or seen.bytes != len(body):
                    wrong.append((i, n, answer.status, seen.bytes))
                if n % 3 == 1:
                    wire.reset()
                elif n % 3 == 2:
                    wire.close_notify()

    threads = [threading.Thread(target=user, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
