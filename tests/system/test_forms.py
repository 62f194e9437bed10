# SPDX-License-Identifier: BSD-3-Clause
"""Logon by form: to the server that has the mailbox, by the browser's own hand
where that server is at another address."""
import copy
import http.client
import http.server
import json
import threading
import urllib.parse

import pytest

from lab import topology
from lab.browser import FORM, Page, logon
from lab.topology import ALICE, BOB, CAROL, DAVE, NAMESPACE, OLGA

LAB = {"workers": 2}
PARIS = "https://paris.contoso.com"
URLS = {"owa": f"{PARIS}/owa", "ecp": f"{PARIS}/ecp"}
LEGACY = topology.LEGACY_OWA
PASSWORD = "geheim-42"


@pytest.fixture
def lab(own_lab):
    """Each test begins and ends with the configuration of the start."""
    yield own_lab
    own_lab.gate.config = copy.deepcopy(own_lab.gate.original)
    own_lab.gate.reload()


def ask(lab, method, target, *words, **more):
    """Each on a connection of its own."""
    with lab.wire() as wire:
        return wire.ask(method, target, *words, **more)


def post(lab, body, target="/owa/auth.owa", headers=FORM, cookies=""):
    return ask(lab, "POST", target, headers=f"{headers}{cookies}", body=body)


def logged_on_at(answer):
    """The stand-in that took the form."""
    assert answer.status == 302
    return next(c for c in answer.all("Set-Cookie") if c.startswith("cadata=")).split(";")[0][7:]


def server(config, name):
    return next(s for s in config["servers"] if s["name"] == name)


def faces_the_internet(lab, urls=URLS, **routing):
    """CAROL's site."""
    server(lab.gate.config, CAROL.server.name)["virtual-directories"] = {
        word: {"external-url": urls[word]} if word in urls else {}
        for word in topology.REQUESTS if word != "mapi"}
    lab.gate.config["routing"] = routing
    lab.gate.reload()


# --- the other server is at another address ---------------------------------------

class Legacy(http.server.BaseHTTPRequestHandler):
    """What the other server's logon reads."""
    took = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")
        self.took.append((self.path, urllib.parse.parse_qsl(
            body, keep_blank_values=True, strict_parsing=True, errors="strict")))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def submit(lab, page):
    """As the browser does: (path, fields) as the server there reads them."""
    url = urllib.parse.urlsplit(page.action)
    with lab.hosts.inside("client"):
        httpd = http.server.HTTPServer(("127.0.0.1", 0), Legacy)
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        client = http.client.HTTPConnection(*httpd.server_address, timeout=5)
        client.request("POST", url.path, page.body(),
                       {"Host": url.netloc, "Content-Type": "application/x-www-form-urlencoded"})
        assert client.getresponse().status == 204
    httpd.shutdown()
    httpd.server_close()
    return Legacy.took.pop()


def check_page(answer, action):
    page = Page(answer)
    assert answer.status == 200 and answer.get("Content-Type") == "text/html; charset=utf-8"
    assert page.action == action and page.submits_itself() and page.buttons == 1
    assert answer.all("Cache-Control") == ["no-store"] and answer.all("Pragma") == ["no-cache"]
    assert answer.all("X-Frame-Options") == ["DENY"]
    assert page.policy["frame-ancestors"] == page.policy["base-uri"] == ["'none'"]
    assert answer.all("Referrer-Policy") == ["no-referrer"]
    return page


@pytest.mark.parametrize("user", [DAVE.smtp, DAVE.sam, DAVE.other_smtp, "DAVE@contoso.com"])
@pytest.mark.parametrize("target", ["/owa/auth.owa", "/owa/auth/owaauth.dll"])
def test_2007(lab, user, target):
    before = lab.gate.stats()
    page = check_page(post(lab, logon(user), target), f"{LEGACY}/auth/owaauth.dll")
    assert submit(lab, page) == ("/owa/auth/owaauth.dll", [
        ("destination", LEGACY), ("flags", "4"), ("forcedownlevel", "0"), ("username", user),
        ("password", PASSWORD), ("passwordText", ""), ("isUtf8", "1")])
    after = lab.gate.stats()
    assert after["proxy.sent_on"] == before["proxy.sent_on"] + 1
    assert after["proxy.proxied"] == before["proxy.proxied"]


