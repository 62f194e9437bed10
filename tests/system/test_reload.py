# SPDX-License-Identifier: BSD-3-Clause
"""A reload is all or nothing, and costs no connection."""
import copy
import pathlib
import signal

import pytest

from lab import topology
from lab.gate import ControlError
from lab.hosts import wait_until
from lab.topology import ALICE, OLGA
from lab.wire import request


@pytest.fixture
def lab(own_lab):
    """Each test begins and ends with the configuration of the start."""
    yield own_lab
    gate = own_lab.gate
    gate.config = copy.deepcopy(gate.original)
    gate.reload()


def names_shown(wire):
    """DNS names of the certificate that this connection was shown."""
    return {value for kind, value in wire.socket.getpeercert()["subjectAltName"]}


def test_new_certificate(lab):
    gate = lab.gate
    new = gate.authority.issue("renewed", [*topology.NAMESPACES, "renewed.contoso.com"])
    _, target = lab.origin.path("get", n=1000, piece=100, ms=100)
    with lab.wire() as busy, lab.wire() as idle:
        assert idle.ask("GET", "/owa/", ALICE).status == 200
        busy.send(request("GET", target, OLGA))
        assert busy.head().status == 200
        gate.config["certificates"][0].update(chain=str(new.chain), key=str(new.key))
        gate.reload()
        with lab.wire() as fresh:
            assert "renewed.contoso.com" in names_shown(fresh)
            assert fresh.ask("GET", "/owa/", ALICE).status == 200
        assert len(busy.exactly(1000)) == 1000, "what was under way goes on"
        assert idle.ask("GET", "/owa/", ALICE).status == 200
        assert "renewed.contoso.com" not in names_shown(idle)


def test_new_certificate_in_the_same_files(lab):
    """How every ACME client does it: the names stay, the contents change."""
    gate = lab.gate
    new = gate.authority.issue("other", [*topology.NAMESPACES, "same-file.contoso.com"])
    chain, key = (pathlib.Path(gate.certificate.chain), pathlib.Path(gate.certificate.key))
    before = chain.read_bytes(), key.read_bytes()
    try:
        chain.write_bytes(new.chain.read_bytes())
        key.write_bytes(new.key.read_bytes())
        gate.reload()
        with lab.wire() as fresh:
            assert "same-file.contoso.com" in names_shown(fresh)
    finally:
        chain.write_bytes(before[0])
        key.write_bytes(before[1])


def test_sighup_reloads(lab):
    gate = lab.gate
    gate.config["namespaces"].append("webmail.contoso.com")
    gate.write()
    generation = gate.ctl("status")["generation"]
    gate.process.send_signal(signal.SIGHUP)
    wait_until("a new generation", lambda: gate.ctl("status")["generation"] != generation)
    with lab.wire() as wire:
        assert wire.ask("GET", "/owa/", ALICE, host="webmail.contoso.com").status == 200


def test_names_come_and_go(lab):
    with lab.wire() as wire:
        assert wire.ask("GET", "/owa/", ALICE, host="new.contoso.com").status == 421
        lab.gate.config["namespaces"].append("new.contoso.com")
        lab.gate.reload()
        assert wire.ask("GET", "/owa/", ALICE, host="new.contoso.com").status == 200
        lab.gate.config["namespaces"].pop()
        lab.gate.reload()
        assert wire.ask("GET", "/owa/", ALICE, host="new.contoso.com").status == 421


def test_server_goes_while_in_use(lab):
    """Its connections are the old configuration's business no longer."""
    with lab.wire() as wire:
        _, target = lab.origin.path("echo")
        assert wire.ask("GET", target, OLGA).status == 200
        servers = lab.gate.config["servers"]
        lab.gate.config["servers"] = [s for s in servers if s["name"] != "ORIGIN"]
        lab.gate.reload()
        number, target = lab.origin.path("echo")
        # An unknown home is like no home: a 2013 server may know better.
        assert b'"EX13"' in wire.ask("GET", target, OLGA).body
        assert not lab.origin.arrived(number)
        lab.gate.config["servers"] = servers
        lab.gate.reload()
        _, target = lab.origin.path("echo")
        with lab.wire() as again:
            assert again.ask("GET", target, OLGA).status == 200


def test_listener_goes_and_comes(lab):
    """A listener that is gone answers RST; its connections live on."""
    with lab.wire() as wire:
        assert wire.ask("GET", "/owa/", ALICE).status == 200
        listeners = lab.gate.config["listeners"]
        lab.gate.config["listeners"] = [l for l in listeners if l["name"] != "https-v4"]
        lab.gate.reload()
        with pytest.raises(ConnectionRefusedError):
            lab.wire()
        assert wire.ask("GET", "/owa/", ALICE).status == 200
        lab.gate.config["listeners"] = listeners
        lab.gate.reload()
        with lab.wire() as fresh:
            assert fresh.ask("GET", "/owa/", ALICE).status == 200


def test_mailbox_list_changes_on_disk(lab):
    """The file is watched: no command is needed."""
    before = lab.gate.csv.read_text(encoding="utf-8")
    assert lab.ask(ALICE, "ews")[3]["server"] == "EX13"
    moved = [topology.Mailbox(m.alias, m.display, topology.CAS10, m.number)
             if m is ALICE else m for m in topology.MAILBOXES]
    try:
        lab.gate.csv.write_text(topology.csv(moved), encoding="utf-8")
        wait_until("Alice is served by CAS10",
                   lambda: lab.ask(ALICE, "ews")[3]["server"] == "CAS10", 8, 0.2)
    finally:
        lab.gate.csv.write_text(before, encoding="utf-8")
        wait_until("Alice is served by EX13",
                   lambda: lab.ask(ALICE, "ews")[3]["server"] == "EX13", 8, 0.2)


@pytest.mark.parametrize("what, change, words", [
    ("restart setting", lambda c: c["appliance"].update(workers=2), "appliance.workers"),
    ("mtu", lambda c: c["interfaces"][0].update(mtu=1400), "mtu"),
    ("unknown setting", lambda c: c.update(colour="red"), "colour"),
    ("unknown site", lambda c: c["servers"][0].update(site="Atlantis"), "Atlantis"),
    ("missing file", lambda c: c["certificates"][0].update(chain="/nowhere.pem"), "/nowhere.pem"),
    ("key of another certificate", lambda c: c["certificates"][0].update(
        key=str(pathlib.Path(c["certificates"][0]["key"]).with_name("EX13.key"))), "certificates"),
], ids=lambda v: v if isinstance(v, str) else "")
def test_refused_reload_changes_nothing(lab, what, change, words):
    generation = lab.gate.ctl("status")["generation"]
    change(lab.gate.config)
    with pytest.raises(ControlError) as refused:
        lab.gate.reload()
    assert words in refused.value.words
    assert lab.gate.ctl("status")["generation"] == generation
    assert lab.ask(ALICE, "ews")[0] == 200


def test_many_reloads_lose_no_request_and_no_memory(lab):
    with lab.wire() as wire:
        def rounds(n):
            for _ in range(n):
                lab.gate.reload()
                assert wire.ask("GET", "/owa/", ALICE).status == 200
            return lab.gate.stats()["memory.heap_in_use"]
        rounds(10)
        first = rounds(5)
        last = rounds(30)
    assert last - first < 2 << 20, f"{(last - first) / 30:.0f} bytes a reload"
