# SPDX-License-Identifier: BSD-3-Clause
"""The access log: each request is one line of an HttpProxy log, whatever its
client sends, and nothing of it is what nobody should read."""
import base64
import csv
import io
import os
import re
import time
import urllib.parse

import pytest

from lab import topology
from lab.browser import FORM, Cookies, logon
from lab.fixture import Lab
from lab.gate import ControlError
from lab.hosts import CLIENT4, VIP4, wait_until
from lab.topology import ALICE, BOB, CAS10, DAVE, IVAN, NAMESPACE, OLGA
from lab.wire import RESET

FIELDS = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,"
    "Protocol,UrlHost,UrlStem,ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,"
    "Organization,AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,"
    "ErrorCode,Method,ProxyAction,TargetServer,TargetServerVersion,RoutingType,RoutingHint,"
    "BackEndCookie,ServerLocatorHost,ServerLocatorLatency,RequestBytes,ResponseBytes,"
    "TargetOutstandingRequests,AuthModulePerfContext,HttpPipelineLatency,"
    "CalculateTargetBackEndLatency,GlsLatencyBreakup,TotalGlsLatency,AccountForestLatencyBreakup,"
    "TotalAccountForestLatency,ResourceForestLatencyBreakup,TotalResourceForestLatency,ADLatency,"
    "SharedCacheLatencyBreakup,TotalSharedCacheLatency,ActivityContextLifeTime,"
    "ModuleToHandlerSwitchingLatency,ClientReqStreamLatency,BackendReqInitLatency,"
    "BackendReqStreamLatency,BackendProcessingLatency,BackendRespInitLatency,"
    "BackendRespStreamLatency,ClientRespStreamLatency,KerberosAuthHeaderLatency,"
    "HandlerCompletionLatency,RequestHandlerLatency,HandlerToModuleSwitchingLatency,ProxyTime,"
    "CoreLatency,RoutingLatency,HttpProxyOverhead,TotalRequestTime,RouteRefresherLatency,UrlQuery,"
    "BackEndGenericInfo,GenericInfo,GenericErrors,EdgeTraceId,DatabaseGuid,UserADObjectGuid,"
    "PartitionEndpointLookupLatency,RoutingStatus").split(",")
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Log:
    """What a reader of the files sees."""

    def __init__(self, lab):
        self._lab, self.dir = lab, lab.hosts.dir / "HttpProxy"

    def files(self, folder="*"):
        return sorted(self.dir.glob(f"{folder}/HttpProxy_*.LOG"))

    @staticmethod
    def rows(file):
        """Lines of one file, as Python's csv understands them."""
        data = file.read_bytes()
        assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", data), "a control byte"
        text = data.decode("utf-8")     # strict
        lines = text.split("\r\n")
        assert lines.pop() == "" and not any("\n" in l or "\r" in l for l in lines)
        assert [l.split(" ")[0] for l in lines[:5]] == [
            "#Software:", "#Version:", "#Log-type:", "#Date:", "#Fields:"]
        assert lines[2] == "#Log-type: HttpProxy Logs"
        assert lines[4] == "#Fields: " + ",".join(FIELDS)
        found = list(csv.reader(io.StringIO("\r\n".join(lines[5:])), strict=True))
        assert all(len(row) == len(FIELDS) for row in found), "a row of other columns"
        assert len(found) == len(lines) - 5
        return [dict(zip(FIELDS, row)) for row in found]

    def all(self, folder="*"):
        return [row for file in self.files(folder) for row in self.rows(file)]

    def find(self, request_id):
        """The one line of a request."""
        found = wait_until(f"a line of {request_id}", lambda: [
            r for r in self.all() if r["RequestId"] == request_id], 5, 0.05)
        assert len(found) == 1
        return found[0]

    def of(self, answer):
        return self.find(answer.get("request-id"))


@pytest.fixture(scope="module")
def module_lab():
    """With a small disk, which must be there before the daemon is."""
    lab = Lab(mail=True)
    lab.gate.config["access-log"] = {"directory": str(lab.hosts.dir / "HttpProxy")}
    for protocol, port in (("imaps", 993), ("pop3s", 995)):
        lab.gate.config["listeners"].append({
            "name": protocol, "address": VIP4, "port": port, "protocol": protocol,
            "certificates": ["mail"]})
    (lab.hosts.dir / "small").mkdir()
    lab.hosts.mount("tmpfs", lab.hosts.dir / "small", "size=128k")
    with lab:
        yield lab


