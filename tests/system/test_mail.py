# SPDX-License-Identifier: BSD-3-Clause
"""POP and IMAP: whoever logs in, by whatever name and on whatever port, opens
the mailbox on its own server, and nobody else's. Dovecot stands for Exchange;
the clients are Python's, curl and bytes by hand."""
import base64
import contextlib
import hashlib
import imaplib
import poplib
import random
import socket
import ssl
import threading
import time

import pytest

from lab import topology
from lab.control import Rest
from lab.dovecot import login_names
from lab.hosts import VIP4, wait_until
from lab.topology import ALICE, BOB, CAROL, DAVE, OLGA
from lab.wire import CLOSE_NOTIFY, FIN, OPEN, RESET, Ended, tls_context

LAB = {"mail": True}
PORTS = {"pop3": 110, "imap": 143, "imaps": 993, "pop3s": 995}
VERSIONS = [ALICE, BOB, CAROL, DAVE]
BIG = 20_000_000


def configure(config):
    for protocol, port in PORTS.items():
        config["listeners"].append({"name": protocol, "address": VIP4, "port": port,
                                    "protocol": protocol, "certificates": ["mail"],
                                    "expose": "internal" if protocol == "imaps" else "external"})


@pytest.fixture
def lab(own_lab):
    yield own_lab
    wait_until("no session is left", lambda: not own_lab.gate.sessions(), 15)


# --- clients ----------------------------------------------------------------------


class Imap(imaplib.IMAP4):
    """Connects from the client host; TLS from the first byte or by STARTTLS."""

    def __init__(self, lab, port=993, seconds=20):
        self._lab, self._seconds = lab, seconds
        super().__init__(topology.NAMESPACE, port)
        if port == 143:
            assert "LOGINDISABLED" in self.capabilities
            self.starttls(self._context())

    def _context(self):
        return ssl.create_default_context(cafile=self._lab.gate.authority.cert)

    def _create_socket(self, timeout):
        with self._lab.hosts.inside("client"):
            sock = socket.create_connection((VIP4, self.port), self._seconds)
        if self.port == 993:
            sock = self._context().wrap_socket(sock, server_hostname=self.host)
        return sock

    def where(self):
        """(server, mailbox) by the first message of the inbox."""
        ok, count = self.select("INBOX", readonly=True)
        assert ok == "OK" and int(count[0]) >= 1
        ok, data = self.fetch("1", "(BODY.PEEK[HEADER.FIELDS (X-Server X-Mailbox)])")
        assert ok == "OK"
        return told(data[0][1])


class Pop(poplib.POP3):
    def __init__(self, lab, port=995, seconds=20):
        self._lab, self._seconds = lab, seconds
        super().__init__(topology.NAMESPACE, port)
        if port == 110:
            capabilities = self.capa()
            assert "STLS" in capabilities and "USER" not in capabilities
            self.stls(self._context())

    _context = Imap._context

    def _create_socket(self, timeout):
        with self._lab.hosts.inside("client"):
            sock = socket.create_connection((VIP4, self.port), self._seconds)
        if self.port == 995:
            sock = self._context().wrap_socket(sock, server_hostname=self.host)
        return sock

    def login(self, name, password):
        self.user(name)
        return self.pass_(password)

    def where(self):
        return told(b"\r\n".join(self.top(1, 0)[1]))


def told(header):
    fields = dict(line.split(": ", 1) for line in header.decode().splitlines() if ": " in line)
    return fields["X-Server"], fields["X-Mailbox"]


def expected(mailbox):
    return mailbox.server.name, mailbox.alias


@contextlib.contextmanager
def connected(kind, lab, port):
    client = kind(lab, port)
    try:
        yield client
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error, poplib.error_proto):
            client.logout() if kind is Imap else client.quit()
        if client.sock:
            client.sock.close()


@contextlib.contextmanager
def raw(lab, port, greeting=True):
    with lab.wire(port, tls=port > 900) as wire:
        if greeting:
            assert wire.until(b"\r\n").startswith((b"* OK ", b"+OK "))
        yield wire


