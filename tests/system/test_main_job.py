# SPDX-License-Identifier: BSD-3-Clause
"""Every protocol of every mailbox goes where an Exchange 2013 front end would
take it, and arrives there as it should."""
import base64
import http.client

import pytest

from lab import topology
from lab.topology import ALICE, BOB, CAROL, DAVE, IVAN, NAMESPACE, OLGA
from lab.wire import CLOSE_NOTIFY, Response, tls_context

PEOPLE = [ALICE, BOB, CAROL, DAVE]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("protocol", topology.REQUESTS)
@pytest.mark.parametrize("mailbox", PEOPLE, ids=lambda m: f"{m.alias}-{m.server.version}")
def test_goes_to_the_right_server(lab, mailbox, protocol, family):
    expected = topology.expected(mailbox, protocol)
    status, url, _, told = lab.ask(mailbox, protocol, family=family)
    if expected is None:    # the mailbox's version has no such protocol
        assert status in (403, 404, 503) and not told
    elif expected.redirect:
        assert (status, url) == (302, expected.redirect)
    else:
        assert (status, told["server"]) == (200, expected.server.name)
        assert told["method"] == topology.REQUESTS[protocol][0]
        assert told["uri"] == topology.target(protocol, mailbox)


# --- what names the mailbox ---------------------------------------------------

@pytest.mark.parametrize("user", [
    "bob@contoso.com", "BOB@Contoso.COM", "bob.bauer@fabrikam.com", "CONTOSO\\bob",
    "contoso\\BOB", "bob"])
def test_user_by_any_of_his_names(lab, user):
    done = lab.curl("-u", f"{user}:x", f"https://{NAMESPACE}/EWS/Exchange.asmx")
    assert '"server": "CAS10"' in done.stdout


@pytest.mark.parametrize("what, words, server", [
    # Alice, who lives on 2013, opens somebody else's mailbox.
    ("anchor", ["-H", "X-AnchorMailbox: bob@contoso.com", "/EWS/Exchange.asmx"], "CAS10"),
    ("anchor with prefix", ["-H", "X-AnchorMailbox: SMTP:bob@contoso.com", "/EWS/Exchange.asmx"],
     "CAS10"),
    ("unknown anchor", ["-H", "X-AnchorMailbox: who@nowhere", "/EWS/Exchange.asmx"], "EX13"),
    ("explicit logon", ["/owa/bob@contoso.com/"], "CAS10"),
    ("explicit logon, ecp", ["/ecp/carol@contoso.com/"], "CAS10B"),
    ("guid in the query", ["-X", "RPC_OUT_DATA",
                           f"/rpc/rpcproxy.dll?{BOB.guid}@contoso.com:6001"], "CAS10"),
    ("server in the query", ["-X", "RPC_OUT_DATA",
                             f"/rpc/rpcproxy.dll?{topology.CAS10B.fqdn}:6001"], "CAS10B"),
    ("unknown server in the query", ["-X", "RPC_OUT_DATA", "/rpc/rpcproxy.dll?old.contoso.local:6001"],
     "EX13"),
    ("address in the body", ["-H", "Content-Type: text/xml", "--data-binary",
                             "<Autodiscover><Request><EMailAddress>bob@contoso.com</EMailAddress>"
                             "</Request></Autodiscover>", "/Autodiscover/Autodiscover.xml"], "CAS10"),
], ids=lambda v: v if isinstance(v, str) and not v.startswith("C") else None)
def test_mailbox_named_by_the_request(lab, what, words, server):
    *words, target = words
    done = lab.curl("-u", f"{ALICE.smtp}:x", *words, f"https://{NAMESPACE}{target}")
    assert f'"server": "{server}"' in done.stdout, done.stdout
    assert '"user": "alice@contoso.com"' in done.stdout, "the routing key never changes who asks"


def test_unknown_user_goes_to_a_2013_server(lab):
    """It answers him itself: 401 is Exchange's word to say."""
    done = lab.curl("-u", "stranger@contoso.com:x", f"https://{NAMESPACE}/EWS/Exchange.asmx")
    assert '"server": "EX13"' in done.stdout


def test_nobody_at_all_goes_to_a_2013_server(lab):
    done = lab.curl(f"https://{NAMESPACE}/owa/")
    assert '"server": "EX13"' in done.stdout and '"user": ""' in done.stdout


