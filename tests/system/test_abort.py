# SPDX-License-Identifier: BSD-3-Clause
"""How exchanges end that do not end well. The rule behind every row: a message
that was cut must never look complete to the one who receives it, and an answer
must arrive even if the question was not finished."""
import hashlib
import time

import pytest

from lab.origin import pattern, pattern_sha256
from lab.topology import ALICE, OLGA
from lab.wire import CLOSE_NOTIFY, FIN, RESET, request

CUTS = ["close_notify", "fin", "reset"]
HALF = "Content-Length: 100000\r\n"


# --- the client ends ------------------------------------------------------------

@pytest.mark.parametrize("how", ["close_notify", "fin"])
def test_client_ends_behind_a_whole_request(lab, how):
    """It half-closed and waits: it gets its answer, then the end."""
    number, target = lab.origin.path("echo", delay=300)
    with lab.wire() as wire:
        wire.send(request("POST", target, OLGA, body="abc"))
        getattr(wire, how)()
        if how == "close_notify":
            answer = wire.read()
            assert (answer.status, answer.complete) == (200, True)
        else:
            # To TLS that is a cut; whether it is answered or reset is open,
            # but it must not linger.
            assert wire.ending() != "open"
        assert wire.ending() in (CLOSE_NOTIFY, FIN, RESET)
    assert lab.origin.find(number).ended == "complete"


@pytest.mark.parametrize("framing", [HALF, "Transfer-Encoding: chunked\r\n"],
                         ids=["length", "chunked"])
@pytest.mark.parametrize("how", CUTS)
def test_client_ends_inside_a_body(lab, how, framing):
    """The back end gets a reset: a cut upload must not look complete."""
    number, target = lab.origin.path("echo")
    body = "400\r\n" + "x" * 1024 + "\r\n" if "chunked" in framing else "x" * 1000
    with lab.wire() as wire:
        wire.send(request("POST", target, OLGA, headers=framing, body=body))
        lab.origin.find(number, ended=False)
        getattr(wire, how)()
        assert lab.origin.find(number).ended == RESET


def test_client_gives_up_waiting(lab):
    """No one is left to answer: the back end learns it."""
    number, target = lab.origin.path("silent")
    with lab.wire() as wire:
        wire.send(request("GET", target, OLGA))
        lab.origin.find(number)
        wire.reset()
        assert lab.origin.ending(lab.origin.find(number)) == RESET


def test_client_gives_up_inside_the_answer(lab):
    number, target = lab.origin.path("get", n=50_000_000)
    with lab.wire() as wire:
        wire.send(request("GET", target, OLGA))
        assert wire.head().status == 200
        wire.reset()
    assert lab.origin.ending(lab.origin.find(number)) == RESET


# --- the back end ends ---------------------------------------------------------------

@pytest.mark.parametrize("then", ["reset", "fin", "notify"])
def test_back_end_ends_before_an_answer(lab, then):
    _, target = lab.origin.path("raw", hex="", then=then)
    with lab.wire() as wire:
        assert wire.ask("GET", target, OLGA).status == 502


@pytest.mark.parametrize("then", ["reset", "fin", "notify"])
def test_back_end_ends_inside_its_head(lab, then):
    _, target = lab.origin.path("raw", hex=b"HTTP/1.1 200 OK\r\nContent-".hex(), then=then)
    with lab.wire() as wire:
        assert wire.ask("GET", target, OLGA).status == 502