def test_2010_in_another_internet_facing_site(lab):
    faces_the_internet(lab)
    body = logon(CAROL.smtp, destination=f"https://{NAMESPACE}/owa/?ae=Folder&id=1", flags="0")
    page = check_page(post(lab, body), f"{PARIS}/owa/auth.owa")
    assert submit(lab, page) == ("/owa/auth.owa", [
        ("destination", f"{PARIS}/owa/?ae=Folder&id=1"), ("flags", "0"), ("forcedownlevel", "0"),
        ("username", CAROL.smtp), ("password", PASSWORD), ("passwordText", ""), ("isUtf8", "1")])


HOSTILE = [
    "", " ", "p w ", "pä€😀", "\"><script>alert(1)</script>", "'\"&<>&amp;&#34;&quot;", "a&b=c+d%41;e",
    "\x01\x02\t\x1b\x7f", "\u0085\u2028\ufeff\u202e", "</form><form action=https://evil.example>",
    "%00", "\\u0000", "x" * 4000, "\"" * 4000, "ä" * 2600]


@pytest.mark.parametrize("password", HOSTILE, ids=lambda v: ascii(v)[:24])
def test_passwords_arrive_as_they_were_typed(lab, password):
    page = check_page(post(lab, logon(DAVE.smtp, password)), f"{LEGACY}/auth/owaauth.dll")
    assert dict(submit(lab, page)[1])["password"] == password


@pytest.mark.parametrize("name", ["o'hara&sons", "jürgen", "<b>", "a\"b", "x y", "日本"])
def test_user_names_too(lab, name):
    lab.gate.ctl("mailbox", "set", "odd@contoso.com", "--sam", f"CONTOSO\\{name}",
                 "--server", DAVE.server.name)
    try:
        page = check_page(post(lab, logon(f"CONTOSO\\{name}")), f"{LEGACY}/auth/owaauth.dll")
        assert dict(submit(lab, page)[1])["username"] == f"CONTOSO\\{name}"
    finally:
        lab.gate.ctl("mailbox", "remove", "odd@contoso.com")


@pytest.mark.parametrize("password", ["a\nb", "a\rb", "a\0b"])
def test_what_no_browser_would_send_on_is_not_given_to_one(lab, password):
    answer = post(lab, logon(DAVE.smtp, password))
    page = Page(answer)
    assert answer.status == 200 and page.links == [LEGACY] and not page.action
    assert b"password" not in answer.body


def test_a_link_where_that_is_wanted(lab):
    faces_the_internet(lab, **{"cross-site-redirect-type": "Manual"})
    page = Page(post(lab, logon(CAROL.smtp, destination="/owa/?ae=Folder")))
    assert page.links == [f"{PARIS}/owa/?ae=Folder"] and not page.action and not page.scripts
    check_page(post(lab, logon(DAVE.smtp)), f"{LEGACY}/auth/owaauth.dll")


def test_never_redirected(lab):
    faces_the_internet(lab, **{"cross-site-redirect-type": "Never"})
    assert logged_on_at(post(lab, logon(CAROL.smtp))) == "CAS10B"


def test_never_to_a_name_of_ours(lab):
    faces_the_internet(lab, {"owa": f"https://{NAMESPACE}/owa"})
    assert logged_on_at(post(lab, logon(CAROL.smtp))) == "CAS10B"


def test_another_destination_is_not_passed_on(lab):
    for destination in ("https://evil.example/owa/", "//evil.example/owa/", "javascript:alert(1)",
                        f"https://{NAMESPACE}.evil.example/owa/", f"https://{NAMESPACE}/owa/../x"):
        page = Page(post(lab, logon(DAVE.smtp, destination=destination)))
        assert dict(page.fields)["destination"] == LEGACY


def test_a_form_in_pieces(lab):
    body = logon(DAVE.smtp, "p" * 300).encode()
    head = f"POST /owa/auth.owa HTTP/1.1\r\nHost: {NAMESPACE}\r\n{FORM}" \
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode()
    with lab.wire() as wire:
        wire.send(head)
        assert wire.read(interim=True).status == 100
        for i in range(0, len(body), 97):
            wire.send(body[i:i + 97])
        check_page(wire.read(), f"{LEGACY}/auth/owaauth.dll")
        assert wire.ask("GET", "/nothing").status == 404, "the connection lives on"


def test_a_get_is_redirected_as_ever(lab):
    answer = ask(lab, "GET", "/owa/", DAVE)
    assert (answer.status, answer.get("Location")) == (302, LEGACY)


# --- forms that name nobody go to a 2013 front end ----------------------------------

def long_form(n):
    return logon(DAVE.smtp) + "&pad=" + "x" * (n - len(logon(DAVE.smtp)) - 5)


