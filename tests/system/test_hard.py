# SPDX-License-Identifier: BSD-3-Clause
"""The product's promises under strain, each with its figure: a stream goes on
without a stall whatever strangers do, and a channel of a gigabyte costs what
one of a kilobyte does. How fast anything is, is printed and never judged."""
import subprocess
import time

import pytest

from lab import pki
from lab.fixture import Lab
from lab.gate import VIP
from lab.hosts import wait_until
from lab.origin import pattern_sha256
from lab.strangers import Strangers
from lab.topology import ALICE, BOB, NAMESPACES, OLGA
from lab.wire import request

CALM = 2.0          # a stream without any strain, to compare with [s]
STALL = 0.050       # no gap may be longer [s], or
NOISE = 3           # so many times what this machine did without strain
HALF_OPEN = "10.10.0.66"


@pytest.fixture(scope="module")
def module_lab():
    """Its IPv4 listener has the most expensive certificate people use."""
    pki.KINDS["rsa4096"] = ["-newkey", "rsa:4096"]
    with_strong = Lab()
    gate = with_strong.gate
    strong = gate.authority.issue("strong", NAMESPACES, "rsa4096")
    gate.config["certificates"].append({"name": "strong", "chain": str(strong.chain),
                                        "key": str(strong.key)})
    for listener in gate.config["listeners"]:
        if listener["name"] == "https-v4":
            listener["certificates"] = ["strong"]
    with with_strong as lab:
        lab.strangers = Strangers(lab, VIP[4])
        yield lab


@pytest.fixture
def lab(own_lab):
    return own_lab


@pytest.fixture(params=["length", "chunked"])
def framing(request):
    return request.param


class Stream:
    """1 kB every 2 ms through casgate, its gaps looked at from outside."""

    def __init__(self, lab, framing):
        _, target = lab.origin.path("get", n=1 << 30, piece=1024, ms=2, framing=framing)
        self._reader = lab.strangers.start("stream", nice=-5,
                                           request=request("GET", target, OLGA).decode())
        assert self._reader.line()["status"] == 200
        self.began = time.monotonic() + 0.2     # its own slow start is over
        time.sleep(CALM)
        self.calm = time.monotonic()

    def end(self):
        """Everything that was read is what was sent."""
        self.found = self._reader.end()
        self.ended = time.monotonic()
        assert self.found["sha256"] == pattern_sha256(self.found["bytes"])
        assert self.found["ended"] == "open"

    def longest(self, began, ended):
        return max((b - a for a, b in self.found["gaps"] if b > began and a < ended), default=0.0)

    def judge(self, what, began, ended):
        """The figure, and whether it is one of a stall."""
        calm, strain = self.longest(self.began, self.calm), self.longest(began, ended)
        print(f"\n{what}: longest gap {strain * 1e3:.1f} ms in {ended - began:.1f} s, "
              f"{calm * 1e3:.1f} ms in calm, {self.found['bytes'] >> 10} kB")
        assert strain <= max(STALL, NOISE * calm)


def test_handshakes(lab, framing):
    """200 new clients in one moment, an RSA-4096 signature for each."""
    stream = Stream(lab, framing)
    before = lab.gate.stats()
    found = lab.strangers.start("handshakes", n=200).wait()
    after = lab.gate.stats()
    stream.end()
    assert found["done"] == 200, found["errors"]
    made = {name: after[name] - before[name]
            for name in ("proxy.handshakes", "proxy.handshakes_resumed")}
    assert made == {"proxy.handshakes": 200, "proxy.handshakes_resumed": 0}
    took = found["ended"] - found["began"]
    stream.judge(f"200 RSA-4096 handshakes in {took:.2f} s", found["began"], found["ended"])


