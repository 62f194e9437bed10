# SPDX-License-Identifier: BSD-3-Clause
"""The product's promises under strain, each with its figure: a stream goes on
without a stall whatever strangers do, and a channel of a gigabyte costs what
one of a kilobyte does. How fast anything is, is printed and never judged."""
import contextlib
import os
import pathlib
import subprocess
import threading
import time

import pytest

from lab import pki
from lab.control import Control, Rest
from lab.fixture import Lab
from lab.gate import VIP
from lab.hosts import wait_until
from lab.origin import pattern_sha256
from lab.strangers import Strangers
from lab.topology import ALICE, BOB, NAMESPACES, OLGA
from lab.wire import RESET, request

CALM = 2.0          # a stream without any strain, to compare with [s]
STALL = 0.050       # no gap may be longer [s], or
NOISE = 3           # so many times what this machine did without strain
HALF_OPEN = "10.10.0.66"
GIB = 1 << 30
UPLOAD = GIB if os.environ.get("CASGATE_FULL") else 64 << 20
# What four connections may hold: a send and a receive buffer of 256 kB in
# packets of 1,448 bytes each, twice (tcp_tx.c), and what transmit rings keep.
PACKETS = 4 * 2 * 2 * (256 << 10) // 1448 + 2 * 2048


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
        assert lab.ask(ALICE, "ews")[0] == lab.ask(BOB, "ews")[0] == 200
        with its_own_core(lab.gate.process.pid):
            yield lab


@contextlib.contextmanager
def its_own_core(casgate):
    """The appliance's cores are its own. Here it shares them with its clients
    and with whoever else is on this machine, so its worker goes first; and so
    does this process, which is the back end."""
    workers = [task for task in os.listdir(f"/proc/{casgate}/task") if "worker" in
               pathlib.Path(f"/proc/{casgate}/task/{task}/comm").read_text()]
    assert workers
    for task in workers:
        os.setpriority(os.PRIO_PROCESS, int(task), Strangers.MEASURE)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    set_own_priority(Strangers.MEASURE)
    yield
    set_own_priority(before)


def set_own_priority(nice):
    for task in os.listdir("/proc/self/task"):
        os.setpriority(os.PRIO_PROCESS, int(task), nice)


@pytest.fixture(scope="module")
def rest(module_lab):
    """The lab at rest, before the first test."""
    return Rest(module_lab)


@pytest.fixture
def lab(own_lab, rest):
    """After each test everything is as it was before the first."""
    yield own_lab
    own_lab.strangers.dismiss()
    own_lab.origin.seen.clear()
    more = rest.check()
    print(f"\nat rest: {more['packets_in_use']:+} packet buffers, "
          f"{more['heap_in_use']:+} bytes of heap")


class Stream:
    """1 kB every 2 ms through casgate, its gaps looked at from outside."""

    def __init__(self, lab, framing):
        _, target = lab.origin.path("get", n=1 << 30, piece=1024, ms=2, framing=framing)
        self._machine = lab.strangers.start("machine", Strangers.MEASURE)
        self._reader = lab.strangers.start("stream", Strangers.MEASURE,
                                           request=request("GET", target, OLGA).decode())
        assert self._reader.line()["status"] == 200
        self.began = time.monotonic() + 0.2     # its own slow start is over
        time.sleep(CALM)
        self.calm = time.monotonic()

    def end(self):
        """Everything that was read is what was sent."""
        self.found = self._reader.end()
        self.ended = time.monotonic()
        self.pauses = self._machine.end()["pauses"]
        assert self.found["sha256"] == pattern_sha256(self.found["bytes"])
        assert self.found["ended"] == "open"

    def _of_the_machine(self, began, ended):
        """How much of that time a CPU was given to nobody."""
        total, at = 0.0, began
        for a, b in self.pauses:
            total += max(0.0, min(b, ended) - max(a, at))
            at = max(at, min(b, ended))
        return total

    def longest(self, began, ended):
        """The longest gap, less what the machine did; and the machine's worst."""
        gaps = [(a, b) for a, b in self.found["gaps"] if b > began and a < ended]
        return (max((b - a - self._of_the_machine(a, b) for a, b in gaps), default=0.0),
                max((self._of_the_machine(a, b) for a, b in gaps), default=0.0))

    def judge(self, what, began, ended):
        """The figure, and whether it is one of a stall."""
        calm, _ = self.longest(self.began, self.calm)
        strain, machine = self.longest(began, ended)
        print(f"\n{what}: longest gap {strain * 1e3:.1f} ms in {ended - began:.1f} s "
              f"(and {machine * 1e3:.0f} ms of the machine's), {calm * 1e3:.1f} ms in calm, "
              f"{self.found['bytes'] >> 10} kB")
        assert strain <= max(STALL, NOISE * calm)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_handshakes(lab, framing):
    """200 new clients in one moment, an RSA-4096 signature for each."""
    stream = Stream(lab, framing)
    before = lab.gate.stats()
    found = lab.strangers.start("handshakes", n=200).wait()
    assert found["done"] == 200, found["errors"]

    def made():
        after = lab.gate.stats()
        return [after[name] - before[name]
                for name in ("proxy.handshakes", "proxy.handshakes_resumed")]
    # A client of TLS 1.3 is through before its last word has arrived.
    wait_until("all have arrived", lambda: made() == [200, 0])
    stream.end()
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
    time.sleep(1.5)     # the first repetitions
    after = lab.gate.stats()
    stream.end()
    refused = after["tcp.verdict.drop_backlog"] - before["tcp.verdict.drop_backlog"]
    print(f"\n{after['tcp.syn_queue']} half-open, {refused} gave way, a client was served in "
          f"{took:.2f} s")
    assert 0.9 * found["done"] < after["tcp.syn_queue"] + refused <= found["done"] + 1
    assert after["tcp.reset_in"] - before["tcp.reset_in"] < 100, "the address is not silent"
    stream.judge("10,000 half-open handshakes", found["began"], stream.ended)


