# SPDX-License-Identifier: BSD-3-Clause
"""What every answer says of the appliance, and what those to the outside keep
to themselves."""
import re

import pytest

from lab import topology
from lab.gate import VIP
from lab.topology import ALICE, BOB, CAROL, DAVE, IVAN, NAMESPACE, OLGA

INSIDE = 8443       # a listener with expose: internal
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NAMES = [s.name for s in topology.SERVERS] + ["contoso.local"]


def configure(config):
    config["listeners"].append({"name": "inside", "address": VIP[4], "port": INSIDE,
                                "certificates": ["mail"], "expose": "internal"})
    # Nobody serves Carol: its reason names servers.
    for server in config["servers"]:
        if server["name"] == "CAS10B":
            server["drained"] = True


@pytest.fixture
def lab(own_lab):
    return own_lab


def ask(lab, *words, port=443, **more):
    with lab.wire(port) as wire:
        return wire.ask(*words, **more)


def raw(lab, lines, status="200 OK", port=443):
    """What becomes of a server's answer."""
    text = f"HTTP/1.1 {status}\r\n" + "".join(f"{l}\r\n" for l in lines) + "Content-Length: 0\r\n\r\n"
    _, target = lab.origin.path("raw", hex=text.encode("latin-1").hex())
    return ask(lab, "GET", target, OLGA, port=port)


ANSWERS = [
    ("GET", "/EWS/Exchange.asmx", ALICE, 200), ("GET", "/EWS/Exchange.asmx", CAROL, 503),
    ("GET", "/owa/", DAVE, 302), ("GET", "/nothing", ALICE, 404), ("GET", "/owa/..%2f", ALICE, 400),
    ("GET", "/EWS/Exchange.asmx", IVAN, 502), ("GET", "/", None, 302),
    ("GET", "/owa/proxylogon.owa", ALICE, 404)]


@pytest.mark.parametrize("port", [443, INSIDE])
@pytest.mark.parametrize("method, target, who, status", ANSWERS)
def test_every_answer_has_a_request_id(lab, method, target, who, status, port):
    answer = ask(lab, method, target, who, port=port)
    assert answer.status == status
    assert len(answer.all("request-id")) == 1 and GUID.fullmatch(answer.get("request-id"))
    if status >= 400:
        page = answer.body.decode()
        assert f"(request {answer.get('request-id')})" in page, "the page names it too"
        assert page.count("<p>") == 2 and "For the administrator: " in page


def test_request_ids_are_all_different(lab):
    with lab.wire() as one, lab.wire() as two:
        ids = [w.ask("GET", "/nothing").get("request-id") for w in (one, two) * 50]
    assert len(set(ids)) == 100


@pytest.mark.parametrize("method, target, who, status", ANSWERS)
def test_the_outside_learns_no_names(lab, method, target, who, status):
    answer = ask(lab, method, target, who)
    text = "".join(f"{n}: {v}\n" for n, v in answer.headers)
    if status != 200:
        text += answer.body.decode()
    assert not [n for n in NAMES if re.search(rf"\b{n}\b", text)], text
    assert not answer.all("X-FEServer") and not answer.all("X-CalculatedBETarget")


def test_the_inside_learns_who_answered(lab):
    appliance = lab.gate.config["appliance"]["name"]
    for who in (ALICE, BOB, OLGA):
        answer = ask(lab, "GET", "/EWS/Exchange.asmx", who, port=INSIDE)
        assert answer.all("X-FEServer") == [appliance]
        assert answer.all("X-CalculatedBETarget") == [who.server.fqdn]
    answer = ask(lab, "GET", "/EWS/Exchange.asmx", CAROL, port=INSIDE)
    assert answer.all("X-FEServer") == [appliance] and not answer.all("X-CalculatedBETarget")
    assert b"drained" in answer.body, "and why nobody did"


BACK_END = ["X-FEServer: EX13", "X-BEServer: MBX1", "X-CalculatedBETarget: mbx1.contoso.local",
            "X-DiagInfo: MBX1", "X-BackEndHttpStatus: 200", "request-id: of-the-server",
            "X-OWA-Version: 15.0.1497.2", "X-Powered-By: ASP.NET"]


