# SPDX-License-Identifier: BSD-3-Clause
"""Outlook Anywhere through casgate, on several workers: two Client Access
servers of one site, real RPC over HTTP on both sides."""
import base64
import contextlib
import copy
import os

import pytest

from lab import rpcpdu as rpc
from lab.gate import VIP
from lab.hosts import wait_until
from lab.rpcclient import Fault, Refused, RpcClient
from lab.rpcserver import RpcServer
from lab.topology import NAMESPACE
from lab.wire import OPEN, Ended, tls_context

LAB = {"workers": 4}
SITE = "Rpc"
NAMES = {"RPCA": "10.20.0.41", "RPCB": "10.20.0.42"}
PEOPLE = 24


def user(i):
    return f"rpc{i}@contoso.com"


@pytest.fixture(scope="module")
def servers(module_lab):
    """Both running, known to casgate, and a mailbox for each of PEOPLE."""
    hosts, gate = module_lab.hosts, module_lab.gate
    gate.config["sites"].append(SITE)
    found = {}
    for name, address in NAMES.items():
        pair = gate.authority.issue(name, [f"{name.lower()}.contoso.local"])
        hosts.address("back", address)
        with hosts.inside("back"):
            listener = __import__("socket").create_server((address, 443), backlog=512)
        found[name] = RpcServer(listener, pair, name=name)
        gate.config["servers"].append({
            "name": name, "fqdn": f"{name.lower()}.contoso.local", "address": address,
            "version": "2010", "site": SITE, "tls": {"ca": str(gate.authority.cert)}})
    gate.original = copy.deepcopy(gate.config)
    gate.reload()
    for i in range(PEOPLE):
        gate.ctl("mailbox", "set", user(i), "--server", "RPCA")
    yield found
    for server in found.values():
        server.close()


class Client(RpcClient):
    """From the client's host."""

    def __init__(self, lab, i=0, target="RPCA:6001", **options):
        self._lab = lab
        plain = base64.b64encode(f"{user(i)}:secret".encode()).decode()
        super().__init__((VIP[4], 443), tls_context(lab.gate.authority.cert), NAMESPACE,
                         f"Authorization: Basic {plain}\r\n", target, **options)

    def connect(self):
        with self._lab.hosts.inside("client"):
            return super().connect()


@pytest.fixture
def lab(own_lab, servers):
    own_lab.clients = []

    def dial(*words, **options):
        client = Client(own_lab, *words, **options)
        own_lab.clients.append(client)
        return client
    own_lab.dial, own_lab.servers = dial, servers
    yield own_lab
    for client in own_lab.clients:
        client.close(orderly=False)
    for name in NAMES:
        own_lab.gate.ctl("server", "enable", name)
    if own_lab.gate.config != own_lab.gate.original:
        own_lab.gate.config = copy.deepcopy(own_lab.gate.original)
        own_lab.gate.reload()
    wait_until("nothing is left", lambda: not own_lab.gate.stats()["proxy.channels"])
    errors = [e for s in servers.values() for e in s.errors]
    for server in servers.values():
        server.errors.clear()
    assert not errors


def where(lab, client):
    """The server that has both channels."""
    holders = [name for name, s in lab.servers.items() if client.cookie in s.virtual]
    assert len(holders) == 1, holders
    return holders[0]


def counted(lab, *names):
    before = lab.gate.stats()
    return lambda: tuple(lab.gate.stats()[n] - before[n] for n in names)


# --- both channels ------------------------------------------------------------------

def test_channels_meet(lab):
    """Whatever worker each of them comes to."""
    used = set()
    for i in range(PEOPLE):
        client = lab.dial(i)
        client.open(first="in" if i % 2 else "out")
        client.bind()
        assert client.call(0, b"hello") == b"hello"
        used.add(where(lab, client))
    assert used == set(NAMES), "the users are spread"
    rows = lab.gate.ctl("vc", "list")
    assert len(rows) == PEOPLE
    assert all(r["in"] == r["out"] == 1 and not r["split"] and r["auth_level"] == 6 for r in rows)
    assert {r["user"] for r in rows} == {user(i) for i in range(PEOPLE)}


