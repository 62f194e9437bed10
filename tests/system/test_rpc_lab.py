# SPDX-License-Identifier: BSD-3-Clause
"""The lab's two ends of RPC over HTTP, one against the other without a proxy:
what later tests blame casgate for must not be theirs."""
import contextlib
import importlib.util
import socket

import pytest

from lab import rpcpdu as rpc
from lab.pki import Authority
from lab.rpcclient import Fault, HttpError, Refused, RpcClient
from lab.rpcserver import RpcServer
from lab.wire import CLOSE_NOTIFY, Ended, tls_context

NAME = "mail.contoso.com"
BASIC = "Authorization: Basic Q09OVE9TT1xhbGljZTpzZWNyZXQ=\r\n"     # CONTOSO\alice:secret
ALICE = "CONTOSO\\alice"


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("rpc") / "ca")
    return authority.issue("cas", [NAME]), tls_context(authority.cert)


@pytest.fixture
def serve(pki):
    """serve(**options): a server on a port of its own."""
    with contextlib.ExitStack() as stack:
        servers = []

        def start(tls=True, **options):
            server = RpcServer(socket.create_server(("127.0.0.1", 0)), pki[0] if tls else None,
                               **options)
            stack.callback(server.close)
            servers.append(server)
            return server
        yield start
        assert not [e for s in servers for e in s.errors]


@pytest.fixture
def dial(pki):
    """dial(server, ...): a client that is closed behind the test."""
    with contextlib.ExitStack() as stack:
        def start(server, act="", **options):
            if act:
                options["target"] = act + ":6001"
            client = RpcClient(server.address, pki[1], NAME, options.pop("who", BASIC), **options)
            stack.callback(client.close, orderly=False)
            return client
        yield start


# --- HTTP -----------------------------------------------------------------------

def test_unauthenticated_requests_are_offered_every_scheme(serve, dial):
    server = serve(schemes=("Negotiate", "NTLM", 'Basic realm="x"'))
    client = dial(server, who="")
    for method, body in (("RPC_IN_DATA", b""), ("RPC_OUT_DATA", rpc.ECHO_BODY)):
        with client.connect() as wire:
            for _ in range(2):      # the connection stays
                answer = client.echo(method, body, wire)
                assert answer.status == 401
                assert answer.all("WWW-Authenticate") == list(server.schemes)
    with client.connect() as wire:  # 1 GiB announced: told at once, and closed
        client.request(wire, "RPC_IN_DATA", rpc.ENDLESS)
        assert wire.read().status == 401
        assert wire.ending() == CLOSE_NOTIFY
    assert {s.user for s in server.requests} == {None}
    with pytest.raises(HttpError, match="401"):
        client.open()


def test_passwords_are_checked_if_wanted(serve, dial):
    server = serve(users={ALICE: "other"})
    assert dial(server).echo().status == 401
    server.users[ALICE] = "secret"
    assert dial(server).echo().status == 200


@pytest.mark.parametrize("method", ["RPC_IN_DATA", "RPC_OUT_DATA"])
@pytest.mark.parametrize("body", [b"", rpc.ECHO_BODY, bytes(16)])
def test_echo(serve, dial, method, body):
    server = serve()
    answer = dial(server).echo(method, body)
    assert (answer.status, answer.reason) == (200, "Success")
    assert answer.body.hex() == "0500140310000000140000000000000040000000"
    assert server.requests[0].kind == "echo" and server.requests[0].user == ALICE


def test_ntlm_is_bound_to_its_connection(serve, dial):
    server = serve()
    client = dial(server, who="")
    wires = client.connect(), client.connect()
    for wire, method in zip(wires, ("RPC_IN_DATA", "RPC_OUT_DATA")):
        assert client.ntlm(wire, method).status == 200
    client.open(inward=wires[0], outward=wires[1])      # without Authorization
    assert server.only().users == [ALICE] * 2
    assert client.echo().status == 401


def test_plain_http(serve):
    server = serve(tls=False)
    client = RpcClient(server.address, who=BASIC)
    client.open()
    client.close()


# --- a virtual connection ----------------------------------------------------------

@pytest.mark.parametrize("first", ["in", "out"])
@pytest.mark.parametrize("expect", [False, True])
def test_opens(serve, dial, first, expect):
    server = serve(window=32768, timeout=120_000)
    client = dial(server, expect=expect)
    client.open(first)
    vc = server.only()
    assert (client.timeout, client.server_window) == (120_000, 32768)
    assert vc.cookie == client.cookie and vc.group == client.group and vc.paired
    assert (vc.inward.cookie, vc.outward.cookie) == (client.in_cookie, client.out_cookie)
    assert sorted(vc.pdus) == ["CONN/A1", "CONN/B1"]
    assert sorted(s.kind for s in server.requests) == ["in", "out"]


