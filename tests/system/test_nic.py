# SPDX-License-Identifier: BSD-3-Clause
"""Driver profiles, for real: nic-echo upon a kernel interface, and the kernel's
own ping and TCP at the other end of the wire."""
import contextlib
import ctypes
import os
import pathlib
import random
import re
import selectors
import shutil
import signal
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CASGATE_BUILD", ROOT / "build"))
ECHO = BUILD / "tests" / "nic-echo"
PROFILES = ROOT / "drivers-config"
GATE, PEER = "cgnic-gate", "cgnic-peer"  # network namespaces
OURS = {socket.AF_INET: "10.99.0.2", socket.AF_INET6: "fd99::2"}
MB = 1 << 20
libc = ctypes.CDLL(None, use_errno=True)


def sh(command, check=True):
    done = subprocess.run(command, shell=True, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and done.returncode:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}")
    return done.stdout


@contextlib.contextmanager
def inside(namespace):
    """Sockets made here live in that network namespace for good."""
    with open("/proc/thread-self/ns/net", "rb") as home, \
            open(f"/run/netns/{namespace}", "rb") as there:
        assert libc.setns(there.fileno(), 0) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), 0) == 0


class Echo:
    """A running nic-echo."""

    def __init__(self, profile, device, workers, *options):
        cpus = os.cpu_count()
        lcores = ",".join(f"{i}@{(i - 1) % cpus if i else 0}" for i in range(workers + 1))
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", GATE, ECHO, *options, PROFILES / f"{profile}.yaml", device,
             str(workers), lcores, "10.99.0.2/24", "fd99::2/64"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = []
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("ready"):
                break

    @property
    def ready(self):
        return bool(self.said) and self.said[-1] == "ready"

    def tell_to_end(self):
        self.process.send_signal(signal.SIGTERM)

    def end(self):
        """Stop it; returns (workers, port, leaked), counters by name."""
        time.sleep(0.3)  # the last acknowledgements arrive
        self.tell_to_end()
        out, _ = self.process.communicate(timeout=60)
        print("\n".join(self.said) + "\n" + out)
        assert self.process.returncode == 0, out
        rows = [dict(re.findall(r"(\w+)=(\d+)", line)) for line in out.splitlines()]
        rows = [{k: int(v) for k, v in row.items()} for row in rows]
        return ([r for r in rows if "worker" in r], next(r for r in rows if "rx_bytes" in r),
                next(r["leaked"] for r in rows if "leaked" in r))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            shutil.rmtree(f"/run/dpdk/nic-echo-{self.process.pid}", ignore_errors=True)


def namespaces_gone():
    for name in (GATE, PEER):
        sh(f"ip netns del {name}", check=False)


@pytest.fixture
def namespaces():
    namespaces_gone()
    sh(f"ip netns add {GATE}; ip netns add {PEER}; ip -n {GATE} link set lo up")
    yield
    namespaces_gone()


def plug_veth(queues=1, mtu=1500):
    """gate0 for the driver, peer0 for the kernel."""
    sh(f"ip -n {GATE} link add gate0 mtu {mtu} numrxqueues {queues} numtxqueues {queues} type veth "
       f"peer name peer0 mtu {mtu} numrxqueues {queues} numtxqueues {queues} netns {PEER}")
    sh(f"ip netns exec {GATE} sysctl -qw net.ipv6.conf.gate0.disable_ipv6=1")
    sh(f"ip -n {GATE} link set gate0 up")
    # The driver sees what a wire would not carry: sums that hardware fills in.
    sh(f"ip netns exec {PEER} ethtool -K peer0 tx off")
    address_peer("peer0")


def address_peer(device):
    sh(f"ip -n {PEER} addr add 10.99.0.1/24 dev {device}")
    sh(f"ip -n {PEER} addr add fd99::1/64 dev {device} nodad")
    sh(f"ip -n {PEER} link set {device} up")