# --- what is answered without asking anybody -------------------------------------

@pytest.mark.parametrize("target, location", [
    ("/", f"https://{NAMESPACE}/owa/"),
    ("/owa", f"https://{NAMESPACE}/owa"),
    ("/owa/?a=b", f"https://{NAMESPACE}/owa/?a=b"),
    ("/OWA/", f"https://{NAMESPACE}/OWA/"),
    ("/ecp/", f"https://{NAMESPACE}/ecp/"),
    ("/Autodiscover/Autodiscover.xml", f"https://{NAMESPACE}/Autodiscover/Autodiscover.xml"),
])
def test_port_80_redirects(lab, target, location):
    with lab.wire(80, tls=False) as wire:
        answer = wire.ask("GET", target)
        assert (answer.status, answer.get("Location")) == (302, location)


@pytest.mark.parametrize("target", [
    "/EWS/Exchange.asmx", "/rpc/rpcproxy.dll", "/Microsoft-Server-ActiveSync", "/OAB/oab.xml",
    "/mapi/emsmdb/", "/PowerShell", "/owax", "/ecpowa/", "/favicon.ico"])
def test_port_80_serves_nothing_else(lab, target):
    with lab.wire(80, tls=False) as wire:
        answer = wire.ask("GET", target)
        assert answer.status in (403, 404) and answer.get("Location") is None


@pytest.mark.parametrize("target", [
    "/phpmyadmin/", "/owax/", "/rpcwithcert/rpcproxy.dll", "/owa/proxylogon.owa",
    "/ecp/proxyLogon.ecp", "/Microsoft-Server-ActiveSync/Proxy", "/mapi/", "/aspnet_client/x",
    "/exchange/alice", "/public"])
def test_unknown_paths_are_denied(lab, target):
    with lab.wire() as wire:
        answer = wire.ask("GET", target, ALICE)
        assert answer.status in (403, 404), answer.body


def test_root_leads_to_owa(lab):
    with lab.wire() as wire:
        answer = wire.ask("GET", "/")
        assert answer.status == 302 and answer.get("Location").endswith("/owa/")


@pytest.mark.parametrize("host", ["www.example.com", "10.10.0.10", "ex13.contoso.local",
                                  "mail.contoso.com.evil.org", "xmail.contoso.com"])
@pytest.mark.parametrize("port, tls", [(443, True), (80, False)])
def test_foreign_host_is_misdirected(lab, host, port, tls):
    with lab.wire(port, tls) as wire:
        assert wire.ask("GET", "/owa/", host=host).status == 421


@pytest.mark.parametrize("host", ["MAIL.contoso.com", "mail.contoso.com:443",
                                  "autodiscover.contoso.com"])
def test_own_hosts(lab, host):
    with lab.wire() as wire:
        answer = wire.ask("GET", "/owa/", ALICE, host=host)
        assert answer.status == 200
        assert f'"host": "{host}"'.encode() in answer.body, "Host stays the client's"


def test_answers_keep_the_connection(lab):
    """What casgate answers itself costs no new handshake."""
    with lab.wire() as wire:
        assert wire.ask("GET", "/nothing", ALICE).status == 404
        assert wire.ask("GET", "/owa/", host="elsewhere.org").status == 421
        assert wire.ask("GET", "/owa/", DAVE).status == 302
        assert wire.ask("GET", "/owa/", ALICE).status == 200


# --- what arrives at the back end ---------------------------------------------------

def echo(lab, headers="", method="GET", body=b"", **arguments):
    """One request to the origin; (the answer, the request as it arrived)."""
    number, target = lab.origin.path("echo", **arguments)
    with lab.wire() as wire:
        answer = wire.ask(method, target, OLGA, headers=headers, body=body)
    return answer, lab.origin.find(number)