def test_second_channel_follows_the_first(lab):
    """The server that the first one found is drained before the second."""
    kept = counted(lab, "proxy.vc_kept")
    for i in range(4):
        client = lab.dial(i)
        client.inward, client.outward = client.connect(), client.connect()
        client._open_out()
        client.answered()
        name = next(n for n, s in lab.servers.items()
                    if any(r.kind == "out" and r.user == user(i) and not r.ended
                           for r in s.requests))
        lab.gate.ctl("server", "drain", name)
        client._open_in()
        client._expect_rts("CONN/A3")
        client.server_window = client._expect_rts("CONN/C2").get("W")
        client.bind()
        assert client.call(2, b"x" * 1000)
        assert where(lab, client) == name
        lab.gate.ctl("server", "enable", name)
    assert kept() == (4,)


def test_replaced_channels_stay(lab):
    client = lab.dial(1)
    client.open()
    client.bind()
    name = where(lab, client)
    lab.gate.ctl("server", "drain", name)
    client.recycle_in()
    assert client.call(0, b"over the new IN channel") == b"over the new IN channel"
    lab.servers[name].recycle(lab.servers[name].virtual[client.cookie])
    for _ in range(20):
        assert client.call(0, b"y" * 500) == b"y" * 500
        if client.recycled_out:
            break
    assert client.recycled_out == 1 and where(lab, client) == name
    row, = lab.gate.ctl("vc", "list", "--user", user(1))
    assert row["server"] == name and not row["split"]


def test_new_ones_avoid_a_drained_server(lab):
    lab.gate.ctl("server", "drain", "RPCA")
    for i in range(6):
        client = lab.dial(i)
        client.open()
        assert where(lab, client) == "RPCB"


def test_a_cookie_is_nothing_without_its_user(lab):
    """Another user who repeats it gets a virtual connection of his own."""
    first = lab.dial(0)
    first.open()
    first.bind()
    name = where(lab, first)
    other = next(i for i in range(1, PEOPLE) if lab.gate.ctl(
        "route", "explain", "--user", user(i), "--protocol", "rpc")["candidates"][0] != name)
    thief = lab.dial(other, target="nowhere:6001")
    thief.cookie = first.cookie
    kept = counted(lab, "proxy.vc_kept")
    thief.inward, thief.outward = thief.connect(), thief.connect()
    thief._open_in()
    assert first.call(0, b"mine") == b"mine"
    wait_until("both are there", lambda: len(lab.gate.ctl("vc", "list")) == 2)
    assert kept() == (0,)


@pytest.mark.parametrize("side", ["in", "out"])
def test_a_cookie_cannot_be_taken_over(lab, side):
    """Nor with RECYCLE: who replaces a channel of another user's replaces none,
    and is led where he himself belongs."""
    count = counted(lab, "proxy.vc_strangers", "proxy.vc_kept")
    victim = lab.dial(0)
    victim.open()
    victim.bind()
    name = where(lab, victim)
    other = next(i for i in range(1, PEOPLE) if lab.gate.ctl(
        "route", "explain", "--user", user(i), "--protocol", "rpc")["candidates"][0] != name)
    before = len(lab.servers[name].requests)
    thief = lab.dial(other, target="nowhere:6001")
    wire = thief.inward = thief.connect()
    if side == "in":
        thief.request(wire, "RPC_IN_DATA", rpc.ENDLESS)
        wire.send(rpc.rts(rpc.RECYCLE, rpc.V, ("C", victim.cookie), ("C", victim.in_cookie),
                          ("C", os.urandom(16))))
    else:
        thief.request(wire, "RPC_OUT_DATA", 120)
        wire.send(rpc.rts(rpc.RECYCLE, rpc.V, ("C", victim.cookie), ("C", victim.out_cookie),
                          ("C", os.urandom(16)), ("W", 65536)))
    assert wire.ending() != OPEN
    elsewhere = lab.servers[next(n for n in NAMES if n != name)]
    assert len(lab.servers[name].requests) == before, "the thief's did not come here"
    assert any("unknown virtual connection" in e for e in elsewhere.errors)
    elsewhere.errors.clear()
    assert count() == (1, 0)
    assert victim.call(0, b"mine") == b"mine" and victim.recycled_out == 0
    row, = lab.gate.ctl("vc", "list", "--user", user(0))
    assert row["in"] == row["out"] == 1