@pytest.fixture
def lab(own_lab):
    own_lab.log = Log(own_lab)
    return own_lab


def ask(lab, *words, **more):
    with lab.wire() as wire:
        return wire.ask(*words, **more)


# --- what stands in it --------------------------------------------------------------

@pytest.mark.parametrize("protocol, folder", [
    ("owa", "Owa"), ("ecp", "Ecp"), ("eas", "Eas"), ("rpc", "RpcHttp"), ("mapi", "Mapi"),
    ("ews", "Ews"), ("autodiscover", "Autodiscover"), ("oab", "Oab"), ("powershell", "PowerShell")])
def test_each_protocol_has_its_directory(lab, protocol, folder):
    method, _, headers = topology.REQUESTS[protocol]
    lines = "".join(f"{n}: {v}\r\n" for n, v in headers.items())
    answer = ask(lab, method, topology.target(protocol, ALICE), ALICE, headers=lines)
    assert answer.status == 200
    row = lab.log.of(answer)
    assert row in lab.log.all(folder)
    path, _, query = topology.target(protocol, ALICE).partition("?")
    assert (row["Protocol"], row["Method"], row["UrlStem"], row["UrlQuery"]) == (
        folder, method, path, query)
    assert row["ProtocolAction"] == {"eas": "Ping", "rpc": "RPC_IN_DATA", "mapi": "Connect"}.get(
        protocol, "")
    assert (row["HttpStatus"], row["BackEndStatus"], row["ProxyAction"]) == ("200", "200", "Proxy")
    assert (row["TargetServer"], row["TargetServerVersion"]) == (
        topology.EX13.fqdn, "15.00.1497.000")
    assert GUID.fullmatch(row["RequestId"])


def test_one_line_in_full(lab):
    number, target = lab.origin.path("echo", delay=100)
    began = time.time()
    answer = ask(lab, "POST", target, OLGA, body=b"x" * 5000, headers=(
        "User-Agent: Outlook 15.0, \"quoted\"\r\nclient-request-id: {abc}:7\r\n"
        "SOAPAction: \"http://schemas.microsoft.com/exchange/services/2006/messages/FindItem\"\r\n"))
    row = lab.log.of(answer)
    stamp = time.strptime(row["DateTime"].partition(".")[0], "%Y-%m-%dT%H:%M:%S")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["DateTime"])
    assert abs(time.mktime(stamp) - time.timezone - began) < 5
    expected = {
        "MajorVersion": "0", "MinorVersion": "1", "BuildVersion": "0", "RevisionVersion": "0",
        "ClientRequestId": "{abc}:7", "Protocol": "Ews", "UrlHost": NAMESPACE,
        "UrlStem": "/EWS/Exchange.asmx", "ProtocolAction": "FindItem",
        "AuthenticationType": "Basic", "IsAuthenticated": "true", "AuthenticatedUser": OLGA.smtp,
        "AnchorMailbox": OLGA.smtp, "UserAgent": "Outlook 15.0, \"quoted\"",
        "ClientIpAddress": CLIENT4, "ServerHostName": lab.gate.config["appliance"]["name"],
        "HttpStatus": "200", "BackEndStatus": "200", "Method": "POST", "ProxyAction": "Proxy",
        "TargetServer": topology.ORIGIN.fqdn, "RoutingType": "IntraForest",
        "RoutingHint": "BasicUserName", "RequestBytes": "5000",
        "ResponseBytes": str(len(answer.body)), "UrlQuery": target.partition("?")[2],
        "GenericErrors": ""}
    assert {k: row[k] for k in expected} == expected
    assert "Listener=https-v4" in row["GenericInfo"]
    assert 100 <= int(row["BackendProcessingLatency"]) <= int(row["TotalRequestTime"]) < 5000
    for unknown in ("Organization", "DatabaseGuid", "ADLatency", "EdgeTraceId", "BackEndCookie"):
        assert row[unknown] == ""
    lab.origin.find(number)