def test_request_passes_unchanged(lab):
    """Names keep their case, values their bytes, lines their order."""
    lines = ["User-Agent: Outlook/15.0 (weird \xe9)", "X-MixedCase-Name:  two  blanks inside ",
             "x-lower: 1", "SOAPAction: \"http://x/y\"", "Cookie: a=1; b=\"2\"; cadata=x",
             "Accept: text/xml, */*;q=0.1", "X-Again: 1", "X-Again: 2"]
    number, target = lab.origin.path("echo")
    with lab.wire() as wire:
        head = f"POST {target} HTTP/1.1\r\nHost: {NAMESPACE}\r\n" \
            f"Authorization: Basic {base64.b64encode(b'olga@contoso.com:pw').decode()}\r\n" \
            + "\r\n".join(lines) + "\r\nContent-Length: 3\r\n\r\n"
        wire.send(head.encode("latin-1") + b"abc")
        assert wire.read().status == 200
    seen = lab.origin.find(number)
    assert (seen.method, seen.target, seen.bytes) == ("POST", target, 3)
    arrived = [f"{n}: {v}" for n, v in seen.headers]
    for line in lines:
        name, value = line.split(":", 1)
        assert f"{name}: {value.strip()}" in arrived
    order = [n for n, _ in seen.headers if n in ("User-Agent", "x-lower", "X-Again")]
    assert order == ["User-Agent", "x-lower", "X-Again", "X-Again"]
    assert seen.all("Authorization") == [
        f"Basic {base64.b64encode(b'olga@contoso.com:pw').decode()}"]


@pytest.mark.parametrize("family, address", [(4, "10.10.0.2"), (6, "fd00:10::2")])
def test_forwarded_headers_are_made_anew(lab, family, address):
    lies = "X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8\r\nX-Forwarded-Proto: gopher\r\n" \
        "X-Forwarded-Host: evil.org\r\nX-Forwarded-Server: evil.org\r\nForwarded: for=1.2.3.4\r\n" \
        "Front_End_Https: Off\r\nFront-End-Https: Off\r\n"
    number, target = lab.origin.path("echo")
    with lab.wire(family=family) as wire:
        assert wire.ask("GET", target, OLGA, headers=lies).status == 200
    seen = lab.origin.find(number)
    assert seen.all("X-Forwarded-For") == [address]
    assert seen.all("X-Forwarded-Proto") == ["https"]
    assert seen.all("X-Forwarded-Host") == [NAMESPACE]
    assert seen.all("Front-End-Https") in (["On"], ["on"])
    for name in ("X-Forwarded-Server", "Forwarded", "Front_End_Https"):
        assert not seen.all(name)


HOSTILE = [
    "X-CommonAccessToken: V", "x-commonaccesstoken: V", "X_CommonAccessToken: V",
    "X-RPS-CAT: V", "X-BEResource: x]@server:444/path#~1941997017", "X-AnonResource: true",
    "X-AnonResource-Backend: V", "X-BackEnd-Foo: V", "X-IsFromCafe: 1", "X-SourceCafeServer: V",
    "X-TargetServer: EX13", "X-TargetDatabase: V", "X-FEServer: V", "msExchProxyUri: V",
    "msExchLogonAccount: V", "msExchLogonMailbox: V", "msExchTargetMailbox: V",
    "X-OWA-ExplicitLogonUser: owa/mastermailbox@outlook.com",
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda v: v.split(":")[0])
def test_hostile_headers_are_stripped(lab, line):
    _, seen = echo(lab, headers=line + "\r\n")
    assert not seen.all(line.split(":")[0])


@pytest.mark.parametrize("cookie", ["X-BEResource=x]@server:444/path#~1", "SecurityToken=V",
                                    "X-AnonResource=true", "X-AnonResource-Backend=V",
                                    "X-CommonAccessToken=V"])
def test_hostile_cookies_are_stripped(lab, cookie):
    _, seen = echo(lab, headers=f"Cookie: first=1; {cookie}; last=2\r\n")
    assert seen.all("Cookie") == ["first=1; last=2"]


@pytest.mark.parametrize("line", [
    "X-OWA-ExplicitLogonUser: bob@contoso.com", "X-BackEndCookie: S-1=abc",
    "X-BackEndOverrideCookie: abc", "X-PreferServerAffinity: true",
    "X-MapiHttpCapability: 1"], ids=lambda v: v.split(":")[0])
def test_useful_headers_are_kept(lab, line):
    name, value = line.split(": ")
    _, seen = echo(lab, headers=line + "\r\n")
    assert seen.all(name) == [value]