def say(wire, line):
    """One line there, one line back."""
    wire.send(line.encode() + b"\r\n")
    return wire.until(b"\r\n").decode()


# --- where a login leads ---------------------------------------------------------------

@pytest.mark.parametrize("mailbox", VERSIONS, ids=lambda m: f"{m.alias}-{m.server.version}")
@pytest.mark.parametrize("kind,port", [(Imap, 993), (Imap, 143), (Pop, 995), (Pop, 110)],
                         ids=["imaps", "imap", "pop3s", "pop3"])
def test_every_version_by_every_name(lab, kind, port, mailbox):
    for name in login_names(mailbox):
        with connected(kind, lab, port) as client:
            client.login(name, mailbox.password)
            assert client.where() == expected(mailbox), name
            sessions = [s for s in lab.gate.sessions() if s["state"] == "splice"]
            assert [(s["user"], s["server"], s["protocol"]) for s in sessions] == [
                (name, mailbox.server.name, "imap" if kind is Imap else "pop")]


@pytest.mark.parametrize("url,more", [("imaps://{}/INBOX;MAILINDEX=1", []),
                                      ("imap://{}/INBOX;MAILINDEX=1", ["--ssl-reqd"]),
                                      ("pop3s://{}/1", []), ("pop3://{}/1", ["--ssl-reqd"])],
                         ids=["imaps", "imap", "pop3s", "pop3"])
def test_curl(lab, url, more):
    for mailbox in VERSIONS:
        done = lab.curl("-u", f"{mailbox.smtp}:{mailbox.password}",
                        url.format(topology.NAMESPACE), *more)
        assert told(done.stdout.encode()) == expected(mailbox)


def plain(*parts):
    return base64.b64encode("\0".join(parts).encode()).decode()


@pytest.mark.parametrize("initial", [True, False], ids=["initial", "continued"])
@pytest.mark.parametrize("imap", [True, False], ids=["imap", "pop"])
def test_sasl_plain(lab, imap, initial):
    word = plain("", DAVE.smtp, DAVE.password)
    command = "a AUTHENTICATE PLAIN" if imap else "AUTH PLAIN"
    with raw(lab, 993 if imap else 995) as wire:
        if initial:
            answer = say(wire, f"{command} {word}")
        else:
            assert say(wire, command).startswith("+")
            answer = say(wire, word)
        while answer.startswith("* "):
            answer = wire.until(b"\r\n").decode()
        assert answer.startswith("a OK" if imap else "+OK")
        assert lab.gate.sessions("--server", "CAS07")[0]["user"] == DAVE.smtp


def test_literals(lab):
    """Synchronising and not; a command that comes with the login is the
    server's."""
    name, password = CAROL.smtp, CAROL.password
    with raw(lab, 993) as wire:
        assert say(wire, f"t1 LOGIN {{{len(name)}}}").startswith("+ ")
        assert say(wire, f"{name} {{{len(password)}}}").startswith("+ ")
        wire.send(f"{password}\r\nt2 STATUS INBOX (MESSAGES)\r\n".encode())
        assert b"t1 OK" in wire.until(b"Logged in\r\n") + b"Logged in"
        assert wire.until(b"t2 OK").startswith(b"* STATUS INBOX (MESSAGES")
    with raw(lab, 993) as wire:
        wire.send(f"t1 LOGIN {{{len(name)}+}}\r\n{name} {{{len(password)}+}}\r\n{password}\r\n"
                  .encode())
        wire.until(b"t1 OK")


def test_explain_says_the_same(lab):
    for mailbox in VERSIONS:
        for protocol in ("imap", "pop"):
            told_to = lab.gate.ctl("route", "explain", "--user", f"contoso/{mailbox.alias}",
                                   "--protocol", protocol)
            assert told_to["candidates"] == [mailbox.server.name]


# --- what is refused ------------------------------------------------------------------