@pytest.mark.parametrize("level", [None, *range(rpc.CONNECT, rpc.PRIVACY + 1)])
def test_binds(serve, dial, level):
    server = serve()
    client = dial(server)
    client.open()
    client.bind(rpc.NSPI, level)
    client.bind(rpc.EMSMDB, level, alter=True)
    kind = (rpc.NTLM, level) if level else (0, 0)
    assert server.only().binds == [(*kind, rpc.NSPI[0]), (*kind, rpc.EMSMDB[0])]


@pytest.mark.parametrize("size", [0, 1, rpc.FRAGMENT - 24, rpc.FRAGMENT - 23, 100_000])
def test_calls(serve, dial, size):
    server = serve()
    client = dial(server)
    client.open()
    client.bind()
    stub = bytes(i & 255 for i in range(size))
    assert client.call(0, stub) == stub
    assert server.only().calls == [(0, size)]


def test_windows_hold_and_acks_open_them(serve, dial):
    server = serve(window=8192)
    client = dial(server, window=16384)
    client.open()
    client.bind()
    n = 1_000_000
    assert len(client.download(n)) == n and client.upload(n) == n
    vc = server.only()
    assert vc.waited and len(vc.acks) >= n // 16384
    assert client.pdus.count("FlowControlAckWithDestination") >= n // 8192
    assert vc.bytes_in > n and vc.bytes_out > n


def test_idle_channels_ping(serve, dial):
    server = serve(ping=0.02)
    client = dial(server)
    client.open()
    client.ping()
    client.until(lambda: "Ping" in client.pdus)
    server.wait("a ping", lambda: "Ping" in server.only().pdus)


def test_latency_of_a_small_call(serve, dial):
    client = dial(serve())
    client.open()
    client.bind()
    for _ in range(50):
        client.call(0, b"x" * 100)
    assert len(client.latencies) == 50 and sorted(client.latencies)[25] < 0.05
    client.call(3, (100).to_bytes(4, "little"))
    assert client.latencies[-1] >= 0.1


def test_in_is_recycled(serve, dial):
    server = serve(window=16384)
    client = dial(server)
    client.open()
    client.bind()
    for turn in range(1, 4):
        client.upload(30_000)       # the new channel's window begins anew
        old = client.in_cookie
        client.recycle_in()
        assert client.call(0, b"after") == b"after"
        assert server.only().recycled_in == turn and client.in_cookie != old
    assert [s.kind for s in server.requests].count("in recycled") == 3
    assert not server.only().ended


def test_out_is_recycled(serve, dial):
    server = serve()
    client = dial(server, window=16384)
    client.open()
    client.bind()
    for turn in range(1, 4):
        server.recycle(server.only())
        assert len(client.download(50_000)) == 50_000
        client.until(lambda: client.recycled_out == turn)
        assert client.call(0, b"after") == b"after"
        assert server.only().recycled_out == turn
    assert client.pdus.count("OUT_R2/B3") == 3 and not server.only().ended


def test_out_is_recycled_at_the_end_of_its_life(serve, dial):
    server = serve(lifetime=200_000)
    client = dial(server)
    client.open()
    client.bind()
    while client.recycled_out < 4:
        assert len(client.download(50_000)) == 50_000
    assert server.only().bytes_out >= 4 * 190_000


@pytest.mark.parametrize("side", ["inward", "outward"])
def test_both_channels_end_with_one(serve, dial, side):
    server = serve()
    client = dial(server)
    client.open()
    ended, other = getattr(client, side), client.outward if side == "inward" else client.inward
    ended.close_notify()
    assert other.rest() == b""
    vc = server.only()
    server.wait("the end", lambda: vc.ended and getattr(vc, side).seen.ended == CLOSE_NOTIFY)


def test_channels_on_two_servers_never_meet(serve, dial):
    one, two = serve(name="CAS1"), serve(name="CAS2")
    client = dial(one, seconds=0.3)
    with dial(two).connect() as elsewhere:
        elsewhere.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.open(outward=elsewhere)
    assert client.pdus == ["CONN/A3"]
    assert not one.only().paired and not one.only().outward
    assert not two.only().paired and not two.only().inward


# --- what is wrong on purpose ---------------------------------------------------------

def test_503_carries_the_error(serve, dial):
    with pytest.raises(HttpError) as caught:
        dial(serve(), "refuse.6ba").open()
    assert caught.value.response.status == 503
    assert caught.value.response.reason == "RPC Error: 6ba, EEInfo: AAECAw=="
    assert caught.value.response.body == b"RPC EEInfo:AAECAw=="


