# SPDX-License-Identifier: BSD-3-Clause
"""How long is waited for what, with time-outs of one or two seconds."""
import socket
import time

import pytest

from lab import topology
from lab.gate import VIP
from lab.topology import ALICE, NAMESPACE, OLGA
from lab.wire import CLOSE_NOTIFY, FIN, OPEN, RESET, Wire, request

NOBODY = topology.Server("NOBODY", "2010", "Nowhere", "10.20.0.99")
MUTE = "10.20.0.98"
LOST = topology.Mailbox("lost", "Lorenz Lost", NOBODY, 9)


def configure(config):
    config["timeouts"] = {"tls-handshake": "1s", "request-head": "1s", "idle": "2s",
                          "connect": "1s", "ews": "2s", "rpc": "1h"}
    config["sites"].append(NOBODY.site)
    config["servers"].append({"name": NOBODY.name, "fqdn": NOBODY.fqdn, "address": NOBODY.address,
                              "version": NOBODY.version, "site": NOBODY.site,
                              "tls": config["servers"][0]["tls"]})


@pytest.fixture
def lab(own_lab):
    return own_lab


def lasts(least, most, began):
    took = time.monotonic() - began
    assert least <= took <= most, f"{took:.2f} s"


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half a hello"])
def test_no_handshake(lab, said):
    began = time.monotonic()
    with lab.hosts.inside("client"):
        wire = Wire((VIP[4], 443))
    with wire:
        wire.send(said)
        assert wire.ending() in (FIN, RESET)
    lasts(0.8, 3, began)


def test_handshake_byte_by_byte(lab):
    """The time-out is for the whole handshake, not from byte to byte."""
    began = time.monotonic()
    with lab.hosts.inside("client"):
        wire = Wire((VIP[4], 443))
    with wire, pytest.raises(OSError):
        wire.send(b"\x16\x03\x01\x02\x00")
        while time.monotonic() < began + 6:
            wire.send(b"\x01")
            time.sleep(0.1)
    lasts(0.8, 4, began)


@pytest.mark.parametrize("said", ["G", "GET /owa/ HTTP/1.1\r\nHost: mail"])
def test_half_a_head(lab, said):
    with lab.wire() as wire:
        began = time.monotonic()
        wire.send(said.encode())
        assert wire.read().status == 408
        assert wire.ending() == CLOSE_NOTIFY
    lasts(0.8, 3, began)


def test_head_byte_by_byte(lab):
    """Slowloris: the time-out is for the whole head."""
    began = time.monotonic()
    with lab.wire() as wire:
        try:
            wire.send(f"GET /owa/ HTTP/1.1\r\nHost: {NAMESPACE}\r\nX: ".encode())
            while time.monotonic() < began + 6 and wire.silent(0.1):
                wire.send(b"a")
        except OSError:
            pass
    lasts(0.8, 4, began)


def test_idle_connection_is_closed_in_order(lab):
    with lab.wire() as wire:
        assert wire.ask("GET", "/owa/", ALICE).status == 200
        began = time.monotonic()
        assert wire.ending() == CLOSE_NOTIFY
    lasts(1.5, 4, began)


def test_silent_back_end(lab):
    number, target = lab.origin.path("silent")
    with lab.wire() as wire:
        began = time.monotonic()
        assert wire.ask("GET", target, OLGA).status == 504
        lasts(1.5, 4, began)
    assert lab.origin.ending(lab.origin.find(number)), "that connection is not used again"


def test_silence_inside_an_answer(lab):
    _, target = lab.origin.path("get", n=1000, announce=2000)
    with lab.wire() as wire:
        began = time.monotonic()
        answer = wire.ask("GET", target, OLGA)
        assert not answer.complete and wire.ended == RESET
    lasts(1.5, 4, began)


def test_slow_is_not_silent(lab):
    """No limit on the whole: an answer may take as long as it likes."""
    _, target = lab.origin.path("get", n=400, piece=100, ms=1000)
    with lab.wire() as wire:
        answer = wire.ask("GET", target, OLGA)
        assert answer.complete and len(answer.body) == 400


def test_slow_upload_is_not_silent(lab):
    number, target = lab.origin.path("echo")
    with lab.wire() as wire:
        wire.send(request("POST", target, OLGA, headers="Content-Length: 4\r\n", body=b"a"))
        for _ in range(3):
            time.sleep(1)
            wire.send(b"b")
        assert wire.read().status == 200
    assert lab.origin.find(number).bytes == 4


def test_each_protocol_has_its_own_patience(lab):
    """An RPC channel may be silent for minutes."""
    _, target = lab.origin.path("silent", vdir="/rpc/rpcproxy.dll")
    with lab.wire() as wire:
        wire.send(request("RPC_IN_DATA", target, OLGA, headers="Content-Length: 1073741824\r\n",
                          body=b"x"))
        assert wire.ending(4) == OPEN


def test_server_nobody_answers_for(lab):
    """ARP finds no one: 502 within the time-out, not the client's."""
    lab.gate.ctl("mailbox", "set", LOST.smtp, "--server", NOBODY.name)
    with lab.wire() as wire:
        began = time.monotonic()
        assert wire.ask("GET", "/EWS/Exchange.asmx", LOST).status == 502
        lasts(0, 3, began)


def test_server_that_accepts_and_says_nothing(lab):
    """TCP answers, TLS does not: the same time-out."""
    lab.hosts.address("back", MUTE)
    with lab.hosts.inside("back"):
        mute = socket.create_server((MUTE, 443))
    with mute, lab.wire() as wire:
        lab.gate.config["servers"][-1]["address"] = MUTE
        lab.gate.reload()
        lab.gate.ctl("mailbox", "set", LOST.smtp, "--server", NOBODY.name)
        began = time.monotonic()
        assert wire.ask("GET", "/EWS/Exchange.asmx", LOST).status == 502
        lasts(0.5, 3, began)
