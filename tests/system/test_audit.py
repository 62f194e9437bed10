# SPDX-License-Identifier: BSD-3-Clause
"""casgate connects to the servers of its configuration and to nobody else,
whatever clients and servers say. Every lab is audited (lab/audit.py); here
everything tries to be the one that casgate is led astray by, and the auditor
itself is shown what it must find."""
import base64
import collections
import contextlib
import socket
import struct
import threading

import pytest

from lab.audit import Auditor, Disagreement, Stranger, name_of
from lab.fixture import Lab
from lab.hosts import MANAGEMENT, SNAT4, VIP4, Hosts, wait_until
from lab.topology import ALICE, BOB, CAS10, EX13, IVAN, OLGA, PEOPLE, SERVERS, STANDINS
from lab.wire import Ended, request

LAB = {"mail": True}

# They answer ARP and ND on both sides, so a SYN to them would be seen.
NEAR, FAR, SIX = "10.20.0.66", "10.10.0.66", "fd00:20::66"
EVIL = [NEAR, FAR, f"[{SIX}]", f"{NEAR}:6001", f"{FAR}:443", "evil.example", "evil.example:6001",
        "127.0.0.1:8080", f"{NEAR}:444"]


def configure(config):
    for protocol, port in (("imaps", 993), ("pop3s", 995)):
        config["listeners"].append({"name": protocol, "address": VIP4, "port": port,
                                    "protocol": protocol, "certificates": ["mail"]})


@pytest.fixture(scope="module")
def strangers(module_lab):
    module_lab.hosts.address("back", NEAR, SIX)
    module_lab.hosts.address("client", FAR)


@pytest.fixture
def lab(own_lab, strangers):
    return own_lab


# --- what clients say ----------------------------------------------------------------

def obfuscated(text):
    """As X-BackEndCookie writes it: every bit turned, then Base64."""
    return base64.b64encode(bytes(b ^ 0xff for b in text.encode("utf-16le"))).decode()


def cookie(value):
    return f"Cookie: {value}\r\n"


# Of one who leads astray, "EVIL": (method, target, headers, body).
WAYS = {
    "host": lambda e: ("GET", "/owa/", "", b""),
    "absolute": lambda e: ("GET", f"https://{e}/owa/", "", b""),
    "absolute-http": lambda e: ("GET", f"http://{e}/EWS/Exchange.asmx", "", b""),
    "connect": lambda e: ("CONNECT", e if ":" in e else f"{e}:443", "", b""),
    "userinfo": lambda e: ("GET", f"https://mail.contoso.com@{e}/owa/", "", b""),
    "anchor": lambda e: ("POST", "/EWS/Exchange.asmx", f"X-AnchorMailbox: bob@{e}\r\n", b"x"),
    "anchor-server": lambda e: ("POST", "/EWS/Exchange.asmx", f"X-AnchorMailbox: {e}\r\n", b"x"),
    "rpc-target": lambda e: ("RPC_OUT_DATA", f"/rpc/rpcproxy.dll?{e}", "", bytes(76)),
    "rpc-port": lambda e: ("RPC_IN_DATA", f"/rpc/rpcproxy.dll?{e}:6001", "", bytes(76)),
    "rpc-mailbox": lambda e: ("RPC_OUT_DATA", f"/rpc/rpcproxy.dll?{BOB.guid}@{e}:6001", "",
                              bytes(76)),
    "rpc-cert": lambda e: ("RPC_OUT_DATA", f"/rpcwithcert/rpcproxy.dll?{e}:6001", "", bytes(76)),
    "mailbox-id": lambda e: ("POST", f"/mapi/emsmdb/?MailboxId={ALICE.guid}@{e}", "", b"x"),
    "autodiscover": lambda e: ("POST", "/Autodiscover/Autodiscover.xml",
                               "Content-Type: text/xml\r\n",
                               f"<Autodiscover><Request><EMailAddress>bob@{e}</EMailAddress>"
                               "</Request></Autodiscover>".encode()),
    "autodiscover-json": lambda e: ("GET", f"/autodiscover/autodiscover.json?@{e}/mapi/nspi/?&"
                                    f"Email=autodiscover/autodiscover.json%3f@{e}", "", b""),
    "explicit-logon": lambda e: ("GET", f"/owa/bob@{e}/", "", b""),
    "ecp": lambda e: ("GET", f"/ecp/x.js?url=https://{e}/", "", b""),
    "eas": lambda e: ("POST", f"/Microsoft-Server-ActiveSync?Cmd=Ping&User={e}%5Cbob&DeviceId=1"
                      "&DeviceType=x", "", b"x"),
    "back-end-cookie": lambda e: ("GET", "/owa/", cookie(
        "X-BackEndCookie=S-1-5-21-1=" + obfuscated(f"Server~{e}~1941996865~2030-01-01")), b""),
    "back-end-cookie-2": lambda e: ("GET", "/owa/", cookie(
        f"X-BackEndCookie={ALICE.guid}=" + obfuscated(f"Database~{BOB.guid}~{e}~2030")), b""),
    "be-resource": lambda e: ("GET", "/ecp/y.js", cookie(f"X-BEResource={e}/api#~1941962753"),
                              b""),
    "be-resource-header": lambda e: ("GET", "/ecp/", f"X-BEResource: {e}~1941962753\r\n", b""),
    "anonymous-resource": lambda e: ("GET", "/owa/auth/x.js", cookie(
        f"X-AnonResource=true; X-AnonResource-Backend={e}/ecp/default.flt?~3"), b""),
    "target-server": lambda e: ("GET", "/owa/", f"X-TargetServer: {e}\r\nX-ServerName: {e}\r\n"
                                f"X-FEServer: {e}\r\nX-CalculatedBETarget: {e}\r\n", b""),
    "forwarded": lambda e: ("GET", "/owa/", f"X-Forwarded-Host: {e}\r\nX-Forwarded-Server: {e}\r\n"
                            f"Forwarded: host={e}\r\nX-Forwarded-For: {e}\r\nVia: 1.1 {e}\r\n",
                            b""),
    "rewrite": lambda e: ("GET", "/owa/", f"X-Original-URL: https://{e}/\r\n"
                          f"X-Rewrite-URL: https://{e}/\r\nDestination: https://{e}/\r\n", b""),
    "ews": lambda e: ("POST", "/EWS/Exchange.asmx", "Content-Type: text/xml\r\n",
                      f"<PushSubscriptionRequest><URL>https://{e}/</URL>"
                      "</PushSubscriptionRequest>".encode()),
}