def test_mapi_requests_are_named_as_exchange_names_them(lab):
    answer = ask(lab, "POST", topology.target("mapi", ALICE), ALICE, headers=(
        "X-RequestId: {r}:1\r\nX-RequestType: Execute\r\nX-ClientInfo: {c}:2\r\n"
        "client-request-id: {d}\r\n"))
    assert lab.log.of(answer)["ClientRequestId"] == "R:{r}:1;RT:Execute;CI:{c}:2;CID:{d}"


@pytest.mark.parametrize("value, word", [
    ("NTLM TlRMTVNTUAAB", "NTLM"), ("Negotiate YII", "Negotiate"), ("Bearer a.b.c", "Bearer"),
    ("Digest x", "Other"), (None, "Anonymous")])
def test_authentication_by_its_name_only(lab, value, word):
    line = f"Authorization: {value}\r\n" if value else ""
    answer = ask(lab, "GET", "/EWS/Exchange.asmx", headers=line)
    row = lab.log.of(answer)
    assert (row["AuthenticationType"], row["AuthenticatedUser"]) == (word, "")
    assert not value or not any(value.split()[1] == v for v in row.values())


@pytest.mark.parametrize("who, status, action, server", [
    (ALICE, 302, "Proxy", topology.EX13), (BOB, 302, "Proxy", topology.CAS10),
    (DAVE, 200, "Redirect", None)])
def test_forms_claim_to_be_somebody(lab, who, status, action, server):
    answer = ask(lab, "POST", "/owa/auth.owa", headers=FORM, body=logon(who.sam, "geheim-43"))
    row = lab.log.of(answer)
    expected = {
        "Protocol": "Owa", "AuthenticationType": "FBA", "IsAuthenticated": "",
        "AuthenticatedUser": who.sam, "AnchorMailbox": who.sam, "RoutingHint": "FormUserName",
        "HttpStatus": str(status), "ProxyAction": action,
        "TargetServer": server.fqdn if server else "", "GenericErrors": ""}
    assert {k: row[k] for k in expected} == expected
    assert server or "signs on silently at " in row["GenericInfo"]
    assert b"geheim-43" not in b"".join(f.read_bytes() for f in lab.log.files())


def test_sessions_of_forms_are_anonymous(lab):
    """Their requests name a mailbox, not a user."""
    cookies = Cookies()
    cookies.take(ask(lab, "POST", "/owa/auth.owa", headers=FORM, body=logon(BOB.sam)))
    row = lab.log.of(ask(lab, "GET", "/owa/", headers=str(cookies)))
    expected = {
        "AuthenticationType": "Anonymous", "IsAuthenticated": "", "AuthenticatedUser": "",
        "AnchorMailbox": BOB.sam, "RoutingHint": "LogonCookie",
        "TargetServer": topology.CAS10.fqdn}
    assert {k: row[k] for k in expected} == expected


@pytest.mark.parametrize("method, target, who, host, status, action, folder, error", [
    ("GET", "/owa/", DAVE, NAMESPACE, 302, "Redirect", "Owa", ""),
    ("GET", "/nothing", ALICE, NAMESPACE, 404, "None", "Other", "virtual directory"),
    ("GET", "/owa/", ALICE, "elsewhere.org", 421, "None", "Other", "names"),
    ("POST", "/EWS/Exchange.asmx", IVAN, NAMESPACE, 502, "None", "Ews", "can be reached"),
    ("GET", "/owa/..%2f", ALICE, NAMESPACE, 400, "None", "Other", "segments"),
])
def test_own_answers_are_logged(lab, method, target, who, host, status, action, folder, error):
    answer = ask(lab, method, target, who, host=host)
    row = lab.log.of(answer)
    assert answer.status == status
    assert (row["HttpStatus"], row["ProxyAction"], row["BackEndStatus"]) == (
        str(status), action, "")
    assert row in lab.log.all(folder)
    assert (error in row["GenericErrors"]) if error else not row["GenericErrors"]
    assert row["ResponseBytes"] == str(len(answer.body))


def test_malformed_requests_are_logged(lab):
    with lab.wire() as wire:
        answer = wire.send(b"GET /owa/ HTTP/1.1\nHost: x\n\n").read()
    row = lab.log.of(answer)
    assert (row["HttpStatus"], row["Method"]) == ("400", "")
    assert "bare CR or LF" in row["GenericErrors"]