@pytest.mark.parametrize("then", ["reset", "fin", "notify"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_back_end_ends_inside_a_body(lab, framing, then):
    """Announced 200,000, sent 100,000: whatever ended it, the client is cut."""
    _, target = lab.origin.path("get", n=100_000, announce=200_000, framing=framing, then=then)
    with lab.wire() as wire:
        answer = wire.ask("GET", target, OLGA)
        assert answer.status == 200 and not answer.complete
        assert wire.ended == RESET


@pytest.mark.parametrize("then, complete", [("notify", True), ("fin", False), ("reset", False)])
def test_back_end_body_until_close(lab, then, complete):
    """close_notify is the only thing that says it is all there."""
    number, target = lab.origin.path("get", n=300_000, framing="close", then=then)
    with lab.wire() as wire:
        answer = wire.ask("GET", target, OLGA)
        assert answer.complete == complete
        assert wire.ended == (CLOSE_NOTIFY if complete else RESET)
        if complete:
            assert hashlib.sha256(answer.body).hexdigest() == pattern_sha256(300_000)
    assert lab.origin.find(number)


def test_end_comes_behind_the_last_byte(lab):
    """A slow reader gets all of a body whose sender has long gone."""
    n = 3_000_000
    _, target = lab.origin.path("get", n=n, framing="close", then="notify")
    digest = hashlib.sha256()
    with lab.wire() as wire:
        wire.send(request("GET", target, OLGA))
        assert wire.head().status == 200
        time.sleep(0.5)
        while piece := wire.some(20000):
            digest.update(piece)
            time.sleep(0.001)
        assert wire.ended == CLOSE_NOTIFY
    assert digest.hexdigest() == pattern_sha256(n)


@pytest.mark.parametrize("then", ["notify", "fin", "reset"])
def test_back_end_closes_between_requests(lab, then):
    """The client does not notice: its next request goes over a new one."""
    with lab.wire() as wire:
        _, target = lab.origin.path("echo", then=then)
        assert wire.ask("GET", target, OLGA).status == 200
        time.sleep(0.2)
        _, target = lab.origin.path("echo")
        assert wire.ask("GET", target, OLGA).status == 200


@pytest.mark.parametrize("then", ["notify", "reset"])
def test_one_dead_back_end_harms_nobody_else(lab, then):
    with lab.wire() as other:
        assert other.ask("GET", "/owa/", ALICE).status == 200
        for _ in range(5):
            _, target = lab.origin.path("raw", hex="", then=then)
            with lab.wire() as wire:
                assert wire.ask("GET", target, OLGA).status == 502
        assert other.ask("GET", "/owa/", ALICE).status == 200


# --- early answers and lingering close ------------------------------------------------

@pytest.mark.parametrize("status", [400, 401, 413, 503])
def test_early_answer_reaches_a_client_that_still_sends(lab, status):
    """Outlook announces 1 GiB and would be reset before it reads the 401."""
    number, target = lab.origin.path("early", status=status)
    with lab.wire() as wire:
        wire.send(request("RPC_IN_DATA", target, OLGA, headers="Content-Length: 1073741824\r\n",
                          body=b"x" * 100))
        lab.origin.find(number, ended=False)
        try:    # it goes on sending without looking
            for _ in range(4):
                wire.send(b"y" * 16384)
                time.sleep(0.02)
        except OSError:
            pass
        answer = wire.read()
        assert (answer.status, answer.complete) == (status, True)
        assert wire.ending() in (CLOSE_NOTIFY, FIN, RESET)
    assert lab.origin.find(number).ended == RESET


def test_own_answer_reaches_a_client_that_still_sends(lab):
    with lab.wire() as wire:
        wire.send(request("POST", "/nothing/here", OLGA, headers="Content-Length: 1000000000\r\n",
                          body=b"x" * 100))
        try:
            for _ in range(4):
                wire.send(b"y" * 16384)
                time.sleep(0.02)
        except OSError:
            pass
        answer = wire.read()
        assert (answer.status, answer.complete) == (404, True)


def test_lingering_ends(lab):
    """A client that never stops is reset, after a second or 256 kB."""
    number, target = lab.origin.path("early", status=401)
    began = time.monotonic()
    with lab.wire() as wire:
        wire.send(request("POST", target, OLGA, headers="Content-Length: 1073741824\r\n", body=b"x"))
        lab.origin.find(number, ended=False)
        with pytest.raises(OSError):
            while time.monotonic() < began + 8:
                wire.send(b"y" * 4096)
                time.sleep(0.01)
    assert time.monotonic() - began < 5


def test_early_success_lets_the_body_go_on(lab):
    """Full duplex: an answer that began does not end the request."""
    number, target = lab.origin.path("duplex")
    total = b""
    with lab.wire() as wire:
        wire.send(request("POST", target, OLGA, headers="Content-Length: 30000\r\n", body=b"a" * 10000))
        assert wire.head().status == 200
        for letter in (b"b", b"c"):
            total += b"".join(read_chunks(wire, 10000))
            wire.send(letter * 10000)
        total += b"".join(read_chunks(wire, 10000))
        assert wire.until(b"\r\n\r\n") == b"0"
        assert total == b"a" * 10000 + b"b" * 10000 + b"c" * 10000
        _, target = lab.origin.path("echo")
        assert wire.ask("GET", target, OLGA).status == 200, "and the connection goes on"
    assert lab.origin.find(number).ended == "complete"


def read_chunks(wire, n):
    """Chunk data until n bytes of it have come."""
    while n > 0:
        size = int(wire.until(b"\r\n").split(b";")[0], 16)
        yield wire.exactly(size)
        wire.exactly(2)
        n -= size


# --- Outlook Anywhere's two channels -------------------------------------------------

def test_rpc_channels(lab):
    """1 GiB announced on both, bytes at once in both directions, and each ends
    when its client just goes."""
    out_id, out_target = lab.origin.path("get", vdir="/rpc/rpcproxy.dll", n=20_000, piece=100, ms=5,
                                         announce=1 << 30, then="reset")
    in_id, in_target = lab.origin.path("silent", vdir="/rpc/rpcproxy.dll")
    with lab.wire() as out, lab.wire() as up:
        out.send(request("RPC_OUT_DATA", out_target, OLGA, body=b"o" * 76))
        up.send(request("RPC_IN_DATA", in_target, OLGA, headers="Content-Length: 1073741824\r\n",
                        body=b"i" * 100))
        assert out.head().status == 200
        began = time.monotonic()
        assert out.exactly(100) == next(pattern(100))
        assert time.monotonic() - began < 0.5, "pieces are passed on as they come"
        for i in range(10):
            up.send(b"p" * 50)
            seen = lab.origin.find(in_id, ended=False)
            lab.origin.wait_bytes(seen, 100 + 50 * (i + 1))
        up.fin()
        assert lab.origin.find(in_id).ended == CLOSE_NOTIFY     # PDUs tell their own length
        assert out.ending() == RESET    # the server went; 1 GiB never came
    assert lab.origin.find(out_id)


def test_download_is_not_read_ahead(lab):
    """A client that does not read makes the server wait, not casgate grow."""
    n = 64 << 20
    number, target = lab.origin.path("get", n=n)
    with lab.wire() as wire:
        wire.send(request("GET", target, OLGA))
        assert wire.head().status == 200
        time.sleep(1.0)
        session = next(s for s in lab.gate.sessions() if s["user"] == OLGA.smtp)
        assert session["bytes_down"] < 4 << 20
    assert lab.origin.ending(lab.origin.find(number)) == RESET
