# SPDX-License-Identifier: BSD-3-Clause
"""Large bodies arrive whole: both directions, both address families, any number
of workers, any MTU. CASGATE_FULL=1 for 200 MiB each instead of 8."""
import hashlib
import os
import subprocess

import pytest

from lab import topology
from lab.fixture import Lab
from lab.origin import pattern, pattern_sha256

SIZE = (200 if os.environ.get("CASGATE_FULL") else 8) << 20
PARALLEL = 4    # transfers at a time, so that every worker has one

# workers, driver, MTU. A veth takes XDP programs up to an MTU of about 3,500;
# DPDK 22.11's AF_PACKET and TAP take no jumbo frames; its libpcap driver does,
# given a profile of the site's own.
SETUPS = [(1, "af_xdp", 1500), (2, "af_xdp", 1500), (4, "af_xdp", 1500),
          (1, "af_xdp", 1400), (2, "af_xdp", 3400),
          (2, "af_packet", 1500), (1, "tap", 1500), (1, "pcap", 9000)]
PCAP = """\
name: pcap
bus: vdev
driver: net_pcap
devargs: "rx_iface_in={interface},tx_iface={interface}"
rx-desc: 512
tx-desc: 512
max-queues: 1
max-mtu: 9000
multi-seg: true
promiscuous: true
"""



@pytest.fixture(scope="module", params=SETUPS, ids=lambda s: f"{s[0]}w-{s[1]}-{s[2]}")
def transfer_lab(request):
    workers, driver, mtu = request.param
    lab = Lab(workers=workers, driver=driver, mtu=mtu)
    if driver == "pcap":
        lab.gate.profiles = lab.hosts.dir
        (lab.hosts.dir / "pcap.yaml").write_text(PCAP)
    with lab:
        with open(lab.files / "big.bin", "wb") as big:
            for piece in pattern(SIZE // PARALLEL):
                big.write(piece)
        yield lab
        assert lab.gate.alive, lab.gate.log()


def at_once(lab, commands, family):
    """Run curl commands at the same time; what each printed."""
    running = [subprocess.Popen([str(w) for w in lab.hosts.command(
        "client", *lab.curl_words("--fail", *words, family=family, seconds=120))],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE) for words in commands]
    ended = [process.communicate() for process in running]
    for process, (_, error) in zip(running, ended):
        assert process.returncode == 0, error.decode()
    return [out for out, _ in ended]


@pytest.mark.parametrize("family", [4, 6])
def test_upload(transfer_lab, family):
    lab = transfer_lab
    asked = [lab.origin.path("echo") for _ in range(PARALLEL)]
    at_once(lab, [["-u", f"{topology.OLGA.smtp}:x", "-T", lab.files / "big.bin",
                   *(["-H", "Transfer-Encoding: chunked"] if i % 2 else []),
                   f"https://{topology.NAMESPACE}{target}"]
                  for i, (_, target) in enumerate(asked)], family)
    for i, (number, _) in enumerate(asked):
        seen = lab.origin.find(number)
        assert seen.chunked == bool(i % 2)
        assert (seen.bytes, seen.sha256) == (SIZE // PARALLEL, pattern_sha256(SIZE // PARALLEL))


@pytest.mark.parametrize("family", [4, 6])
def test_download(transfer_lab, family):
    lab, wanted = transfer_lab, pattern_sha256(SIZE // PARALLEL)
    targets = [(topology.OLGA, lab.origin.path("get", n=SIZE // PARALLEL, framing=framing,
                                               then="notify" if framing == "close" else "keep")[1])
               for framing in ("length", "chunked", "close")]
    targets.append((topology.ALICE, "/OAB/files/big.bin"))
    got = at_once(lab, [["-u", f"{who.smtp}:x", f"https://{topology.NAMESPACE}{target}"]
                        for who, target in targets], family)
    for body in got:
        assert hashlib.sha256(body).hexdigest() == wanted


def test_ping(transfer_lab):
    """The appliance answers echo requests up to the MTU, on both families."""
    lab = transfer_lab
    for family, vip, overhead in ((4, "10.10.0.10", 28), (6, "fd00:10::10", 48)):
        for size in (0, 56, 1000, lab.hosts.mtu - overhead):
            done = lab.hosts.run("client", "ping", f"-{family}", "-c", 2, "-i", 0.01, "-W", 2,
                                 "-s", size, vip, check=False)
            assert done.returncode == 0, f"{size} bytes over IPv{family}\n{done.stdout}"


def test_path_with_a_smaller_mtu(transfer_lab):
    """A router on the client's way that takes less: Packet Too Big is heard."""
    lab = transfer_lab
    lab.hosts.run("client", "ip", "link", "set", "eth0", "mtu", "1280")
    try:
        for family in (4, 6):
            body, = at_once(lab, [["-u", f"{topology.ALICE.smtp}:x",
                                   f"https://{topology.NAMESPACE}/OAB/files/big.bin"]], family)
            assert hashlib.sha256(body).hexdigest() == pattern_sha256(SIZE // PARALLEL)
    finally:
        lab.hosts.run("client", "ip", "link", "set", "eth0", "mtu", str(lab.hosts.mtu))
