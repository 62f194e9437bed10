# SPDX-License-Identifier: BSD-3-Clause
"""Behind a balancer: a real HAProxy that sends PROXY headers, and one that
mixes requests of many clients on its connections. Who the client is; that
nobody else may say so; that two users are never taken for one."""
import base64
import json
import socket
import ssl
import struct

import pytest

from lab import topology
from lab.fixture import Lab
from lab.gate import VIP
from lab.hosts import CLIENT4, wait_until
from lab.topology import ALICE, BOB, NAMESPACE, OLGA
from lab.wire import CLOSE_NOTIFY, FIN, OPEN, RESET, Ended, Stream, basic, request, tls_context

BALANCER = "10.10.0.3"          # an address of the client host: HAProxy's, listed
STRANGER = CLIENT4              # the other one: not listed
PORTS = {"any": 8443, "v1": 8444, "v2": 8445, "l7": 8446, "ignore": 8447, "plain": 8080}
# HAProxy's own ports towards clients, on BALANCER.
FRONTS = {"send-proxy": 7001, "send-proxy-v2": 7002, "forwardfor": 7003}

HAPROXY = """\
global
	maxconn 200
	nbthread 1
defaults
	timeout connect 5s
	timeout client 30s
	timeout server 30s
listen one
	mode tcp
	bind {balancer}:7001
	server gate {vip}:8443 send-proxy source {balancer}
listen two
	mode tcp
	bind {balancer}:7002
	server gate {vip}:8445 send-proxy-v2 proxy-v2-options unique-id,ssl source {balancer}
listen three
	mode http
	bind {balancer}:7003 ssl crt {pem}
	option forwardfor
	http-reuse always
	server gate {vip}:8446 ssl verify required ca-file {ca} sni str({name}) source {balancer}
"""


def configure(config):
    def listener(name, protocol="https", **more):
        row = {"name": f"b-{name}", "address": VIP[4], "port": PORTS[name], "protocol": protocol,
               "trusted": [f"{BALANCER}/32", "10.99.0.0/16"], **more}
        return {**row, "certificates": ["mail"]} if protocol == "https" else row
    config["listeners"] += [
        listener("any", **{"proxy-protocol": "any"}), listener("v1", **{"proxy-protocol": "v1"}),
        listener("v2", **{"proxy-protocol": "v2"}), listener("l7", balancer="l7"),
        listener("ignore", balancer="l7", **{"untrusted-forwarded-for": "ignore"}),
        listener("plain", "http", **{"proxy-protocol": "any"})]
    config["timeouts"] = {"tls-handshake": "2s"}


@pytest.fixture(scope="module")
def module_lab():
    lab = Lab()
    hosts, gate = lab.hosts, lab.gate
    hosts.address("client", BALANCER)
    configure(gate.config)
    gate.config["access-log"] = {"directory": str(hosts.dir / "HttpProxy")}
    pem = hosts.dir / "haproxy.pem"
    pem.write_text(gate.certificate.chain.read_text() + gate.certificate.key.read_text())
    file = hosts.dir / "haproxy.cfg"
    file.write_text(HAPROXY.format(balancer=BALANCER, vip=VIP[4], pem=pem, name=NAMESPACE,
                                   ca=gate.authority.cert))
    with lab:
        hosts.spawn("client", "haproxy", "-db", "-f", file, log="haproxy")
        for port in FRONTS.values():
            wait_until("haproxy listens", lambda p=port: reachable(hosts, p))
        yield lab


@pytest.fixture
def lab(own_lab):
    return own_lab


def reachable(hosts, port):
    with hosts.inside("client"):
        try:
            socket.create_connection((BALANCER, port), 1).close()
        except OSError:
            return False
    return True


def tcp(lab, port, source=BALANCER, where=None):
    with lab.hosts.inside("client"):
        return socket.create_connection((where or VIP[4], port), 5, source_address=(source, 0))


