# SPDX-License-Identifier: BSD-3-Clause
"""Logon by form: to the server that has the mailbox, by the browser's own hand
where that server is at another address, and with the session kept together
afterwards."""
import copy
import http.client
import http.server
import json
import re
import threading
import urllib.parse

import pytest

from lab import topology
from lab.browser import FORM, Cookies, Page, logon
from lab.topology import ALICE, BOB, CAROL, DAVE, MOVER, NAMESPACE, OLGA

LAB = {"workers": 2}
PARIS = "https://paris.contoso.com"
URLS = {"owa": f"{PARIS}/owa", "ecp": f"{PARIS}/ecp"}
LEGACY = topology.LEGACY_OWA
OURS = "X-CasgateOwa"
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


def where(lab, cookies, target="/owa/"):
    """The server that a request with nothing but cookies reaches."""
    return json.loads(ask(lab, "GET", target, headers=str(cookies)).body)["server"]


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


# --- the session afterwards ---------------------------------------------------------

def test_2010_in_the_own_site(lab):
    cookies = Cookies()
    answer = cookies.take(post(lab, logon(BOB.sam)))
    assert logged_on_at(answer) == "CAS10" and answer.get("Location") == f"https://{NAMESPACE}/owa/"
    ours = [c for c in answer.all("Set-Cookie") if c.startswith(OURS)]
    assert len(ours) == 1 and re.fullmatch(
        rf"{OURS}=[A-Za-z0-9+/]+=*; Path=/; Secure; HttpOnly; SameSite=Lax", ours[0])
    assert set(cookies) == {"cadata", OURS}
    assert "bob" not in cookies[OURS].lower()
    for target in ("/owa/", "/owa/?ae=Item", "/owa/14.1/themes/x.css", "/ecp/", "/owa/ev.owa"):
        assert where(lab, cookies, target) == "CAS10"
    del cookies[OURS]
    assert where(lab, cookies) == "EX13", "who asks is not known"


def test_on_the_same_connection(lab):
    cookies = Cookies()
    before = lab.gate.stats()["proxy.connects"]
    with lab.wire() as wire:
        for _ in range(2):
            cookies.take(wire.ask("POST", "/owa/auth.owa", headers=f"{FORM}{cookies}",
                                  body=logon(BOB.smtp)))
            answer = wire.ask("GET", "/owa/", headers=str(cookies))
            assert json.loads(answer.body)["server"] == "CAS10"
    assert lab.gate.stats()["proxy.connects"] == before + 1


def test_another_site(lab):
    cookies = Cookies()
    assert logged_on_at(cookies.take(post(lab, logon(CAROL.smtp)))) == "CAS10B"
    assert where(lab, cookies) == "CAS10B"


def test_15x(lab):
    """Any front end takes the session of any other, so nothing is kept; and of
    an older logon nothing is left."""
    cookies = Cookies()
    answer = post(lab, logon(ALICE.smtp))
    assert logged_on_at(answer) == "EX13" and not any(OURS in c for c in answer.all("Set-Cookie"))
    cookies.take(post(lab, logon(BOB.smtp)))
    cookies.take(post(lab, logon(ALICE.smtp), cookies=cookies))
    assert cookies == {"cadata": "EX13"}


def test_the_cookie_is_for_us_alone(lab):
    number, target = lab.origin.path("echo", "/owa/auth.owa", status=302, location="/owa/",
                                     cookie="cadata=x; path=/")
    body = logon(OLGA.smtp, "p\"ä&<>' +%\0\r\n" * 20)
    cookies = Cookies(other="1")
    answer = cookies.take(post(lab, body, target, cookies=cookies))
    told = json.loads(answer.body)
    assert told["bytes"] == len(body), "the form arrived whole"
    assert lab.origin.find(number).sha256 == told["sha256"]
    assert set(cookies) == {"other", "cadata", OURS}
    number, target = lab.origin.path("echo", "/owa/x")
    assert ask(lab, "GET", target, headers=str(cookies)).status == 200
    assert lab.origin.find(number).all("Cookie") == ["other=1; cadata=x"]
    # Alone in its line, and by the names that IIS would take for it.
    number, target = lab.origin.path("echo", "/owa/x")
    ask(lab, "GET", target, headers=f"Cookie: {OURS}={cookies[OURS]}\r\n"
                                    f"Cookie: x_casgateowa=1; {OURS.upper()}=2; a=b\r\n")
    assert lab.origin.find(number).all("Cookie") == ["a=b"]


