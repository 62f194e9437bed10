# SPDX-License-Identifier: BSD-3-Clause
"""What every answer says of the appliance, and what those to the outside keep
to themselves."""
import re

import pytest

from lab import topology
from lab.gate import VIP
from lab.topology import ALICE, BOB, CAROL, DAVE, IVAN, NAMESPACE, NAMESPACES, OLGA
from lab.wire import request

INSIDE = 8443       # a listener with expose: internal
IMAP, POP = 1993, 1995
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NAMES = [s.name for s in topology.SERVERS] + ["contoso.local"]


def configure(config):
    config["listeners"].append({"name": "inside", "address": VIP[4], "port": INSIDE,
                                "certificates": ["mail"], "expose": "internal"})
    for name, port in ("imaps", IMAP), ("pop3s", POP):
        config["listeners"].append({"name": name, "address": VIP[4], "port": port,
                                    "certificates": ["mail"], "protocol": name})
    config["timeouts"] = {"request-head": "2s", "ews": "2s", "login": "2s"}
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


def names_in(text):
    found = [n for n in NAMES if re.search(rf"\b{re.escape(n)}\b", text)]
    return found + ["contoso.local"] * ("contoso.local" in text.lower())


def said(answer):
    """All that an answer says beside a page."""
    fields = [*answer.headers, *answer.trailers]
    return "\n".join([answer.reason, *(f"{n}: {v}" for n, v in fields)])


# Where a server's answer may name it or another one.
NAMING = [
    "Server: Microsoft-IIS/8.5", "X-FEServer: EX13", "X-BEServer: EX13", "X-DiagInfo: EX13",
    "X-CalculatedBETarget: ex13.contoso.local", "X-BackEndHttpStatus: 200",
    "Location: https://cas10.contoso.local:444/owa/?u=http%3A%2F%2FEX13.contoso.local%2f",
    "Content-Location: http://ex13.contoso.local/EWS/",
    "X-MS-Location: https://cas07.contoso.local/Microsoft-Server-ActiveSync",
    "Refresh: 0; url=https://ex13.contoso.local/owa/", "Link: <https://ex13.contoso.local/>; rel=x",
    'WWW-Authenticate: Basic realm="ex13.contoso.local"', 'WWW-Authenticate: Basic realm="EX13"',
    'WWW-Authenticate: Digest realm="EX13.CONTOSO.LOCAL", domain="https://ex13.contoso.local/"',
    'WWW-Authenticate: Bearer authorization_uri="https://cas10b.contoso.local/adfs"',
    "Via: 1.1 ex13.contoso.local", "Warning: 199 ex13.contoso.local \"x\"",
    "Set-Cookie: a=b; domain=.ex13.contoso.local; path=/",
    "Set-Cookie: s=https://ex13.contoso.local", "P3P: policyref=//ex13.contoso.local/x",
    "Access-Control-Allow-Origin: https://ex13.contoso.local",
    "Content-Security-Policy: frame-src https://ex13.contoso.local", "X-Any: (ex13.contoso.local)",
]


@pytest.mark.parametrize("status", [
    200, 201, 202, 204, 206, 207, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406,
    407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 423, 424, 429, 440, 441, 449, 451, 500,
    501, 502, 503, 504, 505, 507, 509, 599])
def test_no_status_tells_names(lab, status):
    text = f"HTTP/1.1 {status} at EX13.contoso.local\r\n" \
        + "".join(f"{line}\r\n" for line in NAMING)
    text += "\r\n" if status in (204, 304) else "Content-Length: 0\r\n\r\n"
    _, target = lab.origin.path("raw", hex=text.encode().hex())
    answer = ask(lab, "GET", target, OLGA)
    assert answer.status == status
    assert not names_in(said(answer)), said(answer)