def start(profile, workers, queues=1, *options):
    """nic-echo on `profile`, its wire plugged into the peer's namespace."""
    if profile == "tap":
        echo = Echo("tap", "gate0", workers, *options)
        assert echo.ready, echo.said
        # 1,000 packets, the default, is less than a few open windows.
        sh(f"ip -n {GATE} link set gate0 txqueuelen 8192 netns {PEER}")
        address_peer("gate0")
    else:
        plug_veth(queues)
        echo = Echo(profile, "gate0", workers, *options)
        assert echo.ready, echo.said
    return echo


def ping(target, count=5, *options):
    """Lost pings of `count`."""
    out = sh(f"ip netns exec {PEER} ping -n -c {count} -i 0.05 -W 2 {' '.join(options)} {target}",
             check=False)
    found = re.search(r"(\d+) received", out)
    return count - int(found[1]) if found else out


def tcp_echo(family, conns, size, seed=7):
    """Send `size` bytes on each of `conns` connections and expect them back.
    Returns seconds."""
    data = random.Random(seed).randbytes(size)
    sel = selectors.DefaultSelector()
    began = time.monotonic()
    state = {}
    with inside(PEER):
        for _ in range(conns):
            s = socket.socket(family, socket.SOCK_STREAM)
            s.settimeout(10)
            s.connect((OURS[family], 7))
            s.setblocking(False)
            state[s] = [0, 0]
            sel.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE)
    view = memoryview(data)
    while state:
        events = sel.select(timeout=15)
        assert events, f"stuck at {list(state.values())} of {size}"
        for key, mask in events:
            s = key.fileobj
            at = state[s]
            if mask & selectors.EVENT_WRITE:
                at[0] += s.send(view[at[0]:at[0] + 65536])
                if at[0] == size:
                    s.shutdown(socket.SHUT_WR)
                    sel.modify(s, selectors.EVENT_READ)
            if mask & selectors.EVENT_READ:
                got = s.recv(65536)
                assert got == data[at[1]:at[1] + len(got)], f"other bytes behind {at[1]}"
                at[1] += len(got)
                if not got:
                    assert at[1] == size, f"closed at {at[1]} of {size}"
                    sel.unregister(s)
                    s.close()
                    del state[s]
    return time.monotonic() - began


def exercise(profile, workers, queues=1, *options):
    """Everything a port must do; returns the counters it ended with."""
    echo = start(profile, workers, queues, *options)
    try:
        for family, target in OURS.items():
            assert ping(target) == 0
            assert ping(target, 3, "-s 1452 -M do") == 0, "a full packet"
            seconds = tcp_echo(family, 8, MB)
            print(f"{profile} workers={workers} {target}: {8 * MB / seconds / 1e6:.0f} MB/s")
        tcp_echo(socket.AF_INET, 100, 2000)  # short ones
        rows, port, leaked = echo.end()
    finally:
        echo.kill()
    # The AF_XDP driver of DPDK 22.11 does not empty its fill ring when closed.
    driver_keeps = 4096 * queues if profile == "af_xdp" else 0
    assert leaked <= driver_keeps, "packets that nobody gave back"
    assert sum(r["bytes"] for r in rows) == 16 * MB + 200000
    assert sum(r["conns"] for r in rows) == 116
    assert all(r["open"] == 0 for r in rows)
    # A core that others use, too, may be late for a full ring: TCP repairs it.
    assert sum(r["handover_drops"] + r["tx_drops"] for r in rows) < 16 * MB // 1448 // 100
    assert sum(r.get("ip_drop_checksum", 0) for r in rows) == 0
    assert port["tx_errors"] == 0
    return rows, port


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("profile", ["af_xdp", "af_packet", "tap"])
def test_profile(namespaces, profile, workers):
    rows, _ = exercise(profile, workers)
    assert all(r["conns"] > 5 for r in rows), "flows are spread"
    handed = sum(r["handed_over"] for r in rows)
    assert handed == sum(r["taken_over"] for r in rows)
    # AF_XDP has one queue here: the others live on what they are given. The
    # kernel spreads the queues of AF_PACKET and TAP by a hash of its own; TAP
    # learns where answers come from.
    if workers == 1:
        assert handed == 0
    else:
        assert handed > {"af_xdp": 1000, "af_packet": 1000, "tap": 10}[profile]


