# SPDX-License-Identifier: BSD-3-Clause
"""Drivers of real network cards, on the cards that QEMU emulates: Debian's kernel
boots with this machine's root read-only, binds the card with bind.sh, and serves
TCP echo on it to this machine's kernel at the other end of a TAP.

Function only: software emulation runs at a few percent of the machine's speed."""
import os
import pathlib
import shutil
import socket
import subprocess

import pytest

import test_nic
from test_nic import BUILD, PEER, ROOT, sh

HERE = ROOT / "tests" / "support" / "qemu"
IMAGE = pathlib.Path(os.environ.get("CASGATE_QEMU", BUILD / "qemu"))
IOMMU = ["-device", "intel-iommu,intremap=on,caching-mode=on"]
PACKAGES = {"qemu-system-x86_64": "qemu-system-x86", "cpio": "cpio", "depmod": "kmod",
            "/bin/busybox": "busybox-static"}


@pytest.fixture(scope="module")
def image():
    missing = [p for tool, p in PACKAGES.items() if not shutil.which(tool)]
    if missing:
        pytest.skip("not installed: " + " ".join(missing))
    if not (IMAGE / "initrd.gz").exists():
        made = subprocess.run([HERE / "make.sh", IMAGE], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if made.returncode:
            pytest.skip("no Debian kernel to boot: " + made.stdout[-300:])
    return IMAGE


class Guest(test_nic.Echo):
    """nic-echo in a guest; says the same and ends the same way."""

    def __init__(self, image, card, profile, driver, workers):
        queues = workers if "mq=on" in card else 1
        sh(f"ip netns add {PEER}")
        sh(f"ip netns exec {PEER} ip tuntap add tap0 mode tap "
           + ("multi_queue" if queues > 1 else ""))
        sh(f"ip -n {PEER} link set tap0 txqueuelen 8192")
        test_nic.address_peer("tap0")
        arguments = (f"driver={driver} profile={profile} workers={workers} tree={ROOT} "
                     f"echo={test_nic.ECHO.resolve()}")
        nic = ["-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no,vhost=off"
               + (f",queues={queues}" if queues > 1 else ""), "-device", card]
        iommu = IOMMU if driver == "vfio-pci" else []
        if iommu:
            arguments += " intel_iommu=on"
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", PEER, HERE / "run.sh", image, HERE / "guest-echo.sh",
             arguments, *iommu, *nic],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = []
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith(("ready", "guest rc")):
                break

    def tell_to_end(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@pytest.fixture(autouse=True)
def namespace():
    sh(f"ip netns del {PEER}", check=False)
    yield
    sh(f"ip netns del {PEER}", check=False)


#  QEMU's card, profile, driver to bind, workers, what RSS must turn out to be
CARDS = [
    ("virtio-net-pci,netdev=n0", "virtio", "uio_pci_generic", 1, 0),
    ("virtio-net-pci,netdev=n0,mq=on,vectors=6", "virtio", "uio_pci_generic", 2, 0),
    ("virtio-net-pci,netdev=n0,mq=on,vectors=6,rss=on,hash=on,disable-legacy=on,"
     "iommu_platform=on", "virtio", "vfio-pci", 2, 2),
    ("vmxnet3,netdev=n0", "vmxnet3", "vfio-pci", 1, 0),
    ("e1000e,netdev=n0", "e1000", "vfio-pci", 1, 0),
    ("e1000e,netdev=n0", "e1000", "uio_pci_generic", 2, 0),
]


@pytest.mark.parametrize("card, profile, driver, workers, rss", CARDS,
                         ids=[f"{c.split(',')[0]}-{d}-{w}" for c, _, d, w, _ in CARDS])
def test_card(image, card, profile, driver, workers, rss):
    guest = Guest(image, card, profile, driver, workers)
    try:
        assert guest.ready, "\n".join(guest.said)
        queues = workers if "mq=on" in card else 1
        assert any(f"queues={queues} " in line for line in guest.said)
        for family, target in test_nic.OURS.items():
            assert test_nic.ping(target) == 0
            assert test_nic.ping(target, 3, "-s 1452 -M do") == 0
            test_nic.tcp_echo(family, 4, 300000)
        test_nic.tcp_echo(socket.AF_INET, 60, 1000)
        rows, port, leaked = guest.end()
    finally:
        guest.kill()
    assert sum(r["bytes"] for r in rows) == 8 * 300000 + 60000
    assert leaked == 0
    assert port["tx_errors"] == 0
    assert port["rss"] == rss
    assert all(r["conns"] > 5 for r in rows)
    if rss == 2:
        # What is left to hand over: neighbour frames, and what is no TCP.
        assert sum(r["handed_over"] for r in rows) < 30
    elif workers == 2:
        assert sum(r["handed_over"] for r in rows) > 30