@pytest.mark.parametrize("protocol", ["ews", "rpc", "oab", "eas", "autodiscover", "powershell"])
def test_it_counts_for_browsers_only(lab, protocol):
    cookies = Cookies()
    cookies.take(post(lab, logon(BOB.smtp)))
    method, _, headers = topology.REQUESTS[protocol]
    target = topology.target(protocol, ALICE)
    answer = ask(lab, method, target, headers=str(cookies) + "".join(
        f"{n}: {v}\r\n" for n, v in headers.items()))
    assert json.loads(answer.body)["server"] == "EX13"


def test_who_says_who_he_is_needs_no_cookie(lab):
    cookies = Cookies()
    cookies.take(post(lab, logon(BOB.smtp)))
    answer = ask(lab, "GET", "/owa/", ALICE, headers=str(cookies))
    assert json.loads(answer.body)["server"] == "EX13"
    answer = ask(lab, "GET", f"/owa/{ALICE.smtp}/", headers=str(cookies))
    assert json.loads(answer.body)["server"] == "EX13"


def test_forged_cookies(lab):
    cookies = Cookies()
    cookies.take(post(lab, logon(BOB.smtp)))
    good = cookies[OURS]
    forged = ["", "x", "====", good[:-4], good + "AAAA", "A" * 4000, good.swapcase(),
              good[:20] + ("A" if good[20] != "A" else "B") + good[21:], "CAS10\0bob",
              "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNk"]
    for value in forged:
        assert where(lab, f"Cookie: {OURS}={urllib.parse.quote(value, '+/=')}\r\n") == "EX13"
    assert where(lab, f"Cookie: {OURS}={good}\r\n") == "CAS10"


def test_wrong_passwords(lab):
    """302 to the logon page: nobody is in, and who was is out."""
    number, target = lab.origin.path("echo", "/owa/auth.owa", status=302,
                                     location="/owa/auth/logon.aspx?reason=2")
    assert not post(lab, logon(OLGA.smtp), target).all("Set-Cookie")
    cookies = Cookies()
    cookies.take(post(lab, logon(BOB.smtp)))
    cookies.take(post(lab, logon(OLGA.smtp), target, cookies=cookies))
    assert set(cookies) == {"cadata"}
    for status, cookie in ((200, "cadata=x"), (302, "cadata=; path=/"), (302, "other=1")):
        number, target = lab.origin.path("echo", "/owa/auth.owa", status=status, cookie=cookie)
        assert post(lab, logon(OLGA.smtp), target).all("Set-Cookie") == [cookie]
        lab.origin.find(number)


def test_logoff(lab):
    cookies = Cookies()
    cookies.take(post(lab, logon(BOB.smtp)))
    cookies.take(ask(lab, "GET", "/owa/logoff.owa", headers=str(cookies)))
    assert set(cookies) == {"cadata"}
    assert not ask(lab, "GET", "/owa/logoff.owa").all("Set-Cookie")


def test_a_form_that_is_sent_on_ends_the_session_here(lab):
    cookies = Cookies()
    cookies.take(post(lab, logon(BOB.smtp)))
    check_page(cookies.take(post(lab, logon(DAVE.smtp), cookies=cookies)),
               f"{LEGACY}/auth/owaauth.dll")
    assert set(cookies) == {"cadata"}


def test_after_a_move(lab):
    cookies = Cookies()
    assert logged_on_at(cookies.take(post(lab, logon(MOVER.smtp)))) == "CAS10"
    lab.gate.ctl("mailbox", "move", MOVER.smtp, "EX13")
    try:
        assert where(lab, cookies) == "EX13"
    finally:
        lab.gate.ctl("mailbox", "move", MOVER.smtp, "CAS10")
    assert where(lab, cookies) == "CAS10"


def two_in_one_site(lab, **weights):
    for name in ("CAS10", "CAS10B"):
        server(lab.gate.config, name).update(site="HQ", weight=weights.get(name, 100))
    lab.gate.reload()


def test_a_session_stays_at_its_server(lab):
    """Its cookies are good there alone, whoever would be chosen today."""
    for here, there in (("CAS10", "CAS10B"), ("CAS10B", "CAS10")):
        cookies = Cookies()
        two_in_one_site(lab, **{there: 0})
        assert logged_on_at(cookies.take(post(lab, logon(BOB.smtp)))) == here
        two_in_one_site(lab, **{here: 0})
        assert json.loads(ask(lab, "GET", "/owa/", BOB).body)["server"] == there
        assert where(lab, cookies) == here and where(lab, cookies, "/ecp/") == here
        lab.gate.ctl("server", "drain", here)
        try:
            assert where(lab, cookies) == there, "as long as it may be asked"
        finally:
            lab.gate.ctl("server", "enable", here)


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