def ask(lab, data):
    """Whatever is answered; nothing is, where it was not a request."""
    with lab.wire() as wire:
        wire.socket.settimeout(5)
        wire.send(data)
        with contextlib.suppress(Ended, OSError):
            return wire.head().status


@pytest.mark.parametrize("way", WAYS)
def test_clients_lead_nowhere_else(lab, way):
    """With a user and without; as the Host, too."""
    for evil in EVIL:
        method, target, headers, body = WAYS[way](evil)
        for who in (None, BOB, OLGA):
            for host in (evil, "mail.contoso.com"):
                ask(lab, request(method, target, who, headers + "Connection: close\r\n", body,
                                 host))
    lab.gate.audit.compare(lab.gate)


def test_users_lead_nowhere_else(lab):
    """By the name in a Basic header."""
    for evil in EVIL:
        for name in (f"bob@{evil}", f"{evil}\\bob", evil, f"{evil}/bob", f"bob%{evil}"):
            pair = base64.b64encode(f"{name}:x".encode()).decode()
            ask(lab, request("POST", "/EWS/Exchange.asmx", None,
                             f"Authorization: Basic {pair}\r\nConnection: close\r\n", b"x"))
    lab.gate.audit.compare(lab.gate)


@pytest.mark.parametrize("port", [993, 995])
def test_logins_lead_nowhere_else(lab, port):
    for evil in EVIL[:4]:
        for name in (f"bob@{evil}", f"{evil}\\bob", f"bob@contoso.com@{evil}", f"bob#{evil}",
                     f"{evil}/bob/bob", evil):
            with lab.wire(port) as wire:
                wire.until(b"\r\n")
                if port == 993:
                    wire.send(f'a LOGIN "{name}" x\r\n'.replace("\\", "\\\\").encode())
                else:
                    wire.send(f"USER {name}\r\n".encode())
                    wire.until(b"\r\n")
                    wire.send(b"PASS x\r\n")
                with contextlib.suppress(Ended):
                    wire.until(b"\r\n")
    lab.gate.audit.compare(lab.gate)