@pytest.mark.parametrize("port, kept", [
    (443, ["X-OWA-Version", "X-Powered-By"]),
    (INSIDE, ["X-BEServer", "X-DiagInfo", "X-BackEndHttpStatus", "X-OWA-Version", "X-Powered-By"])])
def test_what_servers_say_of_themselves(lab, port, kept):
    answer = raw(lab, BACK_END, port=port)
    theirs = [l.partition(":")[0] for l in BACK_END
              if l.partition(": ")[2] in answer.all(l.partition(":")[0])]
    assert theirs == kept
    assert answer.get("X-OWA-Version") == "15.0.1497.2"


@pytest.mark.parametrize("line, outside", [
    ('WWW-Authenticate: Basic realm="ex13.contoso.local"', f'Basic realm="{NAMESPACE}"'),
    ('WWW-Authenticate: Basic realm="EX13"', f'Basic realm="{NAMESPACE}"'),
    ('WWW-Authenticate: Basic realm="CONTOSO"', 'Basic realm="CONTOSO"'),
    ('WWW-Authenticate: Basic realm=""', 'Basic realm=""'),
    ('WWW-Authenticate: Negotiate', 'Negotiate'),
    ("Location: https://EX13.contoso.local:444/owa/?a=https%3a%2f%2fex13.contoso.local%2fowa",
     f"https://{NAMESPACE}/owa/?a=https%3a%2f%2f{NAMESPACE}%2fowa"),
    ("Location: /owa/auth/logon.aspx?url=https://origin.contoso.local/owa/&reason=0",
     f"/owa/auth/logon.aspx?url=https://{NAMESPACE}/owa/&reason=0"),
    ("Content-Location: http://cas10.contoso.local/x", f"http://{NAMESPACE}/x"),
    ("Via: 1.1 cas07.contoso.local", f"1.1 {NAMESPACE}"),
    ("Set-Cookie: a=b%zz; domain=ex13.contoso.local; path=/", f"a=b%zz; domain={NAMESPACE}; path=/"),
    ("X-Other: notex13.contoso.local ex13.contoso.local.org",
     "notex13.contoso.local ex13.contoso.local.org"),
    (f"X-Other: {NAMESPACE} www.example.org 1.2.3.4", f"{NAMESPACE} www.example.org 1.2.3.4"),
])
def test_names_of_servers_become_the_namespace(lab, line, outside):
    name, _, value = line.partition(": ")
    assert raw(lab, [line], "302 Found" if name == "Location" else "401 No").all(name) == [outside]
    if name != "Location":      # which is always made so that the client can follow it
        assert raw(lab, [line], "401 No", INSIDE).all(name) == [value]


@pytest.mark.parametrize("headers, told", [
    ("client-request-id: {a}:1\r\nreturn-client-request-id: true\r\n", ["{a}:1"]),
    ("client-request-id: {a}:1\r\nReturn-Client-Request-Id: TRUE\r\n", ["{a}:1"]),
    ("client-request-id: {a}:1\r\nreturn-client-request-id: false\r\n", []),
    ("client-request-id: {a}:1\r\n", []), ("return-client-request-id: true\r\n", []),
    ("client-request-id: " + "x" * 64 + "\r\nreturn-client-request-id: true\r\n", [])])
@pytest.mark.parametrize("target", ["/EWS/Exchange.asmx", "/nothing"])
def test_client_request_id(lab, target, headers, told):
    answer = ask(lab, "GET", target, ALICE, headers=headers)
    assert answer.all("client-request-id") == told


def test_client_request_id_is_of_its_own_request(lab):
    with lab.wire() as wire:
        headers = "client-request-id: {a}:1\r\nreturn-client-request-id: true\r\n"
        assert wire.ask("GET", "/nothing", ALICE, headers=headers).all("client-request-id")
        assert not wire.ask("GET", "/EWS/Exchange.asmx", ALICE).all("client-request-id")