# --- what passes -----------------------------------------------------------------------

def test_large_calls_and_pings(lab):
    client = lab.dial(2)
    client.open()
    client.bind()
    for n in (0, 1, 4000, 70_000, 300_000):
        assert len(client.download(n)) == n
        client.upload(n)
    client.ping()
    assert client.call(0, b"z") == b"z"
    row, = lab.gate.ctl("vc", "list", "--user", user(2))
    assert row["ping_ms"] >= 0 and row["pdus"] > 20 and row["bytes_down"] > 370_000
    assert row["target"] in ("RPCA", user(2))


def test_echo_and_errors_pass(lab):
    client = lab.dial(3)
    answer = client.echo()
    assert (answer.status, answer.reason, answer.body) == (200, "Success", rpc.rts(rpc.ECHO))
    refused = lab.dial(3, target="refuse.6ba:6001")
    refused.inward, refused.outward = refused.connect(), refused.connect()
    refused._open_out()
    head = refused.outward.head()
    assert head.status == 503 and head.reason.startswith("RPC Error: 6ba")


def test_killed_server_ends_its_own_and_no_other(lab):
    clients = [lab.dial(i) for i in range(8)]
    for client in clients:
        client.open()
        client.bind()
    lost = [c for c in clients if where(lab, c) == "RPCA"]
    rest = [c for c in clients if where(lab, c) == "RPCB"]
    assert lost and rest
    for client in lost:
        server = lab.servers["RPCA"]
        server.cut(server.virtual[client.cookie], how="reset")
    for client in lost:
        with pytest.raises((OSError, Ended)):
            for _ in range(100):
                client.call(0, b"?")
    for client in rest:
        assert client.call(0, b"still here") == b"still here"


# --- encryption ---------------------------------------------------------------------------

def test_unencrypted_is_counted(lab):
    count = counted(lab, "proxy.rpc_unencrypted", "proxy.rpc_refused")
    client = lab.dial(4)
    client.open()
    client.bind(level=rpc.CONNECT)
    assert client.call(0, b"plain") == b"plain"
    assert count() == (1, 0)
    row, = lab.gate.ctl("vc", "list", "--user", user(4))
    assert row["auth_level"] == 2


def test_unencrypted_is_refused(lab):
    """With a fault that an old Outlook shows as access denied."""
    lab.gate.config["routing"] = {"rpc-encryption": "require"}
    lab.gate.reload()
    count = counted(lab, "proxy.rpc_unencrypted", "proxy.rpc_refused")
    good = lab.dial(6)
    good.open()
    good.bind()
    for i in range(6):
        client = lab.dial(i)
        client.open()
        with pytest.raises(Fault) as fault:
            client.bind(level=rpc.CONNECT)
        assert fault.value.status == 5
        with pytest.raises((OSError, Ended)):
            client.call(0, b"?")
    assert good.call(0, b"encrypted") == b"encrypted"
    assert count() == (6, 6)


def test_later_versions_are_not_meant(lab):
    lab.gate.config["routing"] = {"rpc-encryption": "require"}
    for server in lab.gate.config["servers"]:
        if server["name"] in NAMES:
            server["version"] = "2016"
    lab.gate.reload()
    client = lab.dial(7, target=f"{os.urandom(16).hex()}@contoso.com:6001")
    client._target = "RPCA:6001"
    client.open()
    client.bind(level=rpc.CONNECT)
    assert client.call(0, b"plain") == b"plain"


# --- guessing ------------------------------------------------------------------------------

