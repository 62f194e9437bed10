# SPDX-License-Identifier: BSD-3-Clause
"""Published attacks on Exchange's front ends, through casgate to back ends that
tell what arrived: refused for a counted reason, or led where they belong
without what made them attacks. What is honest and looks alike passes."""
import pytest

from lab import attacks
from lab.fixture import Lab
from lab.origin import Origin
from lab.topology import ALICE, BOB
from lab.wire import basic

# Every request that passes ends at one of these.
ECHO16, ECHO10 = ("ECHO16", "2016", "10.20.0.61"), ("ECHO10", "2010", "10.20.0.62")
REASONS = ("malformed", "misdirected", "unknown_vdir", "hostile_targets")


@pytest.fixture(scope="module")
def module_lab():
    lab = Lab()
    gate = lab.gate
    gate.config["servers"], lab.echoes = [], {}
    for name, version, address in (ECHO16, ECHO10):
        fqdn = f"{name.lower()}.contoso.local"
        lab.echoes[name] = Origin(lab.hosts, address, gate.authority.issue(name, [fqdn]))
        gate.config["servers"].append({
            "name": name, "fqdn": fqdn, "address": address, "version": version, "site": "HQ",
            "probes": False, "tls": {"ca": str(gate.authority.cert)}})
    with lab:
        gate.ctl("mailbox", "set", ALICE.smtp, "--server", ECHO16[0])
        gate.ctl("mailbox", "set", BOB.smtp, "--server", ECHO10[0])
        yield lab
    for echo in lab.echoes.values():
        echo.close()


@pytest.fixture
def lab(own_lab):
    yield own_lab
    for echo in own_lab.echoes.values():
        echo.seen.clear()


def arrived(lab):
    """(server, request) of everything that came to a back end."""
    return [(name, seen) for name, echo in lab.echoes.items() for seen in echo.seen]


def counted(lab, names):
    stats = lab.gate.stats()
    return {name: stats[f"proxy.{name}"] for name in names}


def play(lab, request):
    with lab.wire() as wire:
        return wire.send(request).read()


def name_of(attack):
    return f"{attack.what}: {(attack.lines or (attack.host,))[0]} {attack.target}"[:90] \
        .encode("ascii", "backslashreplace").decode()


def test_there_are_enough():
    requests = [a.request() for a in attacks.ATTACKS]
    assert len(set(requests)) == len(requests) > 150
    assert all(bool(a.gone) != bool(a.status) for a in attacks.ATTACKS)


@pytest.mark.parametrize("attack", [a for a in attacks.ATTACKS if a.status], ids=name_of)
def test_is_refused(lab, attack):
    before = counted(lab, (*REASONS, "proxied", "connects"))
    for who in "", basic(BOB):
        answer = play(lab, attack.request(who))
        assert answer.status == attack.status, answer.body
    after = counted(lab, (*REASONS, "proxied", "connects"))
    assert sorted(after[n] - before[n] for n in REASONS) == [0, 0, 0, 2], "each for one reason"
    assert all(after[n] == before[n] for n in ("proxied", "connects")) and not arrived(lab)


@pytest.mark.parametrize("attack", [a for a in attacks.ATTACKS if a.gone], ids=name_of)
def test_arrives_without_its_sting(lab, attack):
    """At whose it is: nobody's, Alice's and Autodiscover V2 at the 2016 server,
    what else is Bob's at the 2010 one."""
    for who, home in ("", "ECHO16"), (basic(BOB), "ECHO10"):
        assert play(lab, attack.request(who)).status == 200
        (server, seen), = arrived(lab)
        lab.echoes[server].seen.clear()
        newest = "alice@" in attack.target or attack.target.startswith(attacks.JSON)
        assert server == ("ECHO16" if newest else home)
        assert (seen.method, seen.target) == (attack.method, attack.target)
        assert seen.bytes == len(attack.body)
        text = "\n".join(f"{n}: {v}" for n, v in seen.headers).lower()
        assert not [w for w in attack.gone if w.lower().strip() in text], text


@pytest.mark.parametrize("what, target, lines", attacks.HONEST, ids=lambda v: v if " " in v else "")
def test_honest_requests_pass(lab, what, target, lines):
    before = counted(lab, REASONS)
    attack = attacks.Attack(what, target, lines)
    assert play(lab, attack.request(basic(ALICE))).status == 200
    (server, seen), = arrived(lab)
    assert (server, seen.target) == ("ECHO16", target)
    told = [f"{n}: {v}" for n, v in seen.headers]
    assert not [line for line in lines if line not in told], told
    assert counted(lab, REASONS) == before


def test_honest_cookies_stay_as_they_are(lab):
    """Between hostile ones, in order, to the byte."""
    request = attacks.Attack("", "/owa/", ("Cookie: a=1;b = 2 ; X-BEResource=x; c=\"3, 4\";;"
                                          "SecurityToken=5; d;X-BackEndCookie=6",))
    assert play(lab, request.request()).status == 200
    (_, seen), = arrived(lab)
    assert seen.all("Cookie") == ['a=1; b = 2; c="3, 4"; d; X-BackEndCookie=6']