def test_two_queues(namespaces):
    rows, _ = exercise("af_packet", 2, 2)
    assert all(r["rx_packets"] > 0 for r in rows), "both queues are polled"


def test_without_hugepages(namespaces):
    rows, _ = exercise("af_xdp", 2, 1, "--no-huge")
    assert len(rows) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_queues_nobody_serves_are_refused(namespaces, workers):
    """And the command that is named helps."""
    plug_veth(2)
    echo = Echo("af_xdp", "gate0", workers)
    assert not echo.ready
    echo.process.wait()
    said = "\n".join(echo.said)
    assert "port lan: interface 'gate0' has 2 receive queues and only 1 can be served" in said
    command = re.search(r"run `(.*?)`", said)[1]
    sh(f"ip netns exec {GATE} {command}; ip netns exec {PEER} ethtool -L peer0 tx 1")
    echo = Echo("af_xdp", "gate0", workers)
    try:
        assert echo.ready, echo.said
        assert ping("10.99.0.2") == 0
    finally:
        echo.kill()


def test_unknown_interface_is_named(namespaces):
    echo = Echo("af_packet", "gate7", 1)
    assert not echo.ready
    assert "there is no interface 'gate7'" in "\n".join(echo.said)


def test_jumbo(namespaces):
    plug_veth(mtu=3400)
    echo = Echo("af_xdp", "gate0", 1, "--mtu", "3400")
    try:
        assert echo.ready, echo.said
        assert ping("10.99.0.2", 3, "-s 3372 -M do") == 0
        tcp_echo(socket.AF_INET, 2, MB)
        rows, port, leaked = echo.end()
    finally:
        echo.kill()
    assert leaked <= 4096
    assert port["rx_bytes"] / port["rx"] > 1500, "large segments were used"


def test_killed_leaves_nothing_behind(namespaces):
    """SIGKILL, and the next start finds hugepages and the interface free."""
    free = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
    before = free.read_text()
    plug_veth()
    for _ in range(2):
        echo = Echo("af_xdp", "gate0", 1)
        assert echo.ready, echo.said
        assert ping("10.99.0.2") == 0
        echo.kill()
        # The kernel releases what the XDP socket had pinned a little later.
        for _ in range(50):
            if free.read_text() == before:
                break
            time.sleep(0.1)
        assert free.read_text() == before


def test_carrier_is_seen(namespaces):
    echo = start("af_xdp", 1)
    try:
        sh(f"ip -n {PEER} link set peer0 down")
        time.sleep(0.3)
        sh(f"ip -n {PEER} link set peer0 up")
        time.sleep(0.3)
        _, port, _ = echo.end()
    finally:
        echo.kill()
    assert port["link_changes"] == 2


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("mode, most", [("--saving", 0.3), ("--spin", 9)])
def test_idle_worker(namespaces, mode, most):
    """Share of a core that idleness takes; a spinning worker takes all."""
    echo = start("af_packet", 1, 1, mode)
    try:
        time.sleep(1)
        began, used = time.monotonic(), cpu_seconds(echo.process.pid)
        time.sleep(2)
        share = (cpu_seconds(echo.process.pid) - used) / (time.monotonic() - began)
        # And it wakes up again.
        assert ping("10.99.0.2", 20) == 0
        rows, _, _ = echo.end()
    finally:
        echo.kill()
    print(f"{mode}: {share:.2f} of a core")
    assert share < most
    if mode == "--saving":
        assert rows[0]["sleeps"] > 500
    else:
        assert share > 0.2 and rows[0]["sleeps"] == 0
