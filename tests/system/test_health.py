# SPDX-License-Identifier: BSD-3-Clause
"""Servers are asked whether they serve, protocol by protocol; those that do not
are avoided before a client meets them, and come back step by step."""
import json
import threading
import time

import pytest

from conftest import watch
from lab import topology
from lab.fixture import Lab
from lab.hosts import wait_until
from lab.scripted import Scripted
from lab.topology import ALICE, BOB
from lab.wire import Ended

EX16 = topology.Server("EX16", "2016", "HQ", "10.20.0.31")
CAS10S = topology.Server("CAS10S", "2010", "HQ", "10.20.0.32")
HEALTH = {"interval": "300ms", "timeout": "1s", "fall": 2, "rise": 2, "slow-start": "2s"}
VDIRS = ("owa", "ecp", "Microsoft-Server-ActiveSync", "rpc", "mapi", "EWS", "Autodiscover", "OAB",
         "PowerShell")


@pytest.fixture(scope="module")
def built():
    """EX16 beside EX13 and CAS10S beside CAS10, both scripted."""
    lab = Lab(workers=2, origin=False)
    gate = lab.gate
    gate.config["health"] = dict(HEALTH)
    for server in (EX16, CAS10S):
        pair = gate.authority.issue(server.name, [server.fqdn])
        lab.standins[server.name] = Scripted(lab.hosts, server, pair)
        gate.config["servers"].append(
            {"name": server.name, "fqdn": server.fqdn, "address": server.address,
             "version": server.version, "site": server.site,
             "tls": {"ca": str(gate.authority.cert)}})
    with lab:
        yield lab


@pytest.fixture
def lab(built, request):
    """All is well again at the beginning of each test."""
    built.ex16, built.cas10s = built.standins["EX16"], built.standins["CAS10S"]
    for server in (built.ex16, built.cas10s):
        server.reset()
    for name in ("EX13", "EX16", "CAS10", "CAS10S"):
        wait_until(f"{name} is up", lambda n=name: health(built, n) == "up")
    yield from watch(built, request)


def health(lab, server):
    return next(r["health"] for r in lab.gate.ctl("server", "list") if r["server"] == server)


def shown(lab, server, protocol):
    rows = lab.gate.ctl("server", "show", server)["virtual_directories"]
    return next(r for r in rows if r["protocol"] == protocol)


def users(n, name="user"):
    return [topology.Mailbox(f"{name}{i}", "X Y", topology.EX13, 100 + i) for i in range(n)]


def asked(lab, user, path="/EWS/Exchange.asmx"):
    """(status, which server) of one request."""
    with lab.wire() as wire:
        answer = wire.ask("GET", path, user)
    try:
        return answer.status, json.loads(answer.body)["server"]
    except ValueError:
        return answer.status, None


def test_all_is_well(lab):
    wait_until("all are up", lambda: health(lab, "CAS07") == health(lab, "CAS10B") == "up")
    assert health(lab, "IMPOSTOR") == "unknown", "probes: false"
    wait_until("ews is up", lambda: shown(lab, "EX16", "ews")["health"] == "up")
    wait_until("every directory is asked", lambda: all(
        any(t == f"/{v}/healthcheck.htm" for _, t in lab.ex16.asked) for v in VDIRS))
    # No such page in 2010: what a client would begin with.
    assert ("RPC_IN_DATA", "/rpc/rpcproxy.dll") in lab.cas10s.asked
    assert not any("healthcheck" in t or t.startswith("/mapi") for _, t in lab.cas10s.asked)
    stats = lab.gate.stats()
    assert stats["proxy.probes"] > 20 and stats["health.up"] > 30 and stats["health.down"] == 0


def test_one_protocol_is_down(lab):
    """It is avoided for that protocol only, and no client pays for the finding."""
    mine = [u for u in users(40) if asked(lab, u)[1] == "EX16"]
    assert mine
    lab.ex16.say("/EWS/healthcheck.htm", status=503, reason="Service Unavailable")
    wait_until("ews is down", lambda: health(lab, "EX16") == "down: ews")
    assert all(asked(lab, u) == (200, "EX13") for u in mine)
    ews = shown(lab, "EX16", "ews")
    assert ews["health"] == "down" and ews["since_s"] < 10
    assert ews["last_failure"] == "answers 503 Service Unavailable to /EWS/healthcheck.htm"
    wait_until("it is logged", lambda: "server EX16: ews is down: answers 503" in lab.gate.log())
    assert any(asked(lab, u, "/owa/")[1] == "EX16" for u in users(40))


@pytest.mark.parametrize("answer, fine", [
    (dict(status=401, headers=[("WWW-Authenticate", "NTLM")]), True), (dict(status=200), True),
    (dict(status=403), True), (dict(status=302, headers=[("Location", "/owa/auth.owa")]), True),
    (dict(status=404), False), (dict(status=500), False), (dict(status=503), False),
    (dict(act="close"), False), (dict(act="silent"), False)], ids=str)
