# SPDX-License-Identifier: BSD-3-Clause
"""A mailbox moves while its user works: nobody notices, and the request after
the command goes to the new place."""
import json
import threading
import time

import pytest

from lab.topology import CAS10, EX13, MOVER, ORIGIN
from lab.wire import request

MOVES = 20


@pytest.fixture
def moved_back(lab):
    yield lab
    lab.gate.ctl("mailbox", "move", MOVER.smtp, MOVER.server.name)


class Client(threading.Thread):
    """Asks and asks; remembers when each request began and who answered."""

    def __init__(self, lab, keep_alive):
        super().__init__(daemon=True)
        self._lab, self._keep_alive, self._ended = lab, keep_alive, threading.Event()
        self.answers, self.failures = [], []

    def run(self):
        wire = None
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                wire = wire or self._lab.wire()
                answer = wire.ask("POST", "/EWS/Exchange.asmx", MOVER, body="<x/>")
                assert answer.status == 200, f"status {answer.status}"
                self.answers.append((began, time.monotonic(), json.loads(answer.body)["server"]))
            except Exception as error:  # whatever it is, it is a failed request
                self.failures.append(repr(error))
                wire = None
            if wire and not self._keep_alive:
                wire.close()
                wire = None

    def end(self):
        self._ended.set()
        self.join(10)


def test_moves_under_load(moved_back):
    lab = moved_back
    clients = [Client(lab, keep_alive) for keep_alive in (True, True, True, False)]
    for client in clients:
        client.start()
    moves = []
    for i in range(MOVES):
        server = (EX13, CAS10)[i % 2].name
        asked = time.monotonic()
        lab.gate.ctl("mailbox", "move", MOVER.smtp, server)
        moves.append((asked, time.monotonic(), server))
        time.sleep(0.1)
    for client in clients:
        client.end()
    for client in clients:
        assert not client.failures, client.failures[:3]
        assert len(client.answers) > MOVES
        for began, done, server in client.answers:
            # The last move that was certainly in effect, and those that may
            # have come into effect while the request was on its way.
            sure = [to for _, told, to in moves if told <= began][-1:] or [MOVER.server.name]
            perhaps = [to for asked, told, to in moves if asked <= done and told > began]
            assert server in (*sure, *perhaps)
    assert {server for c in clients for _, _, server in c.answers} == {"EX13", "CAS10"}


@pytest.mark.parametrize("key", [MOVER.smtp, MOVER.guid, MOVER.sam, MOVER.other_smtp, MOVER.dn])
def test_move_by_any_name(moved_back, key):
    lab = moved_back
    lab.gate.ctl("mailbox", "move", key, "EX13")
    assert lab.ask(MOVER, "ews")[3]["server"] == "EX13"


def test_request_in_flight_is_not_disturbed(moved_back):
    """The answer that is on its way comes from where it was asked for."""
    lab = moved_back
    lab.gate.ctl("mailbox", "move", MOVER.smtp, ORIGIN.name)
    _, target = lab.origin.path("get", n=100, piece=10, ms=50)
    with lab.wire() as wire:
        wire.send(request("GET", target, MOVER))
        assert wire.head().status == 200
        lab.gate.ctl("mailbox", "move", MOVER.smtp, "EX13")
        assert len(wire.exactly(100)) == 100
        assert json.loads(wire.ask("GET", "/EWS/Exchange.asmx", MOVER).body)["server"] == "EX13"