def test_hop_by_hop_headers_stay_here(lab):
    _, seen = echo(lab, headers="Connection: keep-alive, X-Keep\r\nKeep-Alive: 300\r\n"
                   "Proxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\nX-Keep: here\r\n"
                   "Proxy-Authorization: Basic eA==\r\n")
    for name in ("Keep-Alive", "Proxy-Connection", "TE", "Upgrade", "Proxy-Authorization"):
        assert not seen.all(name), name
    assert seen.all("X-Keep") == ["here"], "a name in Connection is an attack, not a wish"


@pytest.mark.parametrize("name", ["Authorization", "Host", "Content-Length"])
def test_connection_cannot_remove_headers(lab, name):
    _, seen = echo(lab, headers=f"Connection: {name}\r\n", method="POST", body=b"abc")
    assert len(seen.all(name)) == 1


def test_back_end_is_asked_for_by_its_own_name(lab):
    _, seen = echo(lab)
    connection = lab.origin.connection(seen)
    assert connection.sni == topology.ORIGIN.fqdn
    assert seen.all("Host") == [NAMESPACE]
    assert connection.tls == "TLSv1.3"


def test_impostor_gets_nothing(lab):
    """A back end whose certificate nobody signed is as good as none."""
    status, _, _, told = lab.ask(IVAN, "ews")
    assert status == 502 and not told


# --- what arrives at the client -----------------------------------------------------

@pytest.mark.parametrize("inside, outside", [
    (f"https://{topology.ORIGIN.fqdn}/owa/x?y=z", f"https://{NAMESPACE}/owa/x?y=z"),
    (f"https://{topology.EX13.fqdn}/owa/auth/logon.aspx", f"https://{NAMESPACE}/owa/auth/logon.aspx"),
    ("/owa/auth.owa", "/owa/auth.owa"),
    (f"https://{NAMESPACE}/owa/", f"https://{NAMESPACE}/owa/"),
    ("https://login.example.org/x", "https://login.example.org/x"),
])
def test_location_names_the_namespace(lab, inside, outside):
    answer, _ = echo(lab, status=302, location=inside)
    assert (answer.status, answer.get("Location")) == (302, outside)


def raw_answer(lab, text, method="GET"):
    number, target = lab.origin.path("raw", hex=text.replace("\n", "\r\n").encode("latin-1").hex())
    with lab.wire() as wire:
        answer = wire.ask(method, target, OLGA)
    lab.origin.find(number)
    return answer


@pytest.mark.parametrize("location, more, stopped", [
    ("{target}", {}, True), (f"https://{NAMESPACE}{{target}}", {}, True),
    (f"https://{topology.ORIGIN.fqdn}{{target}}", {}, True),
    ("{target}", {"cookie": "a=b"}, False), ("{target}&x=1", {}, False), ("/owa/", {}, False),
    ("https://login.example.com{target}", {}, False)])
def test_redirect_to_itself_is_stopped(lab, location, more, stopped):
    """With a new cookie it may come out differently next time."""
    _, target = lab.origin.path("echo", status=302, location=location, **more)
    before = lab.gate.stats()["proxy.redirect_loops"]
    with lab.wire() as wire:
        assert wire.ask("GET", target, OLGA).status == (502 if stopped else 302)
    with lab.wire() as wire:
        assert wire.ask("POST", target, OLGA).status == 302
    assert lab.gate.stats()["proxy.redirect_loops"] - before == stopped


def test_answer_passes_unchanged(lab):
    answer = raw_answer(lab, """\
HTTP/1.1 200 Success
Content-Type: Application/RPC
x-lower: 1
X-FEServer: EX
WWW-Authenticate: Negotiate
WWW-Authenticate: NTLM
WWW-Authenticate: Basic realm="x"
Set-Cookie: a=1; path=/; secure
Set-Cookie: b=2
Connection: keep-alive
Content-Length: 2

hi""")
    assert (answer.status, answer.reason, answer.body) == (200, "Success", b"hi")
    names = [n for n, _ in answer.headers]
    assert "x-lower" in names and "X-FEServer" not in names
    assert answer.all("WWW-Authenticate") == ["Negotiate", "NTLM", 'Basic realm="x"']
    assert answer.all("Set-Cookie") == ["a=1; path=/; secure", "b=2"]
    assert answer.get("Content-Type") == "Application/RPC"