def test_503_in_the_middle(serve, dial):
    with pytest.raises(AssertionError, match="no PDU: b'HTTP/1.0 503 RPC"):
        dial(serve(), "midway.6be").open()


def test_stalls(serve, dial):
    for act, pdus in (("stall.head", []), ("stall.a3", []), ("stall.c2", ["CONN/A3"])):
        client = dial(serve(), act, seconds=0.2)
        with pytest.raises(TimeoutError):
            client.open()
        assert client.pdus == pdus


def test_early_ends(serve, dial):
    with pytest.raises(Ended):
        dial(serve(), "cut.a3").open()
    server = serve()
    client = dial(server)
    client.open()
    server.cut(server.only(), how="reset")
    with pytest.raises(Ended):
        client.until(lambda: False)


def test_refusals(serve, dial):
    client = dial(serve(), "nak.8")
    client.open()
    with pytest.raises(Refused) as caught:
        client.bind(rpc.EMSMDB, rpc.CONNECT)
    assert caught.value.reason == 8
    client = dial(serve(), "fault.5")
    client.open()
    client.bind()
    with pytest.raises(Fault) as caught:
        client.call(0)
    assert caught.value.status == rpc.ACCESS_DENIED


def test_an_unknown_virtual_connection_is_not_recycled(serve, dial):
    server = serve()
    client = dial(server)
    client.inward = client.connect()
    client.request(client.inward, "RPC_IN_DATA", rpc.ENDLESS)
    client.inward.send(rpc.rts(rpc.RECYCLE, rpc.V, *(("C", bytes(16)),) * 3))
    assert client.inward.rest() == b""
    assert "unknown virtual connection" in server.errors.pop()


# --- another's client -------------------------------------------------------------------

def impacket(server, auth="basic"):
    """A DCE/RPC connection of impacket. Its string bindings know no ports but 80
    and 443; the URL does."""
    pytest.importorskip("impacket")
    from impacket.dcerpc.v5 import transport
    from impacket.http import AUTH_BASIC, AUTH_NTLM
    through = transport.DCERPCTransportFactory("ncacn_http:ex01[6001]")
    through.set_rpc_proxy_url(url(server))
    through.set_credentials("alice", "secret", "CONTOSO")
    through.set_auth_type(AUTH_BASIC if auth == "basic" else AUTH_NTLM)
    return through.get_dce_rpc()


def url(server):
    return "https://{}:{}/rpc/rpcproxy.dll".format(*server.address)


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_impacket_binds_and_calls(serve, auth):
    dce = impacket(server := serve(), auth)
    from impacket.dcerpc.v5 import mgmt
    dce.connect()
    dce.bind(mgmt.MSRPC_UUID_MGMT)
    listed = mgmt.hinq_if_ids(dce)
    assert listed["if_id_vector"]["count"] == 2
    vc = server.only()
    assert vc.users == [ALICE] * 2 and vc.binds == [(0, 0, rpc.MGMT[0])]
    dce.disconnect()
    server.wait("the end", lambda: vc.ended)


def test_impacket_flows_and_is_refused(serve):
    from_uuid = pytest.importorskip("impacket.uuid").uuidtup_to_bin
    dce = impacket(server := serve())
    dce.connect()
    dce.bind(from_uuid((str(rpc.EMSMDB[0]), "0.81")))
    dce.call(1, (600_000).to_bytes(4, "little"))
    assert len(dce.recv()) == 600_000
    assert server.only().acks      # its window is 256 KiB
    dce.call(77, b"")
    with pytest.raises(Exception, match="(?i)op_rng_error"):
        dce.recv()
    dce.disconnect()


def test_rpcmap(serve, capsys):
    """The program as it stands: it finds out by itself that NTLM will do."""
    pytest.importorskip("impacket")
    program = importlib.util.spec_from_file_location(
        "rpcmap", "/usr/share/doc/python3-impacket/examples/rpcmap.py")
    rpcmap = importlib.util.module_from_spec(program)
    program.loader.exec_module(rpcmap)
    lookup = rpcmap.RPCMap("ncacn_http:ex01[6001,RpcProxy=127.0.0.1:443]", authLevel=1)
    lookup.get_rpc_transport().set_rpc_proxy_url(url(server := serve()))
    lookup.set_transport_credentials("alice", "secret", "CONTOSO")
    lookup.connect()
    lookup.do()
    lookup.disconnect()
    told = capsys.readouterr().out
    assert str(rpc.EMSMDB[0]).upper() in told and str(rpc.NSPI[0]).upper() in told
    assert server.requests[0].kind == "auth" and "?" not in server.requests[0].target
    assert server.only().users == [ALICE] * 2