def test_interim_answers_and_trailers_tell_no_names(lab):
    text = "HTTP/1.1 103 at ex13.contoso.local\r\nLink: <https://ex13.contoso.local/>\r\n\r\n" \
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    _, target = lab.origin.path("raw", hex=text.encode().hex())
    with lab.wire() as wire:
        wire.send(request("GET", target, OLGA))
        answer = wire.read(interim=True)
        assert answer.status == 200 and not names_in(said(answer))


@pytest.mark.parametrize("what, status, text", [
    ("no host", 400, b"GET /owa/ HTTP/1.1\r\n\r\n"),
    ("a server's name", 421, b"GET /owa/ HTTP/1.1\r\nHost: ex13.contoso.local\r\n\r\n"),
    ("late", 408, b"GET /owa/ HTTP/1.1\r\n"), ("version", 505, b"GET / HTTP/3.0\r\n\r\n"),
    ("2007, with a body", 403, request("POST", "/owa/", DAVE, body=b"x")),
    ("an attack", 400, request("GET", "/autodiscover/autodiscover.json?@x/owa", ALICE)),
    ("nobody's", 503, request("GET", "/EWS/", CAROL)),
    ("impostor", 502, request("GET", "/EWS/", IVAN)),
    ("health", 200, request("GET", "/owa/healthcheck.htm")),
    ("no health", 404, request("GET", "/healthcheck.htm")),
    ("redirect", 302, request("GET", "/owa/", DAVE)), ("root", 302, request("GET", "/"))],
    ids=lambda v: v if isinstance(v, str) else "")
def test_no_answer_of_our_own_tells_names(lab, what, status, text):
    with lab.wire() as wire:
        answer = wire.send(text).read()
    assert answer.status == status
    assert not names_in(said(answer) + answer.body.decode())


def test_a_server_that_does_not_answer_is_not_named(lab):
    _, target = lab.origin.path("silent")
    answer = ask(lab, "GET", target, OLGA)
    assert answer.status == 504 and not names_in(said(answer) + answer.body.decode())


@pytest.mark.parametrize("port, login", [
    (IMAP, "a1 LOGIN {} x\r\na2 LOGOUT\r\n"), (POP, "USER {}\r\nPASS x\r\nQUIT\r\n")])
@pytest.mark.parametrize("who", [ALICE, CAROL, DAVE, IVAN], ids=lambda m: m.alias)
def test_mail_tells_no_names(lab, port, login, who):
    """From the greeting to the refusal: nobody serves mail here."""
    with lab.wire(port) as wire:
        wire.send(login.format(who.smtp).encode())
        text = wire.rest().decode()
    assert text and not names_in(text), text


# --- where we send people -----------------------------------------------------------------

@pytest.mark.parametrize("host", [NAMESPACE, NAMESPACE.upper(), f"{NAMESPACE}:8443", NAMESPACES[1]])
@pytest.mark.parametrize("port, target", [(80, "/"), (80, "/owa/?a=b"), (80, "/ecp/"), (443, "/"),
                                          (80, "http://{}/owa/")])
def test_our_redirects_lead_to_configured_names(lab, port, target, host):
    """Whatever else the request says of hosts."""
    lies = "X-Forwarded-Host: evil.com\r\nX-Forwarded-Proto: http\r\nX-Host: evil.com\r\n" \
        "Forwarded: host=evil.com\r\nX-Original-URL: //evil.com/\r\nReferer: https://evil.com/\r\n"
    with lab.wire(port, port == 443) as wire:
        answer = wire.ask("GET", target.format(host), host=host, headers=lies)
    assert answer.status == 302 and "evil" not in said(answer)
    there = answer.get("Location")
    if port == 80:
        name = re.fullmatch(r"https://([^/:]+)/\S+", there)[1]
        assert name.lower() in NAMESPACES
    else:
        assert there == "/owa/"


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
    ("X-Other: at ex13.contoso.local. Or ..cas10.contoso.local..",
     f"at {NAMESPACE}. Or ..{NAMESPACE}.."),
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