def test_cut_requests_are_logged(lab):
    """The server's end, and the client's."""
    _, target = lab.origin.path("get", n=1000, announce=2000, then="reset")
    with lab.wire() as wire:
        answer = wire.ask("GET", target, OLGA)
        assert not answer.complete and wire.ended == RESET
    row = lab.log.of(answer)
    assert row["HttpStatus"] == "200" and row["ResponseBytes"] == "1000"
    assert "server vanished" in row["GenericErrors"]

    number, target = lab.origin.path("silent")
    with lab.wire() as wire:
        wire.send(f"GET {target} HTTP/1.1\r\nHost: {NAMESPACE}\r\nX-AnchorMailbox: {OLGA.smtp}"
                  "\r\n\r\n".encode())
        lab.origin.find(number)
        wire.reset()
    row = wait_until("the line", lambda: next(
        (r for r in lab.log.all("Ews") if f"id={number}" in r["UrlQuery"]), None), 5, 0.05)
    assert (row["HttpStatus"], row["TargetServer"]) == ("", topology.ORIGIN.fqdn)
    assert "client vanished" in row["GenericErrors"]


def test_a_line_for_each_request(lab):
    before = len(lab.log.all())
    with lab.wire() as wire:
        ids = {wire.ask("GET", "/EWS/Exchange.asmx", who).get("request-id")
               for who in [ALICE, BOB] * 50}
    assert len(ids) == 100
    wait_until("all lines", lambda: len(lab.log.all()) == before + 100, 5, 0.05)
    assert ids <= {r["RequestId"] for r in lab.log.all("Ews")}
    stats = lab.gate.stats()
    assert stats["accesslog.dropped"] == stats["accesslog.lost"] == stats["accesslog.errors"] == 0


# --- mail -----------------------------------------------------------------------------

class Mail:
    """A client of POP or IMAP, and the lines that it leaves."""

    def __init__(self, lab, folder):
        self._log, self.folder = lab.log, folder
        self._before = len(lab.log.all(folder))
        self.wire = lab.wire({"Pop": 995, "Imap": 993}[folder])
        self.wire.until(b"\r\n")

    def say(self, line, answers=1):
        self.wire.send(line.encode() + b"\r\n")
        return [self.wire.until(b"\r\n").decode() for _ in range(answers)][-1]

    def login(self, name, password):
        """True when the server let him in."""
        if self.folder == "Imap":
            self.wire.send(f'a LOGIN "{name}" "{password}"\r\n'.encode())
            while not (answer := self.wire.until(b"\r\n")).startswith(b"a "):
                pass
            return answer.startswith(b"a OK")
        self.say(f"USER {name}")
        return self.say(f"PASS {password}").startswith("+OK")

    def rows(self, n):
        """Those since it began."""
        found = wait_until(f"{n} lines", lambda: (
            rows := self._log.all(self.folder)[self._before:]) and len(rows) >= n and rows, 5, 0.05)
        assert len(found) == n
        return found


@pytest.mark.parametrize("folder", ["Pop", "Imap"])
def test_mail_sessions(lab, folder):
    """A line for the login at once, and one for all of the session in the end."""
    mail = Mail(lab, folder)
    assert mail.login(BOB.smtp, BOB.password)
    login, = mail.rows(1)
    expected = {
        "Protocol": folder, "ProtocolAction": "login", "AuthenticationType": "Basic",
        "IsAuthenticated": "true", "AuthenticatedUser": BOB.smtp, "AnchorMailbox": BOB.smtp,
        "ClientIpAddress": CLIENT4, "ServerHostName": lab.gate.config["appliance"]["name"],
        "HttpStatus": "", "BackEndStatus": "", "Method": "", "UrlStem": "", "UserAgent": "",
        "ProxyAction": "Proxy", "TargetServer": CAS10.fqdn, "TargetServerVersion": "14.03.0123.000",
        "RoutingType": "IntraForest", "RoutingHint": "BasicUserName", "GenericErrors": ""}
    assert {k: login[k] for k in expected} == expected
    assert int(login["TotalRequestTime"]) >= int(login["BackendReqInitLatency"])
    session, = lab.gate.sessions("--server", "CAS10")
    time.sleep(0.3)
    assert "OK" in mail.say("NOOP" if folder == "Pop" else "b NOOP")
    mail.wire.send(b"QUIT\r\n" if folder == "Pop" else b"c LOGOUT\r\n")
    mail.wire.rest()
    login, end = mail.rows(2)
    expected |= {"ProtocolAction": "CloseSession", "AnchorMailbox": "", "RoutingHint": ""}
    assert {k: end[k] for k in expected} == expected
    assert int(end["RequestBytes"]) > session["bytes_up"] > 0
    assert int(end["ResponseBytes"]) > session["bytes_down"] > 0
    assert 300 <= int(end["TotalRequestTime"]) < 5000
    assert login["GenericInfo"] == end["GenericInfo"] and "Listener=" in end["GenericInfo"]
    assert GUID.fullmatch(end["RequestId"]) and end["RequestId"] != login["RequestId"]


