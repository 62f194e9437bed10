# SPDX-License-Identifier: BSD-3-Clause
"""Outlook Anywhere in full length: channels that carry all they announced, a
server that is killed, many virtual connections for long. Its two Client Access
servers are processes of their own. CASGATE_FULL=1 for 1 GiB each way and 500
virtual connections for ten minutes; with -s the figures are printed."""
import base64
import hashlib
import json
import os
import pathlib
import sys
import time

import pytest

from lab import rpcpdu as rpc
from lab.gate import VIP
from lab.hosts import wait_until
from lab.rpcclient import RpcClient
from lab.rpcload import PERMILLE
from lab.rpcserver import BLOCK
from lab.topology import NAMESPACE
from lab.wire import Ended, tls_context

FULL = bool(os.environ.get("CASGATE_FULL"))
LENGTH = rpc.ENDLESS if FULL else 16 << 20
MANY, SECONDS = (500, 600) if FULL else (50, 20)
DIRECT = "rpc.contoso.local"    # what both are called without casgate

LAB = {"workers": 2}
SITE = "Far"
NAMES = {"RPCC": "10.20.0.43", "RPCD": "10.20.0.44"}
PEOPLE = 50
FIGURES = [*PERMILLE, "max"]
SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"


def user(i):
    return f"rpc{i}@contoso.com"


class Server:
    """lab.rpcserver as a program."""

    def __init__(self, lab, name, address):
        self._lab, self.name, self.address = lab, name, address
        self._pair = lab.gate.authority.issue(name, [f"{name.lower()}.contoso.local", DIRECT])
        lab.hosts.address("back", address)
        self.start()

    def start(self):
        self.process = self._lab.hosts.spawn(
            "back", sys.executable, "-m", "lab.rpcserver", self.address, *self._pair, "--name",
            self.name, "--lifetime", LENGTH, "--ping", 5, log=self.name, cwd=SUPPORT)
        wait_until(f"{self.name} listens", lambda: f"{self.address}:443" in
                   self._lab.hosts.run("back", "ss", "-Hltn").stdout)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def errors(self):
        return self._lab.hosts.log_text(self.name)


@pytest.fixture(scope="module")
def servers(module_lab):
    gate = module_lab.gate
    gate.config["sites"].append(SITE)
    found = {name: Server(module_lab, name, address) for name, address in NAMES.items()}
    for server in found.values():
        gate.config["servers"].append({
            "name": server.name, "fqdn": f"{server.name.lower()}.contoso.local",
            "address": server.address, "version": "2010", "site": SITE,
            "tls": {"ca": str(gate.authority.cert)}})
    gate.reload()
    for i in range(PEOPLE):
        gate.ctl("mailbox", "set", user(i), "--server", "RPCC")
    return found


class Client(RpcClient):
    """From the client's host."""

    def __init__(self, lab, i=0, **options):
        self._lab = lab
        plain = base64.b64encode(f"{user(i)}:secret".encode()).decode()
        super().__init__((VIP[4], 443), tls_context(lab.gate.authority.cert), NAMESPACE,
                         f"Authorization: Basic {plain}\r\n", "RPCC:6001", **options)

    def connect(self):
        with self._lab.hosts.inside("client"):
            return super().connect()


@pytest.fixture
def lab(own_lab, servers):
    clients = []

    def dial(*words, **options):
        clients.append(Client(own_lab, *words, **options))
        return clients[-1]
    own_lab.dial, own_lab.servers = dial, servers
    yield own_lab
    for client in clients:
        client.close(orderly=False)
    wait_until("nothing is left", lambda: not own_lab.gate.stats()["proxy.channels"], 30)


def rows(lab):
    return {row["vc"]: row for row in lab.gate.ctl("vc", "list")}


def serves(lab, name, protocol):
    vdirs = lab.gate.ctl("server", "show", name)["virtual_directories"]
    return next(v["health"] for v in vdirs if v["protocol"] == protocol) != "down"


def resident(lab):
    """kB that casgate holds, and the most it ever held."""
    status = pathlib.Path(f"/proc/{lab.gate.process.pid}/status").read_text()
    return [int(status.split(f"{word}:")[1].split()[0]) for word in ("VmRSS", "VmHWM")]


# --- all that was announced --------------------------------------------------------------