def denied(client, times):
    for _ in range(times):
        with pytest.raises(Fault) as fault:
            client.call(4)
        assert fault.value.status == 5


def ends(client):
    """Both channels, soon."""
    for wire in client.inward, client.outward:
        assert wire.ending() != OPEN


def opened(lab, i, **options):
    client = lab.dial(i, **options)
    client.open()
    client.bind()
    return client


def has_denials(lab, i, n):
    """Soon: its owner may be another worker."""
    def found():
        row, = lab.gate.ctl("vc", "list", "--user", user(i))
        return row["denials"] == n
    wait_until(f"{n} denials of {user(i)}", found)


def test_who_is_denied_too_much_is_cut_off(lab):
    """Whatever worker each of the channels came to; nobody else is."""
    count = counted(lab, "proxy.rpc_denials", "proxy.vc_guessing")
    honest = opened(lab, 0)
    denied(honest, 2)
    for i in range(1, 9):
        guesser = opened(lab, i)
        denied(guesser, 9)
        assert guesser.call(0, b"still") == b"still"
        has_denials(lab, i, 9)
        denied(guesser, 1)
        ends(guesser)
    assert count() == (82, 8)
    assert honest.call(0, b"mine") == b"mine"
    has_denials(lab, 0, 2)
    wait_until("the others are gone", lambda: len(lab.gate.ctl("vc", "list")) == 1)


def test_all_at_once(lab):
    """Answers that come in one piece do not count as one."""
    count = counted(lab, "proxy.rpc_denials", "proxy.vc_guessing")
    for i in range(4):
        guesser = opened(lab, i)
        with contextlib.suppress(OSError, Ended):
            for _ in range(30):
                guesser.start(4)
        ends(guesser)
    assert count()[1] == 4 and 40 <= count()[0] <= 120


def test_a_replaced_channel_takes_its_denials_along(lab):
    guesser = opened(lab, 1)
    denied(guesser, 6)
    server = lab.servers[where(lab, guesser)]
    server.recycle(server.virtual[guesser.cookie])
    guesser.until(lambda: guesser.recycled_out)
    has_denials(lab, 1, 6)
    denied(guesser, 4)
    ends(guesser)


def test_refused_binds_count_too(lab):
    honest = opened(lab, 2)
    guesser = lab.dial(2, target="nak.8:6001")
    guesser.open()
    for _ in range(10):
        with pytest.raises(Refused):
            guesser.bind()
    ends(guesser)
    assert honest.call(0, b"the same user's other one") == b"the same user's other one"


def test_other_faults_do_not_count(lab):
    count = counted(lab, "proxy.rpc_denials")
    client = opened(lab, 3)
    for _ in range(15):
        with pytest.raises(Fault) as fault:
            client.call(99)
        assert fault.value.status == rpc.UNKNOWN_CALL
    assert client.call(0, b"z") == b"z" and count() == (0,)


@pytest.mark.parametrize("most", [0, 3])
def test_how_much_is_a_setting(lab, most):
    lab.gate.config["limits"] = {"rpc-denials": most}
    lab.gate.reload()
    guesser = opened(lab, 4)
    denied(guesser, most or 30)
    if most:
        ends(guesser)
    else:
        assert guesser.call(0, b"z") == b"z"
        has_denials(lab, 4, 30)


# --- a client that nobody here wrote ---------------------------------------------------------

IMPACKET = """
import sys
from impacket.dcerpc.v5 import mgmt, transport
from impacket.http import AUTH_BASIC, AUTH_NTLM
from impacket.uuid import uuidtup_to_bin
how, level = sys.argv[1], int(sys.argv[2])
through = transport.DCERPCTransportFactory("ncacn_http:RPCA[6001]")
through.set_rpc_proxy_url("https://mail.contoso.com/rpc/rpcproxy.dll")
through.set_credentials("rpc0", "secret", "CONTOSO")
through.set_auth_type(AUTH_BASIC if how == "basic" else AUTH_NTLM)
dce = through.get_dce_rpc()
dce.connect()
if level:
    dce.set_auth_level(level)
    dce.bind(uuidtup_to_bin(("a4f1db00-ca47-1067-b31f-00dd010662da", "0.81")))
    print("bound")
else:
    dce.bind(mgmt.MSRPC_UUID_MGMT)
    print("interfaces", mgmt.hinq_if_ids(dce)["if_id_vector"]["count"])
    dce.bind(uuidtup_to_bin(("a4f1db00-ca47-1067-b31f-00dd010662da", "0.81")))
    dce.call(1, (600000).to_bytes(4, "little"))
    print("bytes", len(dce.recv()))
dce.disconnect()
"""