@pytest.mark.parametrize("folder", ["Pop", "Imap"])
def test_mail_logins_that_lead_nowhere(lab, folder):
    """Denied by the server, known to nobody, to a server that cannot be reached;
    the same client, which gets in after all and is ended by the administrator."""
    mail = Mail(lab, folder)
    assert not mail.login(BOB.smtp, "geheim-42")
    assert not mail.login(IVAN.smtp, "geheim-42")
    assert mail.login(BOB.smtp, BOB.password)
    session, = lab.gate.sessions("--server", "CAS10")
    lab.gate.ctl("session", "kill", session["session"])
    denied, unreachable, login, end = mail.rows(4)
    assert (denied["IsAuthenticated"], denied["TargetServer"]) == ("false", CAS10.fqdn)
    assert "denied" in denied["GenericErrors"] and denied["AuthenticatedUser"] == BOB.smtp
    assert (unreachable["IsAuthenticated"], unreachable["ProxyAction"]) == ("", "None")
    assert "can be reached" in unreachable["GenericErrors"]
    assert (login["IsAuthenticated"], login["GenericErrors"]) == ("true", "")
    assert "administrator" in end["GenericErrors"]
    everything = b"".join(f.read_bytes() for f in lab.log.files())
    assert b"geheim-42" not in everything and BOB.password.encode() not in everything


def test_mail_clients_without_a_login_are_not_logged(lab):
    mail = Mail(lab, "Imap")
    mail.say("a NOOP")
    mail.wire.send(b"b LOGOUT\r\n")
    mail.wire.rest()
    other = Mail(lab, "Imap")
    assert not other.login(BOB.smtp, "wrong")
    assert other.rows(1)


# --- hostile text -------------------------------------------------------------------

HOSTILE = [
    "plain", "a,b", 'say "x"', '","', "=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)",
    "\u202egnp.exe", "\u2028line", "\x9b31m", "\ufeff", "J\u00fcrgen", "'=1", "a\\x0ab", "tab\there"]


def basic(name, password="geheim-42"):
    pair = base64.b64encode(name if isinstance(name, bytes) else f"{name}:{password}".encode())
    return f"Authorization: Basic {pair.decode()}\r\n"


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_agents_and_anchors(lab, text):
    """The header goes as UTF-8; tab is the one control byte HTTP lets pass."""
    head = f"GET /EWS/Exchange.asmx HTTP/1.1\r\nHost: {NAMESPACE}\r\n{basic(ALICE.smtp)}" \
        f"User-Agent: x{text}\r\nclient-request-id: {text}\r\n\r\n"
    with lab.wire() as wire:
        answer = wire.send(head.encode()).read()
    row = lab.log.of(answer)
    cell = row["ClientRequestId"]
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    if text in ("plain", "a,b", 'say "x"', '","', "J\u00fcrgen", "'=1", "a\\x0ab"):
        assert (cell, row["UserAgent"]) == (text, "x" + text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\ufeff]", "".join(row.values()))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_every_column_that_a_client_fills(lab, text):
    """All at once, on two protocols: Log.rows() counts the columns, and no cell
    is one that a spreadsheet computes or a terminal obeys."""
    quoted = urllib.parse.quote(text, safe="")
    method = "".join(c for c in text if c in "+-'|!#$%&*.^_`~" or c.isalnum() and c.isascii())
    lines = "".join(f"{n}: {text}\r\n" for n in (
        "client-request-id", "X-RequestId", "X-ClientInfo", "X-RequestType", "SOAPAction",
        "User-Agent", "X-AnchorMailbox"))
    for target in (f"/EWS/{quoted}?{quoted}={quoted}",
                   f"/Microsoft-Server-ActiveSync?Cmd={quoted}&User={quoted}&DeviceId={quoted}"
                   f"&DeviceType={quoted}"):
        head = f"{method or 'GET'} {target} HTTP/1.1\r\nHost: {NAMESPACE}\r\n" \
            f"{basic(text)}{lines}\r\n"
        with lab.wire() as wire:
            row = lab.log.of(wire.send(head.encode()).read())
        assert not [c for c in row.values() if c.lstrip().startswith(("=", "+", "-", "@"))], row
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\ufeff]", "".join(row.values()))