@pytest.fixture
def nobody(lab):
    """An address that is answered for by ARP and then says nothing: what its
    kernel would say (RST) finds no route."""
    host = lab.hosts.ns("client")
    lab.hosts.address("client", HALF_OPEN)
    subprocess.run(["ip", "-n", host, "rule", "add", "from", HALF_OPEN, "blackhole"], check=True)
    yield HALF_OPEN
    subprocess.run(["ip", "-n", host, "rule", "del", "from", HALF_OPEN, "blackhole"], check=True)
    subprocess.run(["ip", "-n", host, "addr", "del", f"{HALF_OPEN}/24", "dev", "eth0"], check=True)


def test_half_open(lab, nobody):
    """10,000 SYNs in two seconds, and as many SYN-ACKs again and again; a new
    client gets in between them."""
    stream = Stream(lab, "chunked")
    before = lab.gate.stats()
    crowd = lab.strangers.start("half_open", source=nobody, n=10_000, rate=5_000)
    time.sleep(1)
    asked = time.monotonic()
    assert lab.ask(ALICE, "ews")[0] == 200
    took = time.monotonic() - asked
    found = crowd.wait()
    waiting = lab.gate.stats()["tcp.syn_queue"]
    wait_until("no half-open connection is left",
               lambda: lab.gate.stats()["tcp.syn_queue"] == 0, 20, 0.2)
    stream.end()
    after = lab.gate.stats()
    refused = after["tcp.verdict.drop_backlog"] - before["tcp.verdict.drop_backlog"]
    print(f"\n{waiting} half-open at most, {refused} gave way, a client served in {took:.2f} s")
    assert refused > 1000 and after["tcp.reset_in"] == before["tcp.reset_in"]
    stream.judge("10,000 half-open handshakes", found["began"], stream.ended)


def test_slowloris(lab):
    """200 clients whose heads come by a byte a second: others do not wait."""
    stream = Stream(lab, "chunked")
    crowd = lab.strangers.start("slowloris", n=200)
    began, ready = time.monotonic(), crowd.line()["ready"]
    wait_until("all of them are here", lambda: lab.gate.stats()["proxy.sessions"] >= 201)
    held = lab.gate.stats()["proxy.buffers_used"]
    asked = time.monotonic()
    assert lab.ask(BOB, "ews")[0] == 200
    took = time.monotonic() - asked
    time.sleep(3)
    found = crowd.end()
    stream.end()
    assert found["done"] == 200 and found["bytes"] > 400, found
    print(f"\n200 slow heads hold {held} buffers, a client served in {took:.2f} s")
    stream.judge(f"slowloris, ready after {ready - began:.2f} s", began, found["ended"])


def test_reloads(lab):
    """The certificate is read again and again, from the same files."""
    stream = Stream(lab, "length")
    began, took = time.monotonic(), []
    generation = lab.gate.ctl("status")["generation"]
    for _ in range(20):
        asked = time.monotonic()
        lab.gate.ctl("config", "reload")
        took.append(time.monotonic() - asked)
        time.sleep(0.05)
    ended = time.monotonic()
    stream.end()
    assert lab.gate.ctl("status")["generation"] == generation + 20
    stream.judge(f"20 reloads of {sum(took) / 20 * 1e3:.0f} ms each", began, ended)


@pytest.mark.parametrize("end", ["client", "gate"])
def test_link_flap(lab, end):
    """A cable is pulled for a second: TCP repairs it, nothing is lost."""
    device = {"client": "eth0", "gate": "front0"}[end]
    stream = Stream(lab, "length")
    began = time.monotonic()
    for state in ("down", "up"):
        lab.hosts.run(end, "ip", "link", "set", device, state)
        time.sleep(1)
    time.sleep(1.5)
    stream.end()
    gap = stream.longest(began, stream.ended)
    print(f"\n{end}'s {device} down for 1 s: longest gap {gap * 1e3:.0f} ms, "
          f"{stream.found['bytes'] >> 10} kB, "
          f"{lab.gate.stats()['tcp.timeouts']} retransmission time-outs so far")
    assert 0.8 < gap < 3.5
    stream.judge("what comes behind it", began + 1 + gap, stream.ended)
    assert lab.ask(ALICE, "ews")[0] == 200