class Client(Stream):
    """As Wire, from an address of choice, after a PROXY header."""

    def __init__(self, lab, port, head=b"", source=BALANCER, where=None, tls=True):
        sock = tcp(lab, port, source, where)
        sock.settimeout(5)
        if head:
            sock.sendall(head)
        if tls:
            context = tls_context(lab.gate.authority.cert)
            sock = context.wrap_socket(sock, server_hostname=NAMESPACE, suppress_ragged_eofs=False)
        super().__init__(sock)

    from lab.wire import Wire
    send, ask, head, read, _chunks, ending = (
        Wire.send, Wire.ask, Wire.head, Wire.read, Wire._chunks, Wire.ending)


def echo(lab, client, who=OLGA, headers="", **arguments):
    """One request to ORIGIN by that client; (the answer, what arrived)."""
    number, target = lab.origin.path("echo", **arguments)
    if f"X-AnchorMailbox: {OLGA.smtp}" not in headers:
        headers += f"X-AnchorMailbox: {OLGA.smtp}\r\n"
    answer = client.ask("GET", target, who, headers=headers)
    return answer, lab.origin.find(number) if answer.status == 200 else None


def v2(source, command=0x21, tlv=b"", family=0x11):
    block = socket.inet_aton(source) + socket.inet_aton(VIP[4]) + struct.pack("!HH", 4242, 443) + tlv
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", command, family, len(block)) + block


def v1(source):
    return f"PROXY TCP4 {source} {VIP[4]} 4242 443\r\n".encode()


def logged(lab, answer):
    name = answer.get("request-id")
    return wait_until("the line", lambda: next(
        (line for f in (lab.hosts.dir / "HttpProxy").rglob("*.LOG")
         for line in f.read_text().splitlines() if name in line), None), 5, 0.05)


# --- PROXY headers --------------------------------------------------------------------

@pytest.mark.parametrize("front", ["send-proxy", "send-proxy-v2"])
def test_haproxy_tells_who_the_client_is(lab, front):
    """In X-Forwarded-For, `session list` and the access log."""
    with Client(lab, FRONTS[front], source=STRANGER, where=BALANCER) as client:
        answer, seen = echo(lab, client)
        assert seen.all("X-Forwarded-For") == [STRANGER]
        rows = [s for s in lab.gate.sessions() if s["user"] == OLGA.smtp]
        assert [r["client"] for r in rows] == [STRANGER]
    assert f",{STRANGER}," in logged(lab, answer) and "Hop=10.10.0.3" in logged(lab, answer)