def test_plain_port_and_names_of_tls_lead_nowhere_else(lab):
    for evil in EVIL:
        with lab.wire(80, tls=False) as wire:
            answer = wire.send(request("GET", "/owa/", host=evil)).read()
            assert answer.status in (400, 403, 404, 421)
        lab.hosts.run("client", "curl", "-sk", "--max-time", 5, "--connect-to", f"::{VIP4}:443",
                      f"https://evil.example/owa/?{evil}", check=False)
        with lab.wire(tls=False) as wire, contextlib.suppress(OSError, Ended):
            wire.send(f"PROXY TCP4 {FAR} {NEAR} 1 443\r\n".encode())
            wire.rest()
    lab.gate.audit.compare(lab.gate)


# --- what servers say ----------------------------------------------------------------

@pytest.mark.parametrize("status", [201, 301, 302, 307, 308, 401, 421, 451, 503])
def test_servers_lead_nowhere_else(lab, status):
    """They point elsewhere; that is the client's business."""
    for evil in EVIL[:4]:
        url = f"https://{evil}/owa/"
        head = f"HTTP/1.1 {status} Told\r\nLocation: {url}\r\nContent-Location: {url}\r\n" \
            f"X-MS-Location: {url}\r\nRefresh: 0; url={url}\r\nAlt-Svc: h2=\"{evil}\"\r\n" \
            f"X-CalculatedBETarget: {evil}\r\nContent-Length: 0\r\n\r\n"
        for method in ("GET", "POST"):
            _, target = lab.origin.path("raw", vdir="/owa/", hex=head.encode().hex())
            with lab.wire() as wire:
                assert wire.ask(method, target, OLGA).status == status
    lab.gate.audit.compare(lab.gate)


def test_exactly_the_topology(lab):
    """Each server is called where it is configured, and nothing beside them."""
    for mailbox in (*PEOPLE, OLGA):
        lab.ask(mailbox, "ews")
    with lab.wire() as wire:
        assert wire.ask("GET", "/EWS/Exchange.asmx", IVAN).status == 502
    wanted = {name_of(s.address, 443) for s in SERVERS} \
        | {name_of(s.address, port) for s in STANDINS for port in (993, 995)}
    wait_until("each probe has been there", lambda: set(lab.gate.dialed()) == wanted, 30)
    lab.gate.audit.compare(lab.gate)
    assert lab.gate.audit.contacted == wanted


# --- the auditor itself --------------------------------------------------------------

def syn(source, target, port, sport=40000, number=1, flags=0x02):
    """A frame with it; nobody looks at its checksums."""
    tcp = struct.pack("!HHIIBBHHH", sport, port, number, 0, 5 << 4, flags, 1024, 0, 0)
    if ":" in target:
        family, kind = socket.AF_INET6, b"\x86\xdd"
        head = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64)
    else:
        family, kind = socket.AF_INET, b"\x08\0"
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0)
    return b"\xff" * 6 + b"\x02\0\0\0\0\1" + kind + head \
        + socket.inet_pton(family, source) + socket.inet_pton(family, target) + tcp


class Claims(dict):
    """A casgate that says it has dialed so much."""

    def dialed(self):
        return self


@pytest.fixture
def plant():
    """plant(frame): it leaves the gate, though no casgate runs there."""
    with Hosts() as hosts:
        auditor = Auditor(hosts, collections.Counter())

        def send(frame, link="back0"):
            with hosts.inside("gate"), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                raw.bind((link, 0))
                raw.send(frame)
            return auditor
        send.auditor, send.hosts = auditor, hosts
        auditor.allow({"servers": [{"address": [EX13.address, "fd00:20::23"], "port": 444}]})
        yield send
        auditor.close()


def test_strangers_are_found(plant):
    for target, link in ((NEAR, "back0"), (FAR, "front0"), (SIX, "back0"), ("192.0.2.1", "front0"),
                         (EX13.address, "back0")):      # a port of nobody's
        auditor = plant(syn("fd00:20::10" if ":" in target else SNAT4, target, 6001), link)
        with pytest.raises(Stranger, match="called .*6001"):
            auditor.check()
        auditor.contacted.clear()
    auditor = plant(syn(SNAT4, EX13.address, 444))
    plant(syn("fd00:20::10", "fd00:20::23", 995))
    plant(syn(SNAT4, NEAR, 6001, flags=0x12))           # an answer
    plant(syn(SNAT4, NEAR, 6001, flags=0x10))
    auditor.check()
    assert auditor.contacted == {"10.20.0.21:444", "[fd00:20::23]:995"}