@pytest.mark.parametrize("port,line,answer", [
    (993, "a AUTHENTICATE NTLM", "a NO [CANNOT]"),
    (993, "a AUTHENTICATE GSSAPI", "a NO [CANNOT]"),
    (995, "AUTH NTLM", "-ERR"),
])
def test_ntlm_is_refused_with_the_reason(lab, port, line, answer):
    with raw(lab, port) as wire:
        said = say(wire, line)
        assert said.startswith(answer) and "cannot be carried on" in said


@pytest.mark.parametrize("port,lines", [
    (143, ["a LOGIN alice x", "b AUTHENTICATE PLAIN AGEAYg=="]),
    (110, ["USER alice", "PASS x", "AUTH PLAIN AGEAYg=="]),
])
def test_no_password_before_tls(lab, port, lines):
    before = lab.gate.stats()["proxy.requests"]
    with raw(lab, port) as wire:
        for line in lines:
            assert "TLS" in say(wire, line)
    assert lab.gate.stats()["proxy.requests"] == before


@pytest.mark.parametrize("port,command,injection", [
    (143, b"a STARTTLS\r\n", b"b LOGIN mallory x\r\n"),
    (110, b"STLS\r\n", b"USER mallory\r\n"),
])
def test_injection_behind_starttls(lab, port, command, injection):
    """The connection ends, and nothing of it was heard."""
    before = lab.gate.stats()["proxy.mail_injected"]
    with raw(lab, port) as wire:
        wire.send(command + injection)
        assert wire.ending() in (RESET, FIN)
        assert b"OK" not in wire._buffer
    assert lab.gate.stats()["proxy.mail_injected"] == before + 1
    # In a segment of its own it is no ClientHello either.
    with raw(lab, port) as wire:
        wire.send(command)
        wire.until(b"now.\r\n")
        wire.send(injection)
        assert wire.ending() != OPEN


@pytest.mark.parametrize("kind,port,error", [(Imap, 993, imaplib.IMAP4.error),
                                             (Pop, 995, poplib.error_proto)], ids=["imap", "pop"])
def test_wrong_password(lab, kind, port, error):
    """The server's own words; the third time is the last."""
    before = lab.gate.stats()["proxy.mail_denied"]
    with connected(kind, lab, port) as client:
        for _ in range(2):
            with pytest.raises(error, match="Authentication failed"):
                client.login(BOB.smtp, "wrong")
        client.login(BOB.smtp, BOB.password)
        assert client.where() == expected(BOB)
    with connected(kind, lab, port) as client:
        for _ in range(3):
            with pytest.raises(error, match="Authentication failed"):
                client.login(BOB.smtp, "wrong")
        with pytest.raises((error, OSError, EOFError, imaplib.IMAP4.abort)):
            client.login(BOB.smtp, BOB.password)
    assert lab.gate.stats()["proxy.mail_denied"] == before + 5


def test_certificate_is_verified(lab):
    """Nothing is said to a server that cannot prove who it is, and the words
    name what an administrator has to look at."""
    with raw(lab, 993) as wire:
        said = say(wire, f"a LOGIN {topology.IVAN.smtp} x")
        assert said.startswith("a NO [UNAVAILABLE]")
    assert "certificate" in str(lab.gate.ctl("server", "show", "IMPOSTOR")["last_errors"])
    assert "ivan" not in lab.mail["IMPOSTOR"].log()


def test_service_is_not_running(lab):
    with raw(lab, 993) as wire:     # nothing listens on the address of ORIGIN
        said = say(wire, f"a LOGIN {OLGA.smtp} x")
        assert said.startswith("a NO [UNAVAILABLE]")
        assert "Set-Service MSExchangeIMAP4 -StartupType Automatic" in said
    with raw(lab, 995) as wire:
        assert say(wire, f"USER {OLGA.smtp}").startswith("+OK")
        said = say(wire, "PASS x")
        assert said.startswith("-ERR [SYS/TEMP]")
        assert "Set-Service MSExchangePOP3 -StartupType Automatic" in said