class Sent:
    """Calls whose stubs are never the same, and what they add up to."""

    def __init__(self, client):
        self._client, self._all, self._n = client, hashlib.sha256(), 0

    def send(self, n):
        self._n += 1
        stub = self._n.to_bytes(8, "big") + BLOCK[8:n]
        self._all.update(stub)
        self.verify(self._client.call(5, stub))

    def fill(self):
        """To the very last byte of the channel's announced length but for those
        by which it says so."""
        client = self._client
        while (left := client.length - client.in_bytes) > 3 << 20:
            self.send(1 << 20)
        while left > 5000:
            self.send(min(left // 2, 1 << 20))
            left = client.length - client.in_bytes
        n, answer = client.fill(5)
        self._all.update(bytes(n))
        self.verify(answer)

    def verify(self, digest):
        assert digest == self._all.digest()


def receive(client, total):
    """A call for a megabyte; its answer is added to `total`."""
    total.update(client.call(6, (1 << 20).to_bytes(4, "little")))


def test_recycled_after_all_that_was_announced(lab):
    """IN ends with the last byte of its Content-Length, OUT as near to it as the
    server dares; on the channels behind them the session goes on where it was."""
    client = lab.dial(0, length=LENGTH, seconds=60)
    client.open()
    client.bind()
    row = rows(lab)[client.cookie.hex()]
    before, began = resident(lab), time.monotonic()
    up, down = Sent(client), hashlib.sha256()
    up.fill()
    client.recycle_in()
    seconds_up = time.monotonic() - began
    up.send(3_000_000)
    began = time.monotonic()
    while not client.recycled_out:
        receive(client, down)
    seconds_down = time.monotonic() - began
    for _ in range(3):
        receive(client, down)
        up.send(1 << 20)
    assert client.call(7) == down.digest()
    assert client.recycled_out == 1
    after = resident(lab)
    found = rows(lab)[client.cookie.hex()]
    assert (found["server"], found["in"], found["out"], found["split"]) == (row["server"], 1, 1, False)
    mib = LENGTH >> 20
    print(f"\n{mib} MiB IN in {seconds_up:.1f} s ({mib / seconds_up:.0f} MiB/s), {mib} MiB OUT in "
          f"{seconds_down:.1f} s ({mib / seconds_down:.0f} MiB/s); casgate's memory {before[0]} kB "
          f"before, {after[0]} kB after, at most {after[1]} kB")
    assert after[1] - before[1] < 8 << 10
    assert not any(s.errors() for s in lab.servers.values())


# --- a server that is killed ----------------------------------------------------------------

def test_killed_server_ends_its_own_and_no_other(lab):
    """The process is gone at once, with all its connections."""
    clients = {c.cookie.hex(): c for c in (lab.dial(i) for i in range(16))}
    for client in clients.values():
        client.open()
        client.bind()
    lost = {vc for vc, row in rows(lab).items() if row["server"] == "RPCC"}
    rest = set(clients) - lost
    assert lost and rest and set(rows(lab)) == set(clients)
    lab.servers["RPCC"].kill()
    try:
        wait_until("its own have ended", lambda: set(rows(lab)) == rest, 3)
        for vc in lost:
            with pytest.raises((OSError, Ended)):
                clients[vc].call(0, b"?")
        for vc in rest:
            assert clients[vc].call(0, b"still here") == b"still here"
        new = lab.dial(0)
        new.open()
        assert rows(lab)[new.cookie.hex()]["server"] == "RPCD"
    finally:
        lab.servers["RPCC"].start()
    wait_until("casgate knows it again", lambda: serves(lab, "RPCC", "rpc"), 30)


# --- many, for long ----------------------------------------------------------------------------

class Load:
    """lab.rpcload as a program: MANY virtual connections at once."""

    def __init__(self, lab, log, host, name, seconds, *addresses):
        self._lab, self._log = lab, log
        self.process = lab.hosts.spawn(
            host, sys.executable, "-m", "lab.rpcload", *addresses, "--authority",
            lab.gate.authority.cert, "--name", name, "-n", MANY, "--users", PEOPLE,
            "--seconds", seconds, log=log, cwd=SUPPORT)
        wait_until("all are open", lambda: "open" in lab.hosts.log_text(log), 120, 0.2)

    @property
    def runs(self):
        return self.process.poll() is None

    def end(self):
        """What it found."""
        done = self.process.wait(SECONDS + 120)
        found = json.loads(self._lab.hosts.log_text(self._log).splitlines()[-1])
        assert done == 0, found
        print(f"{self._log}: {found['calls']} calls, "
              + ", ".join(f"{name} {found[name] / 1000:.2f} ms" for name in FIGURES))
        return found


def test_many_for_long(lab):
    """Each pair on one server all the time, and no call that waits for more than
    the wire: compared with as many that do without casgate."""
    print()
    direct = Load(lab, "direct", "back", DIRECT, max(20, SECONDS // 10), *NAMES.values()).end()
    stats, before = lab.gate.stats(), resident(lab)[0]
    load = Load(lab, "casgate", "client", NAMESPACE, SECONDS, VIP[4])
    idle, held, most, looks = lab.gate.stats(), resident(lab)[0], 0, 0
    heap = (idle["memory.heap_in_use"] - stats["memory.heap_in_use"]) / (2 * MANY)
    print(f"{idle['proxy.channels']} idle channels: {heap / 1024:.1f} kB of heap and "
          f"{(held - before) / (2 * MANY):.1f} kB of resident memory each, "
          f"{idle['proxy.buffers_used']} plaintext buffers")
    assert idle["proxy.channels"] == 2 * MANY
    assert not idle["proxy.buffers_used"]
    while load.runs:
        found = rows(lab)
        if len(found) == MANY:      # some have ended when the last call is over
            assert all(r["in"] == r["out"] == 1 and not r["split"] for r in found.values())
            assert {r["server"] for r in found.values()} == set(NAMES)
            most, looks = max(most, resident(lab)[0]), looks + 1
        time.sleep(1)
    through, last = load.end(), lab.gate.stats()
    print("added: " + ", ".join(f"{name} {(through[name] - direct[name]) / 1000:+.2f} ms"
                                for name in FIGURES))
    print(f"{looks} looks at all of them, {last['rpc.pdus.ping'] - stats['rpc.pdus.ping']} pings; "
          f"{before} kB resident before, at most {most} kB; "
          f"{last['worker.stalls'] - stats['worker.stalls']} stalls")
    assert looks > SECONDS / 2
    assert through["p50"] - direct["p50"] < 5000 and through["max"] < 2_000_000
    assert not any(s.errors() for s in lab.servers.values())