def test_slowloris(lab):
    """200 clients whose heads come by a byte a second: others do not wait."""
    stream = Stream(lab, "chunked")
    crowd = lab.strangers.start("slowloris", n=200)
    began, ready = time.monotonic(), crowd.line()["ready"]
    wait_until("all of them are here", lambda: lab.gate.stats()["proxy.buffers_used"] >= 200)
    asked = time.monotonic()
    assert lab.ask(BOB, "ews")[0] == 200
    took = time.monotonic() - asked
    time.sleep(3)
    found = crowd.end()
    stream.end()
    assert found["done"] == 200 and found["bytes"] > 400, found
    print(f"\na client was served in {took:.2f} s beside 200 slow heads")
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
    gap, _ = stream.longest(began, stream.ended)
    print(f"\n{end}'s {device} down for 1 s: longest gap {gap * 1e3:.0f} ms, "
          f"{stream.found['bytes'] >> 10} kB, "
          f"{lab.gate.stats()['tcp.timeouts']} retransmission time-outs so far")
    assert 0.5 < gap < 3.5
    stream.judge("what comes behind it", began + 1 + gap, stream.ended)
    assert lab.ask(ALICE, "ews")[0] == 200


# --- one channel of a gigabyte --------------------------------------------------------

class Sampler(threading.Thread):
    """The most that was held while something went on, in both halves of it."""

    NAMES = ("memory.packets_in_use", "memory.heap_in_use", "proxy.buffers_used",
             "proxy.large_buffers_used", "tcp.buffers")

    def __init__(self, lab):
        super().__init__(daemon=True)
        self._control, self._ended, self.samples = Control(lab), threading.Event(), []
        self.start()

    def run(self):
        while not self._ended.wait(0.05):
            stats = self._control.stats()
            self.samples.append([stats[name] for name in self.NAMES])

    def end(self):
        self._ended.set()
        self.join()
        self._control.close()
        half = len(self.samples) // 2
        assert half > 5, "too few samples to say anything"
        return [dict(zip(self.NAMES, map(max, zip(*part)))) for part in
                (self.samples[:half], self.samples[half:])]


def test_rpc_channel_of_a_gigabyte(lab, rest):
    """Announced, and streamed while the answer flows the other way, beside its
    RPC_OUT_DATA twin: nothing grows, and no byte waits for the next."""
    vdir = "/rpc/rpcproxy.dll"
    _, target = lab.origin.path("get", vdir=vdir, n=GIB, piece=1024, ms=2)
    twin = lab.strangers.start("stream", Strangers.MEASURE,
                               request=request("RPC_OUT_DATA", target, OLGA, body=b"o" * 76).decode())
    assert twin.line()["status"] == 200
    number, target = lab.origin.path("duplex", vdir=vdir)
    up = lab.strangers.start("duplex", 0, n=UPLOAD, request=request(
        "RPC_IN_DATA", target, OLGA, headers=f"Content-Length: {GIB}\r\n").decode())
    assert up.line()["status"] == 200
    sampler = Sampler(lab)
    seen = lab.origin.find(number, ended=False)
    found = up.line()
    first, second = sampler.end()
    up.end()
    down = twin.end()
    assert found["same"] and found["received"] == UPLOAD
    assert down["sha256"] == pattern_sha256(down["bytes"])
    assert lab.origin.find(number).ended == ("complete" if UPLOAD == GIB else RESET)
    assert (seen.bytes, seen.sha256) == (UPLOAD, found["sha256"])
    print(f"\n{UPLOAD >> 20} MiB up and down in {found['seconds']:.1f} s, the first byte in "
          f"{found['first'] * 1e3:.1f} ms there and back")
    for name in Sampler.NAMES:
        print(f"  {name}: {rest.before[name]} at rest, at most {first[name]}, then {second[name]}")
    assert found["first"] < 1
    for most in first, second:
        assert most["memory.packets_in_use"] - rest.before["memory.packets_in_use"] <= PACKETS
        assert most["proxy.buffers_used"] <= 4 and not most["proxy.large_buffers_used"]
        assert most["memory.heap_in_use"] - rest.before["memory.heap_in_use"] < 1 << 20
