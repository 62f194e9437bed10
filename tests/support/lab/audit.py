# SPDX-License-Identifier: BSD-3-Clause
"""Whom casgate calls: every SYN that leaves it, seen by the hosts around it, is
held against its configuration and against its own counters. The daemon's own
connections to domain controllers, by the kernel, are heard where they leave.

A lab has one from its beginning; whoever closes the lab hears by Stranger or
Disagreement what was wrong.
"""
import collections
import ctypes
import errno
import ipaddress
import os
import select
import socket
import struct
import threading

from .hosts import wait_until

ALL, OUTGOING = 3, 4        # ETH_P_ALL, PACKET_OUTGOING
SO_ATTACH_FILTER, SO_RCVBUFFORCE, SOL_PACKET, PACKET_STATISTICS = 26, 33, 263, 6

# SYNs without ACK, of both families: code, jump if true, if false.
FILTER = [
    (0x28, 0, 0, 12),           # EtherType
    (0x15, 0, 8, 0x0800),
    (0x30, 0, 0, 23),           # IPv4: protocol,
    (0x15, 0, 12, 6),
    (0x28, 0, 0, 20),           # no later fragment,
    (0x45, 10, 0, 0x1fff),
    (0xb1, 0, 0, 14),           # flags behind the header
    (0x50, 0, 0, 27),
    (0x54, 0, 0, 0x12),
    (0x15, 7, 6, 0x02),
    (0x15, 0, 5, 0x86dd),
    (0x30, 0, 0, 20),           # IPv6: next header, flags
    (0x15, 0, 3, 6),
    (0x30, 0, 0, 67),
    (0x54, 0, 0, 0x12),
    (0x15, 1, 0, 0x02),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 128),
]


TOTAL = collections.Counter()   # of all labs of this process


def summary():
    """What the labs of this process have seen, in a line."""
    return f"{sum(TOTAL.values())} connections seen that casgate began, to " \
        f"{len(TOTAL)} addresses: " + (", ".join(sorted(TOTAL)) or "-")


class Stranger(AssertionError):
    """casgate called somebody who is no server of its configuration."""


class Disagreement(AssertionError):
    """casgate counts other connections than those that were seen."""


def name_of(address, port):
    """As casgate writes it: 10.20.0.21:443, [fd00:20::23]:443."""
    address = str(ipaddress.ip_address(address))
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def capture(hosts, host, device="eth0", outgoing=False):
    """A socket that hears the SYNs which arrive there, or leave."""
    direction = [(0x20, 0, 0, 0xfffff004),
                 (0x15, *((0, 16) if outgoing else (16, 0)), OUTGOING)]
    program = b"".join(struct.pack("=HBBI", *line) for line in direction + FILTER)
    kept = ctypes.create_string_buffer(program, len(program))
    with hosts.inside(host):
        found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    found.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                     struct.pack("HL", len(direction) + len(FILTER), ctypes.addressof(kept)))
    found.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    found.bind((device, ALL))
    found.setblocking(False)
    return found


def flow_of(frame):
    """(destination and port, what tells one connection from another)."""
    v4 = frame[12:14] == b"\x08\0"
    at = 14 + (frame[14] & 15) * 4 if v4 else 54
    source, target = (frame[26:30], frame[30:34]) if v4 else (frame[22:38], frame[38:54])
    sport, dport, number = struct.unpack_from("!HHI", frame, at)
    return name_of(target, dport), (source, target, sport, dport, number)


class Auditor:
    """Since the lab's beginning `contacted` holds whom casgate called, `allowed`
    whom it could have called by all configurations it was given."""

    def __init__(self, hosts, total=TOTAL):
        self._hosts, self._total, self._management = hosts, total, None
        self.allowed, self.contacted = set(), set()
        self._flows = set()             # of the casgate that runs
        self._seen = collections.Counter()
        self._lost = False
        self._lock = threading.Lock()
        self._sockets = [capture(hosts, host) for host in ("client", "back")]
        self._end, self._close = os.pipe()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self):
        os.close(self._close)
        self._thread.join()
        os.close(self._end)
        for one in (*self._sockets, *filter(None, [self._management])):
            one.close()

    # --- what may be --------------------------------------------------------

    def allow(self, config):
        """The servers of a configuration that casgate is about to read."""
        for server in config["servers"]:
            addresses = server.get("address", [])
            for address in [addresses] if isinstance(addresses, str) else addresses:
                for word, usual in (("port", 443), ("pop-port", 995), ("imap-port", 993)):
                    self.allowed.add(name_of(address, server.get(word, usual)))
        for address in config.get("identity", {}).get("kdcs", []):
            self.allowed.add(name_of(address, 88))

    def begin(self):
        """Another casgate, whose counters begin at nothing."""
        if self._hosts.managed and not self._management:
            self._management = capture(self._hosts, "gate", "mgmt0", outgoing=True)
        with self._lock:
            self._drain()
            self._flows.clear()
            self._seen.clear()

    # --- what was -----------------------------------------------------------

    def _listen(self):
        waiting = select.poll()     # select() ends at 1024 descriptors
        for one in (*self._sockets, self._end):
            waiting.register(one, select.POLLIN)
        while self._end not in dict(waiting.poll()):
            with self._lock:
                self._drain()

    def _drain(self):
        for one in (*self._sockets, *filter(None, [self._management])):
            while True:
                try:
                    target, flow = flow_of(one.recv(256))
                except BlockingIOError:
                    break
                except OSError as error:
                    if error.errno == errno.ENETDOWN:   # told once
                        continue
                    raise
                if flow not in self._flows:
                    self._flows.add(flow)
                    self._seen[target] += one is not self._management
                    self._total[target] += 1
                    self.contacted.add(target)
            _, dropped = struct.unpack("II", one.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
            self._lost = self._lost or bool(dropped)

    def seen(self):
        """How many connections to whom, of the casgate that runs."""
        with self._lock:
            self._drain()
            return dict(self._seen)

    # --- the judgement --------------------------------------------------------

    def check(self):
        """Stranger, if there was one."""
        self.seen()
        strangers = self.contacted - self.allowed
        if strangers:
            raise Stranger(f"casgate called {', '.join(sorted(strangers))}")

    def compare(self, gate):
        """The running casgate's counters against what was seen."""
        self.check()
        # Seen first: what was seen had been counted.
        seen, counted = self.seen(), gate.dialed()
        strangers = set(counted) - self.allowed
        if strangers:
            raise Stranger(f"casgate says it called {', '.join(sorted(strangers))}")
        more = {a: (n, counted.get(a, 0)) for a, n in seen.items() if n > counted.get(a, 0)}
        if more:
            raise Disagreement(f"seen, but not counted (address, seen, counted): {more}")

        def fewer():
            now = self.seen()
            # Whom nobody answers ARP for is never sent anything.
            return {a: (now[a], n) for a, n in counted.items() if a in now and now[a] < n}
        try:
            if not self._lost:
                wait_until("SYNs of all connections", lambda: not fewer(), 2)
        except TimeoutError:
            raise Disagreement(
                f"counted, but not seen (address, seen, counted): {fewer()}") from None