def test_strangers_are_found_on_the_kernels_network(plant):
    """The daemon asks domain controllers by its own sockets."""
    plant.hosts.management()
    there, stranger = MANAGEMENT["back"], MANAGEMENT["client"]
    plant.auditor.allow({"servers": [], "identity": {"kdcs": [there]}})
    plant.auditor.begin()

    def call(address):
        with plant.hosts.inside("gate"), socket.socket() as caller:
            caller.settimeout(2)
            caller.connect_ex((address, 88))
    call(there)
    plant.auditor.check()
    assert plant.auditor.contacted == {f"{there}:88"}
    call(stranger)
    with pytest.raises(Stranger, match=f"called {stranger}:88"):
        plant.auditor.check()


def test_disagreements_are_found(plant):
    known = "10.20.0.21:444"
    for i in range(3):
        for _ in range(2):      # sent again, it is no other connection
            plant(syn(SNAT4, EX13.address, 444, number=i))
    plant.auditor.compare(Claims({known: 3}))
    for claimed, words in ((2, "not counted"), (4, "not seen"), (0, "not counted")):
        with pytest.raises(Disagreement, match=words):
            plant.auditor.compare(Claims({known: claimed} if claimed else {}))
    with pytest.raises(Stranger, match="says it called 10.20.0.66:443"):
        plant.auditor.compare(Claims({known: 3, "10.20.0.66:443": 1}))
    plant.auditor.begin()
    plant.auditor.compare(Claims({}))


def test_a_casgate_that_goes_astray_is_found(lab):
    """The daemon itself, sent to a server that the auditor was not told of."""
    audit, server = lab.gate.audit, name_of(CAS10.address, 443)
    audit.allowed.remove(server)
    try:
        lab.ask(BOB, "ews")
        with pytest.raises(Stranger, match=server):
            audit.check()
        with pytest.raises(Stranger, match=server):
            audit.compare(lab.gate)
    finally:
        audit.allowed.add(server)
    audit.compare(lab.gate)


# --- names ---------------------------------------------------------------------------

class NameServer:
    """Answers the addresses in `known`, and remembers what it was asked."""

    def __init__(self, hosts, host, known):
        self.asked, self._known = set(), known
        with hosts.inside(host):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while (asked := self._socket.recvfrom(1024))[0]:
            self._socket.sendto(self._answer(asked[0]), asked[1])

    def _answer(self, query):
        labels, at = [], 12
        while size := query[at]:
            labels.append(query[at + 1:at + 1 + size].decode())
            at += 1 + size
        name, kind = ".".join(labels), struct.unpack_from("!H", query, at + 1)[0]
        self.asked.add(name)
        address = self._known.get(name) if kind == 1 else None
        found = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(address) \
            if address else b""
        return query[:2] + struct.pack("!HHHHH", 0x8180 if name in self._known else 0x8183, 1,
                                       bool(found), 0, 0) + query[12:at + 5] + found

    def close(self):
        with contextlib.suppress(OSError):      # it says so, and wakes the thread
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


def test_only_configured_names_are_looked_up():
    """A server without an address is found by its FQDN, and nothing that a
    client says is ever asked for."""
    lab = Lab(origin=False)
    lab.hosts.hosts_file("gate", [])
    lab.hosts.etc("gate", "resolv.conf", "nameserver 127.0.0.1\n")
    names = NameServer(lab.hosts, "gate", {EX13.fqdn: EX13.address})
    try:
        for server in lab.gate.config["servers"]:
            if server["name"] == EX13.name:
                del server["address"]
        lab.gate.audit.allowed.add(name_of(EX13.address, 443))
        with lab:
            assert lab.ask(ALICE, "ews")[3]["server"] == EX13.name
            for way in WAYS.values():
                method, target, headers, body = way("evil.example")
                ask(lab, request(method, target, BOB, headers, body))
            lab.gate.ctl("route", "explain", "--user", "bob@evil.example",
                         "--protocol", "ews")
            lab.gate.reload()
            assert names.asked == {EX13.fqdn}
    finally:
        names.close()