@pytest.mark.parametrize("name", [
    b"a\r\nb", b"\x1b[2J\x07", b"eve\n2024-01-01T00:00:00Z,forged", b"\xff\xfe", b"\xc3",
    b"=HYPERLINK(1)", b"CONTOSO\\bob", b"a,\"b", b" padded ", b"x" * 300], ids=ascii)
def test_user_names(lab, name):
    answer = ask(lab, "GET", "/EWS/Exchange.asmx", headers=basic(name + b":geheim-42"))
    row = lab.log.of(answer)
    user = row["AuthenticatedUser"]
    if name == b"CONTOSO\\bob":
        assert user == "CONTOSO\\bob"
    if b"\n" in name:
        assert "\\x0a" in user
    assert not user.lstrip().startswith("=")


@pytest.mark.parametrize("target", [
    "/EWS/Exchange.asmx?a=,\"&b='--", "/EWS/Exchange.asmx?=1", "/owa/%0d%0aX:y",
    "/EWS/Exchange.asmx?" + "x" * 4000, "/EWS/" + "y" * 4000, "/EWS/Exchange.asmx?%1b[31m"],
    ids=lambda v: v[:30])
def test_urls(lab, target):
    row = lab.log.of(ask(lab, "GET", target, ALICE))
    assert len(row["UrlQuery"]) < 520 and len(row["UrlStem"]) < 520


def test_no_secret_in_it(lab):
    secrets = ["geheim-42", "t0ken-7", "c00kie-9"]
    head = f"GET /owa/auth.owa?destination=x&Password=geheim-42&p%61sswd=geheim-42&" \
        f"access_token=t0ken-7&X-OWA-CANARY=t0ken-7 HTTP/1.1\r\nHost: {NAMESPACE}\r\n" \
        f"{basic(ALICE.smtp)}Cookie: cadata=c00kie-9\r\n\r\n"
    with lab.wire() as wire:
        row = lab.log.of(wire.send(head.encode()).read())
    assert row["UrlQuery"] == "destination=x&Password=***&p%61sswd=***&access_token=***" \
        "&X-OWA-CANARY=***"
    ask(lab, "GET", "/EWS/Exchange.asmx", headers="Authorization: Bearer t0ken-7\r\n")
    time.sleep(0.3)
    everything = b"".join(f.read_bytes() for f in lab.log.files())
    pairs = [base64.b64encode(f"{ALICE.smtp}:geheim-42".encode()).decode()]
    assert not [s for s in secrets + pairs if s.encode() in everything]


# --- files ----------------------------------------------------------------------------

def test_rotation_on_demand(lab):
    lab.log.of(ask(lab, "GET", "/EWS/Exchange.asmx", ALICE))
    before = lab.log.files("Ews")
    assert lab.gate.cli("log", "rotate").returncode == 0
    assert lab.log.files("Ews") == before, "no file without a line"
    lab.log.of(ask(lab, "GET", "/EWS/Exchange.asmx", ALICE))
    after = lab.log.files("Ews")
    assert len(after) == len(before) + 1
    assert all(re.fullmatch(r"HttpProxy_\d{10}-\d+\.LOG", f.name) for f in after)
    assert before[-1].stat().st_mode & 0o777 == 0o640