def impacket(lab, how, level=0):
    pytest.importorskip("impacket")
    return lab.hosts.run("client", "/usr/bin/python3", "-W", "ignore", "-c", IMPACKET, how,
                         str(level), check=False, timeout=60)


@pytest.fixture
def known(lab):
    """impacket says CONTOSO\\rpc0."""
    lab.gate.ctl("mailbox", "set", user(0), "--server", "RPCA", "--sam", "CONTOSO\\rpc0")
    return lab


@pytest.mark.parametrize("how", ["basic", "ntlm"])
def test_impacket(known, how):
    """It asks for 100 Continue on both channels. With NTLM its first request has
    no target yet, and goes to a front end that finds every mailbox; the rest of
    the handshake stays there, and so do the channels on those connections."""
    if how == "ntlm":
        for server in known.gate.config["servers"]:
            if server["name"] == "RPCA":
                server["version"] = "2016"
            if server["name"] == "EX13":
                server["drained"] = True
        known.gate.reload()
    done = impacket(known, how)
    assert done.stdout.split() == ["interfaces", "2", "bytes", "600000"], done.stderr[-600:]


GUESSER = """
import signal
from impacket.dcerpc.v5 import transport
from impacket.http import AUTH_BASIC
from impacket.uuid import uuidtup_to_bin
through = transport.DCERPCTransportFactory("ncacn_http:RPCA[6001]")
through.set_rpc_proxy_url("https://mail.contoso.com/rpc/rpcproxy.dll")
through.set_credentials("rpc0", "secret", "CONTOSO")
through.set_auth_type(AUTH_BASIC)
dce = through.get_dce_rpc()
dce.set_auth_level(6)
dce.connect()
def ended(*_):
    raise EOFError      # impacket reads on behind the end, for ever
signal.signal(signal.SIGALRM, ended)
for i in range(40):
    signal.alarm(5)
    dce.set_credentials("guess", f"Summer{i}", "CONTOSO")
    try:
        dce.bind(uuidtup_to_bin(("a4f1db00-ca47-1067-b31f-00dd010662da", "0.81")))
        dce.call(0, b"x" * 16)
        dce.recv()
    except Exception as error:
        print("denied" if "access_denied" in str(error) else "cut", flush=True)
        if "access_denied" not in str(error):
            break
"""


def test_impacket_guesses(known):
    """A password after the other in one virtual connection."""
    count = counted(known, "proxy.rpc_denials", "proxy.vc_guessing")
    honest = opened(known, 5)
    done = known.hosts.run("client", "/usr/bin/python3", "-W", "ignore", "-c", GUESSER,
                           check=False, timeout=60)
    assert done.stdout.split() == ["denied"] * 10 + ["cut"], done.stderr[-600:]
    assert count() == (10, 1)
    assert honest.call(0, b"mine") == b"mine"
    has_denials(known, 5, 0)


@pytest.mark.parametrize("policy, level, words", [
    ("log", 2, "bound"), ("log", 6, "bound"), ("require", 6, "bound"),
    ("require", 2, "rpc_s_access_denied"), ("require", 5, "rpc_s_access_denied")])
def test_impacket_and_encryption(known, policy, level, words):
    known.gate.config["routing"] = {"rpc-encryption": policy}
    known.gate.reload()
    done = impacket(known, "basic", level)
    assert words in done.stdout + done.stderr, (done.stdout, done.stderr[-600:])