def test_how_long_a_form_may_be(lab):
    check_page(post(lab, long_form(16384)), f"{LEGACY}/auth/owaauth.dll")
    assert logged_on_at(post(lab, long_form(16385))) == "EX13"
    assert logged_on_at(post(lab, long_form(300000))) == "EX13"


@pytest.mark.parametrize("body", [
    logon(DAVE.smtp) + "&username=" + BOB.smtp, logon(DAVE.smtp) + "&user%6eame=x",
    logon(DAVE.smtp) + "&password=x", logon(DAVE.smtp) + "&x=%", logon(DAVE.smtp) + "&x=<",
    "username=dave%40contoso.com", "password=x", logon(""), logon("a\nb"), "\0\1\2",
    logon("x" * 300), json.dumps({"username": DAVE.smtp, "password": "x"}),
    logon("nobody@contoso.com")], ids=lambda v: v[-24:])
def test_ambiguous_forms(lab, body):
    assert logged_on_at(post(lab, body)) == "EX13"


def test_other_bodies(lab):
    body = logon(DAVE.smtp).encode()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert logged_on_at(post(lab, chunked, headers=FORM + "Transfer-Encoding: chunked\r\n")) == "EX13"
    for kind in ("text/plain", "multipart/form-data", "application/x-www-form-urlencodedx"):
        assert logged_on_at(post(lab, body, headers=f"Content-Type: {kind}\r\n")) == "EX13"
    assert logged_on_at(post(lab, body, headers="")) == "EX13"
    check_page(post(lab, body, headers=FORM.replace("\r\n", "; charset=UTF-8\r\n")),
               f"{LEGACY}/auth/owaauth.dll")


def test_other_addresses(lab):
    """Only a logon is read."""
    done = ask(lab, "POST", "/owa/auth/x", headers=FORM, body=logon(DAVE.smtp))
    assert json.loads(done.body)["server"] == "EX13"


def test_a_form_that_stops(lab):
    lab.gate.config["timeouts"] = {"request-head": "1s"}
    lab.gate.reload()
    with lab.wire() as wire:
        wire.send(f"POST /owa/auth.owa HTTP/1.1\r\nHost: {NAMESPACE}\r\n{FORM}"
                  "Content-Length: 100\r\n\r\nusername=dave".encode())
        assert wire.read().status == 408


# --- at a server of ours ------------------------------------------------------------

@pytest.mark.parametrize("who", [ALICE, BOB, CAROL])
def test_proxied(lab, who):
    assert logged_on_at(post(lab, logon(who.smtp))) == who.server.name


def test_explained(lab):
    said = lab.gate.ctl("route", "explain", "--user", DAVE.smtp, "--protocol", "owa",
                        "--url", "/owa/auth.owa", "--method", "POST")
    assert (said["action"], said["status"], said["url"]) == ("redirect", 200, LEGACY)
    assert said["logon"] == f"{LEGACY}/auth/owaauth.dll" and said["hint"] == "FormUserName"
    assert f"signs on silently at {said['logon']}" in said["reason"]
    words = lab.gate.cli("route", "explain", "--user", DAVE.smtp, "--protocol", "owa",
                         "--url", f"https://{NAMESPACE}/owa/auth.owa", "--method", "POST").stdout
    assert f"signs on silently at {said['logon']}" in words
    said = lab.gate.ctl("route", "explain", "--user", BOB.smtp, "--protocol", "owa",
                        "--url", "/owa/auth.owa", "--method", "POST")
    assert said["candidates"] == ["CAS10"] and not said["logon"]


# --- passwords ----------------------------------------------------------------------

def memory_of(process):
    """Everything that a process could still read."""
    with open(f"/proc/{process.pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            first, last = (int(n, 16) for n in span.split("-"))
            if not rights.startswith("rw"):
                continue
            try:
                memory.seek(first)
                yield memory.read(last - first)
            except (OSError, ValueError, OverflowError):
                pass


def test_no_password_stays(lab):
    secret = "Zq7-geheim-9xW"
    pieces = logon(BOB.smtp, secret).encode()
    for who in (ALICE, BOB, DAVE, OLGA):
        post(lab, logon(who.smtp, secret))
    post(lab, logon(DAVE.smtp, secret) + "&password=" + secret)
    post(lab, long_form(20000) + "&password=" + secret)
    with lab.wire() as wire:
        wire.send(f"POST /owa/auth.owa HTTP/1.1\r\nHost: {NAMESPACE}\r\n{FORM}"
                  f"Content-Length: {len(pieces) + 9}\r\n\r\n".encode() + pieces)
    ask(lab, "GET", "/owa/")
    assert not any(secret.encode() in m for m in memory_of(lab.gate.process))