def test_files_end_at_their_size_and_go_with_time(lab):
    """64 KiB a file, two megabytes in all: the oldest go."""
    own = lab.gate.config["access-log"]
    lab.gate.config["access-log"] = {**own, "max-file-size": "64k", "keep-size": "1M"}
    lab.gate.reload()
    before = lab.gate.stats()
    target = "/EWS/Exchange.asmx?" + "x" * 4000
    with lab.wire() as wire:
        for _ in range(1500):
            wire.ask("GET", target, ALICE)
    wait_until("files were removed", lambda: lab.gate.stats()["accesslog.removed"]
               > before["accesslog.removed"], 5, 0.1)
    time.sleep(0.5)
    sizes = [f.stat().st_size for f in lab.log.files()]
    assert max(sizes) <= 65536 and sum(sizes) <= (1 << 20) + 65536
    old = lab.log.files("Ews")[0]
    os.utime(old, (1, 1))
    lab.gate.config["access-log"] = {**own, "keep": "1d"}
    lab.gate.reload()
    wait_until("the old file is gone", lambda: not old.exists(), 5, 0.1)
    lab.gate.config["access-log"] = own
    lab.gate.reload()
    assert lab.gate.stats()["accesslog.dropped"] == 0


def test_what_is_logged_is_a_setting(lab):
    """Protocols, listeners, all of it; by reload."""
    own, listeners = lab.gate.config["access-log"], lab.gate.config["listeners"]
    try:
        lab.gate.config["access-log"] = {**own, "protocols": ["owa", "other"]}
        lab.gate.reload()
        before = len(lab.log.all())
        ask(lab, "GET", "/EWS/Exchange.asmx", ALICE)
        lab.log.of(ask(lab, "GET", "/nothing", ALICE))
        assert not Mail(lab, "Imap").login(BOB.smtp, "wrong")
        lab.log.of(ask(lab, "GET", "/owa/", ALICE))
        assert len(lab.log.all()) == before + 2
        lab.gate.config["access-log"] = own
        lab.gate.config["listeners"] = [{**l, "access-log": l["name"] != "https-v4"}
                                        for l in listeners]
        lab.gate.reload()
        ask(lab, "GET", "/owa/", ALICE)
        with lab.wire(80, tls=False) as wire:
            row = lab.log.of(wire.ask("GET", "/owa/"))
            assert (row["ProxyAction"], row["HttpStatus"]) == ("Redirect", "302")
        assert len(lab.log.all()) == before + 3
        del lab.gate.config["access-log"]
        lab.gate.config["listeners"] = listeners
        lab.gate.reload()
        assert ask(lab, "GET", "/owa/", ALICE).get("request-id")
        with pytest.raises(ControlError, match="no access log"):
            lab.gate.ctl("log", "rotate")
    finally:
        lab.gate.config["access-log"], lab.gate.config["listeners"] = own, listeners
        lab.gate.reload()
    assert len(lab.log.all()) == before + 3


def test_a_full_disk_stops_nothing(lab):
    """Said once, counted, and taken up again when there is room."""
    small = lab.hosts.dir / "small"
    own = lab.gate.config["access-log"]
    lab.gate.config["access-log"] = {"directory": str(small / "HttpProxy")}
    lab.gate.reload()
    target = "/EWS/Exchange.asmx?" + "x" * 4000
    with lab.wire() as wire:
        for _ in range(300):
            assert wire.ask("GET", target, ALICE).status == 200
    wait_until("requests were lost", lambda: lab.gate.stats()["accesslog.lost"], 5, 0.1)
    assert lab.gate.log().count("No space left on device") == 1
    for file in small.rglob("*.LOG"):
        Log.rows(file)      # whole lines, to the last
        file.unlink()
    lab.gate.ctl("log", "rotate")
    wait_until("it goes on", lambda: ask(lab, "GET", "/EWS/Exchange.asmx", ALICE)
               and list(small.rglob("*.LOG")), 5, 0.3)
    lab.gate.config["access-log"] = {"directory": "/proc/nowhere"}
    lab.gate.reload()
    wait_until("it is said", lambda: ask(lab, "GET", "/EWS/Exchange.asmx", ALICE).status == 200
               and "/proc/nowhere" in lab.gate.log(), 5, 0.1)
    lab.gate.config["access-log"] = own
    lab.gate.reload()
    lab.log.of(ask(lab, "GET", "/EWS/Exchange.asmx", ALICE))