def test_legacy_answers(lab, answer, fine):
    """2010 has no healthcheck.htm: a demand for credentials is an answer."""
    lab.cas10s.say("/EWS", **answer)
    before = len(lab.cas10s.asked)
    if fine:
        wait_until("it is asked again", lambda: sum(
            t.startswith("/EWS") for _, t in lab.cas10s.asked[before:]) >= 3)
        assert health(lab, "CAS10S") == "up"
    else:
        wait_until("ews is down", lambda: health(lab, "CAS10S") == "down: ews")


def test_requests_tell_before_probes(lab):
    """Its page says that all is well, and its answers are 503: out with it."""
    mine = [u for u in users(40) if asked(lab, u)[1] == "EX16"]
    lab.ex16.say("/EWS/Exchange.asmx", status=503)
    before = lab.gate.stats()["proxy.ejected"]
    for _ in range(5):
        asked(lab, mine[0])
    wait_until("it is ejected", lambda: asked(lab, mine[0]) and
               lab.gate.stats()["proxy.ejected"] > before, step=0.001)
    assert "requests failed" in shown(lab, "EX16", "ews")["last_failure"]


def test_the_last_one_is_kept(lab):
    """One user's failures do not take away a site's only server; nor does a
    demand to slow down (Retry-After) count as one."""
    spared = "proxy.spared"
    lab.standins["CAS10"].stop()
    try:
        wait_until("CAS10 is down", lambda: health(lab, "CAS10") == "down")
        before = lab.gate.stats()
        lab.cas10s.say("/EWS/x", status=503, headers=[("Retry-After", "1")])
        for _ in range(8):
            assert asked(lab, BOB, "/EWS/x")[0] == 503
        time.sleep(0.3)
        assert lab.gate.stats()[spared] == before[spared]
        lab.cas10s.say("/EWS/x", status=502)
        for _ in range(5):
            assert asked(lab, BOB, "/EWS/x")[0] == 502
        wait_until("it is spared", lambda: lab.gate.stats()[spared] > before[spared])
        assert lab.gate.stats()["proxy.ejected"] == before["proxy.ejected"]
    finally:
        lab.standins["CAS10"].start()