@pytest.mark.parametrize("port, head, client", [
    ("any", v1("192.0.2.7"), "192.0.2.7"), ("v1", v1("192.0.2.7"), "192.0.2.7"),
    ("any", v2("192.0.2.7"), "192.0.2.7"), ("v2", v2("192.0.2.7"), "192.0.2.7"),
    ("v2", v2("192.0.2.7", tlv=b"\x04\0\x08unsorted" * 20), "192.0.2.7"),
    ("any", b"PROXY UNKNOWN\r\n", BALANCER), ("any", v2("192.0.2.7", 0x20), BALANCER),
    ("any", b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n", "2001:db8::7")])
def test_headers(lab, port, head, client):
    with Client(lab, PORTS[port], head) as wire:
        assert echo(lab, wire)[1].all("X-Forwarded-For") == [client]
        # A client of such a balancer cannot say more.
        _, seen = echo(lab, wire, headers="X-Forwarded-For: 1.2.3.4\r\n")
        assert seen.all("X-Forwarded-For") == [client]


def test_header_byte_by_byte(lab):
    sock = tcp(lab, PORTS["any"])
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(len(head := v1("192.0.2.9"))):
        sock.sendall(head[i:i + 1])
    sock.settimeout(5)
    tls = tls_context(lab.gate.authority.cert).wrap_socket(sock, server_hostname=NAMESPACE)
    tls.sendall(request("GET", "/EWS/Exchange.asmx", ALICE))
    assert b'"x_forwarded_for": "192.0.2.9"' in Stream(tls).until(b"}")


def test_header_before_plain_http(lab):
    with Client(lab, PORTS["plain"], v2("192.0.2.7"), tls=False) as wire:
        assert wire.ask("GET", "/owa/").status == 302


def closed(lab, port, head, source=BALANCER, seconds=1):
    """How a connection that sends `head` ends."""
    try:
        with Stream(tcp(lab, port, source)) as stream:
            stream.socket.settimeout(seconds)
            stream.socket.sendall(head)
            try:
                while stream.more():
                    pass
            except TimeoutError:
                return OPEN
            return stream.ended
    except ConnectionResetError:
        return RESET


@pytest.mark.parametrize("head", [v1("192.0.2.7"), v2("192.0.2.7"), b"", b"\x16\x03\x01"],
                         ids=["v1", "v2", "nothing", "TLS"])
@pytest.mark.parametrize("port", ["any", "v1", "v2", "plain"])
def test_strangers_are_closed_at_once(lab, port, head):
    before = lab.gate.stats()["proxy.strangers"]
    assert closed(lab, PORTS[port], head, STRANGER) in (RESET, FIN)
    assert lab.gate.stats()["proxy.strangers"] == before + 1


@pytest.mark.parametrize("port, head", [
    ("any", b"\x16\x03\x01\x02\0"), ("any", b"GET / HTTP/1.1\r\n"), ("v1", v2("192.0.2.7")),
    ("v2", v1("192.0.2.7")), ("any", b"PROXY TCP4 1.2.3.4 x 1 2\r\n"),
    ("any", v2("192.0.2.7", 0x41)), ("any", v2("192.0.2.7", tlv=b"x" * 520)),
    ("any", b"PROXY UNKNOWN " + b"x" * 100)])
def test_no_header_no_connection(lab, port, head):
    before = lab.gate.stats()["proxy.front_refused"]
    assert closed(lab, PORTS[port], head) == RESET
    assert lab.gate.stats()["proxy.front_refused"] == before + 1


@pytest.mark.parametrize("head", [b"", b"PROXY TC", v2("192.0.2.7")[:20]], ids=ascii)
def test_slow_headers_time_out(lab, head):
    assert closed(lab, PORTS["any"], head, seconds=5) == RESET


def test_header_on_an_ordinary_listener_is_no_header(lab):
    assert closed(lab, 443, v1("192.0.2.7")) not in (OPEN,)


# --- a balancer that mixes clients ------------------------------------------------------

def test_haproxy_mixes_alice_and_bob(lab):
    """Over connections that HAProxy shares among clients, each sees his own
    name, and who he is."""
    clients = [(who, Client(lab, FRONTS["forwardfor"], source=STRANGER, where=BALANCER))
               for who in (ALICE, BOB)]
    peers = set()
    for _ in range(20):
        for who, client in clients:
            told = json.loads(client.ask("GET", "/EWS/Exchange.asmx", who).body)
            assert (told["user"], told["server"]) == (who.smtp, who.server.name)
            assert told["x_forwarded_for"] == f"{STRANGER}, {BALANCER}"
        peers |= {s["session"] for s in lab.gate.sessions() if s["listener"] == "b-l7"}
    assert len(peers) == 1, "HAProxy did not share its connection: nothing was tested"


def test_users_alternate_on_one_connection(lab):
    with Client(lab, PORTS["l7"]) as wire:
        connections = []
        for who, source in [(OLGA, "192.0.2.1"), (OLGA, "192.0.2.1"), (ALICE, "192.0.2.2"),
                            (OLGA, "192.0.2.1"), (OLGA, "192.0.2.3"), (None, "192.0.2.3"),
                            (None, "192.0.2.4")]:
            _, seen = echo(lab, wire, who, f"X-Forwarded-For: {source}\r\n")
            assert seen.all("X-Forwarded-For") == [f"{source}, {BALANCER}"]
            assert seen.all("Authorization") == ([basic(who).strip().partition(": ")[2]]
                                                 if who else [])
            connections.append(seen.connection)
    assert connections[0] == connections[1], "the same client goes on"
    assert len(set(connections)) == 6, "every other has a connection of its own"


@pytest.mark.parametrize("apart", [False, True], ids=["one address", "two addresses"])
def test_alice_and_bob_alternate(lab, apart):
    """By Basic and by cookies, on one connection, also when both sit behind one
    address: each is asked about himself and gets what is his."""
    with Client(lab, PORTS["l7"]) as wire:
        for i in range(12):
            who, source = ((ALICE, 1), (BOB, 2))[i % 2]
            line = f"X-Forwarded-For: 192.0.2.{source if apart else 1}\r\n"
            told = json.loads(wire.ask("GET", "/EWS/Exchange.asmx", who, headers=line).body)
            assert (told["user"], told["server"]) == (who.smtp, who.server.name)
            answer, seen = echo(lab, wire, None, f"{line}Cookie: cadata={who.alias}\r\n",
                                cookie=f"sessionid={who.alias}")
            assert seen.all("Cookie") == [f"cadata={who.alias}"] and not seen.all("Authorization")
            assert answer.all("Set-Cookie") == [f"sessionid={who.alias}"]


def test_tokens_of_two_users_do_not_share(lab):
    with Client(lab, PORTS["l7"]) as wire:
        connections = []
        for token in ("a.b.c", "a.b.c", "d.e.f"):
            _, seen = echo(lab, wire, None, "X-Forwarded-For: 192.0.2.1\r\n"
                           f"Authorization: Bearer {token}\r\n")
            connections.append(seen.connection)
    assert connections[0] == connections[1] != connections[2]


@pytest.mark.parametrize("value", ["NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAFopAAAADw==",
                                   "Negotiate YIIBhgYGKwYBBQUC", "ntlm x", "NEGOTIATE"])
@pytest.mark.parametrize("port", ["l7", "ignore"])
def test_connections_cannot_be_authenticated(lab, port, value):
    """Refused in words, and nobody rides on it afterwards."""
    before = len(lab.origin.seen)
    with Client(lab, PORTS[port]) as wire:
        answer, _ = echo(lab, wire, None, f"Authorization: {value}\r\n")
        assert answer.status == 403 and b"Basic" in answer.body
        assert len(lab.origin.seen) == before
        assert echo(lab, wire, OLGA)[0].status == 200


@pytest.mark.parametrize("lines, left", [
    (["Negotiate", "NTLM", "Basic realm=\"x\""], ["Basic realm=\"x\""]),
    (["Negotiate, NTLM, Basic realm=\"a, NTLM\""], ["Basic realm=\"a, NTLM\""]),
    (["NTLM TlRM==", "Negotiate oYG2"], []),
    (["Bearer client_id=\"1\", trusted_issuers=\"a,b\""],
     ["Bearer client_id=\"1\", trusted_issuers=\"a,b\""]),
    (["Basic realm=\"x\", ntlm, Digest qop=\"auth\", nonce = \"n\""],
     ["Basic realm=\"x\", Digest qop=\"auth\", nonce = \"n\""])])
def test_challenges_that_bind_are_not_passed_on(lab, lines, left):
    head = "HTTP/1.1 401 Unauthorized\r\n" + "".join(f"WWW-Authenticate: {l}\r\n" for l in lines)
    raw = (head + "Content-Length: 0\r\n\r\n").encode().hex()
    _, target = lab.origin.path("raw", hex=raw)
    with Client(lab, PORTS["l7"]) as wire:
        assert wire.ask("GET", target, OLGA).all("WWW-Authenticate") == left
    with lab.wire() as wire:    # an ordinary listener passes all of them
        assert wire.ask("GET", target, OLGA).all("WWW-Authenticate") == lines


# --- who may say who the client is ---------------------------------------------------------

@pytest.mark.parametrize("value, client, passed", [
    ("192.0.2.7", "192.0.2.7", "192.0.2.7, "),
    ("1.1.1.1, 2.2.2.2, 192.0.2.7", "192.0.2.7", "192.0.2.7, "),
    ("1.1.1.1, 192.0.2.7, 10.99.0.1, 10.99.0.2", "192.0.2.7",
     "192.0.2.7, 10.99.0.1, 10.99.0.2, "),
    ("192.0.2.7, garbage", BALANCER, ""),
    ("2001:db8::7", "2001:db8::7", "2001:db8::7, "),
    (", ".join(f"1.1.1.{i}" for i in range(200)) + ", 192.0.2.7", "192.0.2.7", "192.0.2.7, "),
    (", ".join(["192.0.2.7"] + ["10.99.0.1"] * 49), "192.0.2.7",
     "192.0.2.7, " + "10.99.0.1, " * 49)], ids=lambda v: v[:24])
def test_the_right_most_hop_that_is_not_trusted(lab, value, client, passed):
    with Client(lab, PORTS["l7"]) as wire:
        answer, seen = echo(lab, wire, headers=f"X-Forwarded-For: {value}\r\n")
        assert seen.all("X-Forwarded-For") == [f"{passed}{BALANCER}"]
        assert client in {s["client"] for s in lab.gate.sessions()}
    assert f",{client}," in logged(lab, answer)


def test_several_lines_are_one_list(lab):
    with Client(lab, PORTS["l7"]) as wire:
        _, seen = echo(lab, wire, headers="X-Forwarded-For: 192.0.2.7\r\n"
                       "x-forwarded-for: 10.99.0.1\r\n")
        assert seen.all("X-Forwarded-For") == [f"192.0.2.7, 10.99.0.1, {BALANCER}"]


def test_too_many_trusted_hops(lab):
    with Client(lab, PORTS["l7"]) as wire:
        answer, _ = echo(lab, wire, headers="X-Forwarded-For: " + ", ".join(
            ["192.0.2.7"] + ["10.99.0.1"] * 50) + "\r\n")
        assert answer.status == 400 and wire.ending() == CLOSE_NOTIFY


def test_spoofed_by_a_stranger(lab):
    """Closed, or not believed, as it is set; without the header he is
    himself."""
    before = lab.gate.stats()["proxy.forwarded_refused"]
    with Client(lab, PORTS["l7"], source=STRANGER) as wire:
        assert echo(lab, wire)[1].all("X-Forwarded-For") == [STRANGER]
        answer, _ = echo(lab, wire, headers="X-Forwarded-For: 192.0.2.7\r\n")
        assert answer.status == 400 and wire.ending() == CLOSE_NOTIFY
    assert lab.gate.stats()["proxy.forwarded_refused"] == before + 1
    with Client(lab, PORTS["ignore"], source=STRANGER) as wire:
        _, seen = echo(lab, wire, headers="X-Forwarded-For: 192.0.2.7\r\n")
        assert seen.all("X-Forwarded-For") == [STRANGER]


def test_ordinary_listeners_believe_nobody(lab):
    with Client(lab, 443) as wire:
        _, seen = echo(lab, wire, headers="X-Forwarded-For: 192.0.2.7\r\n")
        assert seen.all("X-Forwarded-For") == [BALANCER]


# --- the configuration ------------------------------------------------------------------------

@pytest.mark.parametrize("change, words", [
    ({"proxy-protocol": "v2"}, "name the networks"), ({"balancer": "l7"}, "name the networks"),
    ({"balancer": "l7", "proxy-protocol": "v1", "trusted": "10.0.0.0/8"}, "names the client of each"),
    ({"trusted": "10.0.0.0/8"}, "has no effect"), ({"proxy-protocol": "v3"}, "off, v1, v2, any")])
def test_findings(lab, change, words):
    config = {**lab.gate.config, "listeners": [{**lab.gate.original["listeners"][0], **change}]}
    assert words in lab.gate.check(config).stdout