@pytest.mark.parametrize("status", [200, 201, 204, 301, 304, 401, 404, 449, 451, 500, 503])
def test_status_passes(lab, status):
    reason = http.client.responses.get(status, "Retry After Sending Provision")
    text = f"HTTP/1.1 {status} {reason}\nX-MS-Location: https://x/\n"
    text += "\n" if status in (204, 304) else "Content-Length: 0\n\n"
    answer = raw_answer(lab, text)
    assert (answer.status, answer.reason) == (status, reason)
    assert answer.get("X-MS-Location") == "https://x/"


def test_head_has_no_body(lab):
    answer, seen = echo(lab, method="HEAD")
    assert seen.method == "HEAD"
    assert isinstance(answer, Response) and int(answer.get("Content-Length")) > 0


def test_interim_answers_are_swallowed(lab):
    answer = raw_answer(lab, "HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: x\n\n"
                             "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi")
    assert (answer.status, answer.body) == (200, b"hi")


# --- connections to the back end belong to one client and one user -------------------

def test_back_end_connection_is_kept(lab):
    with lab.wire() as wire:
        seen = []
        for _ in range(3):
            number, target = lab.origin.path("echo")
            assert wire.ask("GET", target, OLGA).status == 200
            seen.append(lab.origin.find(number).connection)
    assert len(set(seen)) == 1


def test_clients_never_share_a_back_end_connection(lab):
    seen = []
    for _ in range(3):
        _, one = echo(lab)
        seen.append(one.connection)
    assert len(set(seen)) == 3


def test_another_user_gets_another_back_end_connection(lab):
    """A connection that was made for one user is never used for the next one,
    even when one client speaks for both (a balancer in front does)."""
    anchor = f"X-AnchorMailbox: {OLGA.smtp}\r\n"
    with lab.wire() as wire:
        seen = []
        for who in (OLGA, ALICE, OLGA):
            number, target = lab.origin.path("echo")
            assert wire.ask("GET", target, who, headers=anchor).status == 200
            seen.append(lab.origin.find(number).connection)
    assert len(set(seen)) == 3


def test_one_connection_many_mailboxes(lab):
    with lab.wire() as wire:
        for mailbox in (ALICE, BOB, CAROL, DAVE, ALICE):
            answer = wire.ask("GET", "/EWS/Exchange.asmx", mailbox)
            assert f'"server": "{mailbox.server.name}"'.encode() in answer.body
        wire.close_notify()
        assert wire.ending() == CLOSE_NOTIFY


# --- TLS towards clients -------------------------------------------------------------

@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tls_versions(lab, version):
    with lab.wire(minimum=version, maximum=version) as wire:
        assert wire.ask("GET", "/owa/", ALICE).status == 200
        assert wire.socket.version() == version.replace("_", ".")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_clients_resume(lab, version):
    context = tls_context(lab.gate.authority.cert, version, version)
    with lab.wire(context=context) as wire:
        assert wire.ask("GET", "/owa/", ALICE).status == 200
        session = wire.socket.session
    with lab.wire(context=context, session=session) as wire:
        assert wire.socket.session_reused
        assert wire.ask("GET", "/owa/", ALICE).status == 200


def test_back_end_sessions_are_resumed(lab):
    """A full handshake with a back end is what a new client costs most."""
    connections = []
    for _ in range(3):
        _, seen = echo(lab)
        connections.append(lab.origin.connection(seen))
    assert len({c.number for c in connections}) == 3
    assert connections[-1].resumed


@pytest.mark.parametrize("mailbox, version", [(ALICE, "TLSv1.3"), (BOB, "TLSv1.2"), (DAVE, "TLSv1")])
def test_back_ends_as_old_as_their_windows(lab, mailbox, version):
    """2010 on Windows 2008 R2 has no AEAD suite for RSA, 2007 no TLS 1.2."""
    assert lab.ask(mailbox, "ews")[3]["tls"] == version


@pytest.mark.parametrize("port", [22, 25, 444, 8080, 9090])
def test_other_ports_are_closed(lab, port):
    with pytest.raises(ConnectionRefusedError):
        lab.wire(port, tls=False)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_refused(lab):
    # SECLEVEL=0, or our own side would not even offer it.
    with pytest.raises(OSError, match="(?i)version|alert|reset"):
        lab.wire(minimum="TLSv1", maximum="TLSv1_1", ciphers="ALL:@SECLEVEL=0")