# --- what goes through ------------------------------------------------------------------

@pytest.fixture(scope="module")
def large():
    """A message of 20 MB, in lines."""
    source = random.Random(7)
    lines = [base64.b64encode(source.randbytes(54)) for _ in range(4096)]
    body = b"\r\n".join(lines) + b"\r\n"
    head = b"From: a@contoso.com\r\nTo: b@contoso.com\r\nSubject: large\r\n\r\n"
    return head + body * (BIG // len(body) + 1)


@pytest.mark.parametrize("port", [993, 143])
def test_large_message_up_and_down(lab, large, port):
    wanted = hashlib.sha256(large).hexdigest()
    with connected(Imap, lab, port) as client:
        client.login(ALICE.smtp, ALICE.password)
        folder = f"Large{port}"
        assert client.create(folder)[0] == "OK"
        assert client.append(folder, None, None, large)[0] == "OK"
        assert client.select(folder)[0] == "OK"
        data = client.fetch("1", "(BODY.PEEK[])")[1][0][1]
        assert hashlib.sha256(data).hexdigest() == wanted
        assert client.where() == expected(ALICE)


def test_large_message_by_pop(lab, large):
    with connected(Imap, lab, 993) as client:
        client.login(DAVE.smtp, DAVE.password)
        assert client.append("INBOX", None, None, large)[0] == "OK"
    with connected(Pop, lab, 995) as client:
        client.login(DAVE.smtp, DAVE.password)
        last = len(client.list()[1])
        data = b"\r\n".join(client.retr(last)[1]) + b"\r\n"
        assert hashlib.sha256(data).hexdigest() == hashlib.sha256(large).hexdigest()
        assert client.dele(last).startswith(b"+OK")


def test_idle(lab):
    """The server's news arrive in the middle of a long silence."""
    with raw(lab, 993) as wire, connected(Imap, lab, 993) as other:
        wire.send(f"a LOGIN {BOB.smtp} {BOB.password}\r\nb SELECT INBOX\r\nc IDLE\r\n".encode())
        wire.until(b"+ idling\r\n")
        assert wire.silent(3)
        other.login(BOB.smtp, BOB.password)
        other.append("INBOX", None, None, b"Subject: news\r\n\r\nNews.\r\n")
        wire.socket.settimeout(10)
        assert b"EXISTS" in wire.until(b"EXISTS") + b"EXISTS"
        wire.until(b"\r\n")
        wire.send(b"DONE\r\n")
        wire.until(b"c OK")


def test_users_are_never_mixed(lab):
    """Two at a time on each server, over and over, each sees the own mailbox."""
    wrong, done = [], []

    def worker(mailbox, kind, port):
        try:
            for _ in range(6):
                with connected(kind, lab, port) as client:
                    client.login(mailbox.smtp, mailbox.password)
                    for _ in range(3):
                        if client.where() != expected(mailbox):
                            wrong.append(mailbox.alias)
            done.append(mailbox.alias)
        except Exception as error:  # noqa: BLE001
            wrong.append(f"{mailbox.alias}: {error!r}")

    people = [(m, kind, port) for m in [ALICE, BOB, topology.MOVER, DAVE]
              for kind, port in ((Imap, 993), (Pop, 995))]
    threads = [threading.Thread(target=worker, args=who) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and len(done) == len(people)


def test_a_move_is_followed_by_the_next_login(lab):
    try:
        with connected(Imap, lab, 993) as client:
            client.login(topology.MOVER.smtp, topology.MOVER.password)
            lab.gate.ctl("mailbox", "move", topology.MOVER.smtp, "EX13")
            assert client.where() == ("CAS10", "mover"), "a session stays where it is"
        with connected(Imap, lab, 993) as client:
            client.login(topology.MOVER.smtp, topology.MOVER.password)
            assert client.where() == ("EX13", "mover")
    finally:
        lab.gate.ctl("mailbox", "move", topology.MOVER.smtp, "CAS10")


# --- ends ---------------------------------------------------------------------------------

def logged_in(wire, mailbox):
    wire.send(f"a LOGIN {mailbox.smtp} {mailbox.password}\r\n".encode())
    wire.until(b"a OK")
    wire.until(b"\r\n")


def test_ends_are_handed_on(lab):
    with raw(lab, 993) as wire:     # the server ends in order
        logged_in(wire, BOB)
        wire.send(b"b LOGOUT\r\n")
        wire.until(b"b OK")
        assert wire.ending() == CLOSE_NOTIFY
    with raw(lab, 993) as wire:     # the client ends in order
        logged_in(wire, BOB)
        wire.close_notify()
    wait_until("the server knows", lambda: not lab.gate.sessions("--server", "CAS10"))
    with raw(lab, 993) as wire:     # and without
        logged_in(wire, BOB)
        wire.fin()
        assert wire.ending() != OPEN
    with raw(lab, 993) as wire:
        logged_in(wire, BOB)
        wire.reset()
    wait_until("the server knows", lambda: not lab.gate.sessions("--server", "CAS10"))


def test_server_dies_in_mid_transfer(lab, large):
    """What was cut does not look complete."""
    dovecot = lab.mail["CAS10"]
    with raw(lab, 993) as wire:
        logged_in(wire, BOB)
        wire.send(b"b APPEND INBOX {%d+}\r\n" % len(large) + large + b"\r\n")
        wire.socket.settimeout(30)
        wire.until(b"b OK")
        wire.send(b"c SELECT INBOX\r\n")
        wire.until(b"c OK")
        wire.send(b"d FETCH * (BODY.PEEK[])\r\n")
        wire.until(b"Subject: large")
        dovecot.kill()
        assert b"d OK" not in wire.rest()
        assert wire.ended in (RESET, FIN)
    with raw(lab, 993) as wire:
        said = say(wire, f"a LOGIN {BOB.smtp} {BOB.password}")
        assert said.startswith("a NO [UNAVAILABLE]")
        dovecot.start()
        logged_in(wire, BOB)


def test_server_out_of_service(lab):
    """Who is there stays; who comes is told."""
    with raw(lab, 993) as wire:
        logged_in(wire, BOB)
        lab.gate.ctl("server", "drain", "CAS10")
        try:
            wire.send(b"b NOOP\r\n")
            wire.until(b"b OK")
            with raw(lab, 993) as late:
                said = say(late, f"a LOGIN {BOB.smtp} {BOB.password}")
                assert said.startswith("a NO [UNAVAILABLE]") and "drained" in said
        finally:
            lab.gate.ctl("server", "enable", "CAS10")


def test_silence_and_slow_logins_end(lab):
    timeouts = lab.gate.config["timeouts"] = {"login": "2s", "imap": "2s"}
    assert timeouts
    try:
        lab.gate.reload()
        with raw(lab, 993) as wire:
            assert wire.ending() == CLOSE_NOTIFY
            assert wire._buffer.startswith(b"* BYE ")
        with raw(lab, 110) as wire:
            wire.send(b"NO")
            assert wire.ending() == FIN
            assert wire._buffer.startswith(b"-ERR ")
        with raw(lab, 993) as wire:
            logged_in(wire, BOB)
            began = time.monotonic()
            assert wire.ending() == CLOSE_NOTIFY
            assert 1.5 < time.monotonic() - began < 4
    finally:
        del lab.gate.config["timeouts"]
        lab.gate.reload()


def test_service_that_was_never_started(lab):
    """`pop: false`, and a port where nobody listens."""
    def cas10(**settings):
        for server in lab.gate.config["servers"]:
            if server["name"] == "CAS10":
                server.update(settings)
        lab.gate.reload()

    try:
        cas10(**{"pop": False, "imap-port": 9})
        told_to = lab.gate.ctl("route", "explain", "--user", BOB.smtp, "--protocol", "pop")
        assert told_to["action"] == "answer" and "MSExchangePOP3" in told_to["reason"]
        with raw(lab, 995) as wire:
            say(wire, f"USER {BOB.smtp}")
            said = say(wire, f"PASS {BOB.password}")
            assert said.startswith("-ERR [SYS/TEMP] ") and "route explain" in said
        with raw(lab, 993) as wire:
            assert "MSExchangeIMAP4" in say(wire, f"a LOGIN {BOB.smtp} {BOB.password}")
    finally:
        cas10(**{"pop": True, "imap-port": 993})
    with raw(lab, 993) as wire:
        logged_in(wire, BOB)


def test_nothing_stays(lab):
    """Whatever a session was and however it ended, it is gone."""
    wait_until("no session is left", lambda: not lab.gate.sessions(), 15)
    rest = Rest(lab)
    for _ in range(10):
        for kind, port in ((Imap, 993), (Imap, 143), (Pop, 995), (Pop, 110)):
            with connected(kind, lab, port) as client:
                client.login(BOB.smtp, BOB.password)
        with raw(lab, 993) as wire:
            wire.send(b"a LOGIN {3}\r\n")
        with raw(lab, 993) as wire:
            logged_in(wire, DAVE)
            wire.reset()
        with raw(lab, 995) as wire:
            wire.send(b"\0" * 10000)
            wire.ending()
    rest.check()
    assert not lab.gate.stats()["proxy.mail_dialogues"]


def test_alpn(lab):
    """A browser that was lured here is not talked to."""
    context = tls_context(lab.gate.authority.cert)
    context.set_alpn_protocols(["http/1.1"])
    with pytest.raises(ssl.SSLError):
        lab.wire(993, context=context)
    context.set_alpn_protocols(["imap"])
    with lab.wire(993, context=context) as wire:
        assert wire.socket.selected_alpn_protocol() == "imap"


def test_checks(lab):
    config = {**lab.gate.config, "listeners": [
        {"name": "a", "port": 143, "protocol": "imap"},
        {"name": "b", "port": 995, "protocol": "imaps", "certificates": ["mail"]}]}
    done = lab.gate.check(config)
    assert done.returncode
    assert "a mail listener needs at least one certificate" in done.stdout + done.stderr
    assert "clients expect pop3s on port 995" in done.stdout + done.stderr


def test_services_are_looked_at(lab):
    """A mail service lives when it greets; a component stops one protocol."""
    gate = lab.gate
    gate.config["health"] = {"interval": "300ms", "fall": 2}
    gate.reload()
    try:
        def states(protocol):
            rows = gate.ctl("server", "show", "EX13")["virtual_directories"]
            return next(r["health"] for r in rows if r["protocol"] == protocol)
        wait_until("both are up", lambda: states("imap") == states("pop") == "up")
        assert "mail-service" not in str(gate.ctl_any("preflight", "--server", "EX13"))
        gate.ctl("component", "set", "ImapProxy", "Inactive")
        with Imap(lab) as client, pytest.raises(imaplib.IMAP4.error):
            client.login(ALICE.smtp, ALICE.password)
        gate.ctl("component", "set", "ImapProxy", "Active")
        with Imap(lab) as client:
            client.login(ALICE.smtp, ALICE.password)
    finally:
        gate.ctl("component", "set", "ImapProxy", "Active")
        del gate.config["health"]
        gate.reload()


def test_drain_at_the_end(lab):
    """The last test: casgate is told to stop. Those before the login are sent
    away, those behind it have until drain-max."""
    gate = lab.gate
    with raw(lab, 993) as waiting, raw(lab, 993) as busy:
        logged_in(busy, BOB)
        gate.process.terminate()
        with pytest.raises(Ended) as ended:
            waiting.until(b"never")
        assert ended.value.so_far.startswith(b"* BYE ")
        busy.send(b"b NOOP\r\n")
        busy.until(b"b OK")
        assert busy.ending() in (RESET, FIN)
    gate.process.wait(10)
    gate.start()