def test_stopped_under_load(lab):
    """It is noticed and avoided, it comes back by and by, and no request of
    anybody fails but those it had in hand."""
    people, wrong, served, stop = users(60), [], [], threading.Event()
    retried = "proxy.connects_retried"

    def client(part):
        while not stop.is_set():
            for user in part:
                status, server = asked(lab, user)
                served.append(server)
                if status != 200:
                    wrong.append((user.alias, status))

    threads = [threading.Thread(target=client, args=(people[i::3],)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        wait_until("both serve", lambda: {"EX13", "EX16"} <= set(served))
        lab.standins["EX13"].stop()
        wait_until("EX13 is down", lambda: health(lab, "EX13") == "down")
        time.sleep(0.2)     # who had chosen it before has tried it by now
        before, failed = lab.gate.stats()[retried], len(wrong)
        served.clear()
        wait_until("others serve", lambda: len(served) > 100)
        assert set(served) == {"EX16"} and len(wrong) == failed
        assert lab.gate.stats()[retried] == before, "nobody tries it any more"
        lab.standins["EX13"].start()
        wait_until("EX13 is back", lambda: health(lab, "EX13") == "slow-start")
        wait_until("EX13 is up", lambda: health(lab, "EX13") == "up")
        served.clear()
        wait_until("both serve", lambda: {"EX13", "EX16"} <= set(served))
        assert len(wrong) == failed
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        if health(lab, "EX13") == "down":
            lab.standins["EX13"].start()
    assert len(wrong) <= 3, wrong    # one a client: in hand when it ended


def test_all_are_down(lab):
    """Then the best is still tried: a probe may be wrong."""
    lab.cas10s.say("/EWS", status=404)
    lab.standins["CAS10"].stop()
    try:
        wait_until("both are down", lambda: health(lab, "CAS10") == "down" and
                   health(lab, "CAS10S") == "down: ews")
        assert asked(lab, BOB)[0] in (404, 502)
        assert asked(lab, ALICE)[0] == 200
    finally:
        lab.standins["CAS10"].start()


def test_reload(lab):
    """Probes can be turned off, all or one protocol's: then nothing is known."""
    gate = lab.gate
    lab.ex16.say("/owa/healthcheck.htm", status=503)
    wait_until("owa is down", lambda: health(lab, "EX16") == "down: owa")
    try:
        gate.config["health"]["owa"] = False
        gate.reload()
        wait_until("owa is not looked at", lambda: health(lab, "EX16") == "up")
        assert shown(lab, "EX16", "owa")["health"] == "unknown"
        gate.config["health"]["probes"] = False
        gate.reload()
        wait_until("nothing is", lambda: health(lab, "EX16") == "unknown")
        before = len(lab.ex16.asked)
        time.sleep(1)
        assert len(lab.ex16.asked) == before
    finally:
        gate.config["health"] = dict(HEALTH)
        gate.reload()


# --- healthcheck.htm, for the balancer in front --------------------------------------

def page(lab, vdir="owa", host="10.10.0.10", method="GET"):
    """What a balancer sees: it asks by address and has no credentials."""
    with lab.wire() as wire:
        wire.send(f"{method} /{vdir}/healthcheck.htm HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        try:
            return wire.read(to_head=method == "HEAD")
        except Ended:
            return None


@pytest.mark.parametrize("vdir", VDIRS)
def test_healthcheck(lab, vdir):
    answer = page(lab, vdir)
    assert (answer.status, answer.body.decode()) == (200, "200 OK<br/>")
    assert page(lab, vdir.upper()).status == 200
    assert not page(lab, vdir, method="HEAD").body


def test_healthcheck_follows_the_servers(lab):
    """A protocol that nobody serves fails, and the others do not."""
    lab.ex16.say("/mapi/healthcheck.htm", status=503)
    wait_until("mapi of EX16 is down", lambda: health(lab, "EX16") == "down: mapi")
    assert page(lab, "mapi").status == 200, "EX13 serves it"
    lab.gate.ctl("server", "drain", "EX13")
    try:
        assert page(lab, "mapi").status == 503 and page(lab, "owa").status == 200
        lab.gate.config["health"]["healthcheck"] = "close"
        lab.gate.reload()
        assert page(lab, "mapi") is None and page(lab, "owa").status == 200
    finally:
        lab.gate.ctl("server", "enable", "EX13")
        lab.gate.config["health"] = dict(HEALTH)
        lab.gate.reload()


def test_component_inactive(lab):
    """It acts on the next request of a connection that is open."""
    with lab.wire() as wire:
        assert wire.ask("GET", "/owa/", ALICE).status == 200
        lab.gate.ctl("component", "set", "OwaProxy", "Inactive")
        try:
            answer = wire.ask("GET", "/owa/", ALICE)
            assert answer.status == 503 and b"OwaProxy is Inactive" in answer.body
            assert b"requester Maintenance" in answer.body
            assert wire.ask("GET", "/EWS/Exchange.asmx", ALICE).status == 200
            assert page(lab, "owa").status == 503 and page(lab, "EWS").status == 200
            lab.gate.ctl("component", "set", "OwaProxy", "Active", "--requester", "HealthAPI")
            assert wire.ask("GET", "/owa/", ALICE).status == 503, "Maintenance still says so"
        finally:
            lab.gate.ctl("component", "set", "OwaProxy", "Active")
        assert wire.ask("GET", "/owa/", ALICE).status == 200 and page(lab, "owa").status == 200


def test_component_draining(lab):
    """The balancer turns away; who is still here is served."""
    lab.gate.ctl("component", "set", "ServerWideOffline", "Draining")
    try:
        assert page(lab, "rpc").status == 503 and asked(lab, ALICE)[0] == 200
    finally:
        lab.gate.ctl("component", "set", "ServerWideOffline", "Active")
    assert page(lab, "rpc").status == 200


def test_component_of_a_server(lab):
    """Like a drain, for that protocol."""
    mine = [u for u in users(40) if asked(lab, u)[1] == "EX16"]
    lab.gate.ctl("component", "set", "EwsProxy", "Inactive", "--server", "EX16")
    try:
        assert all(asked(lab, u) == (200, "EX13") for u in mine)
        rows = {r["server"]: r["state"] for r in lab.gate.ctl("server", "list")}
        assert rows["EX16"] == "drained: ews" and rows["EX13"] == "enabled"
        assert any(asked(lab, u, "/owa/")[1] == "EX16" for u in users(40))
        lab.gate.reload()
        assert asked(lab, mine[0]) == (200, "EX13"), "a reload forgets nothing"
    finally:
        lab.gate.ctl("component", "set", "EwsProxy", "Active", "--server", "EX16")
    assert asked(lab, mine[0]) == (200, "EX16")


def test_stop_tells_the_balancer_first(lab):
    gate = lab.gate
    gate.config["appliance"]["drain-delay"] = "1s"
    gate.reload()
    try:
        with lab.wire() as wire:
            assert wire.ask("GET", "/owa/", ALICE).status == 200
            gate.ctl("stop")
            assert page(lab, "owa").status == 503
            assert wire.ask("GET", "/owa/", ALICE).status == 200
            assert asked(lab, ALICE)[0] == 200, "new connections, too"
            assert gate.process.wait(10) == 0
    finally:
        del gate.config["appliance"]["drain-delay"]
        gate.start()
