# SPDX-License-Identifier: BSD-3-Clause
"""The control socket itself, for tests that ask more often than a program can
be started; and what has to be as it was when all clients have gone."""
import json
import socket
import time

from .gate import ControlError
from .hosts import wait_until


class Control:
    """One connection: control("mailbox move", mailbox=..., server=...)."""

    def __init__(self, lab, seconds=60):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(seconds)
        self._socket.connect(lab.gate.socket)
        self._lines = self._socket.makefile("rb")

    def __call__(self, command, **arguments):
        line = json.dumps({"command": command, "args": arguments})
        self._socket.sendall(line.encode() + b"\n")
        while "progress" in (answer := json.loads(self._lines.readline())):
            pass
        if not answer.get("ok"):
            raise ControlError([command], 1, str(answer))
        return answer["data"]

    def stats(self, **filtered):
        return {row["name"]: row["value"] for row in self("stats", **filtered)}

    def close(self):
        self._lines.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# Nothing of these is left without clients; TIME-WAIT may be.
NOTHING = ("proxy.sessions", "proxy.handshakes_now", "proxy.buffers_used",
           "proxy.large_buffers_used", "proxy.admission", "tcp.conns", "tcp.syn_queue",
           "tcp.buffers")
# What was sent stays in a transmit ring until others follow it.
RING = 256


class Rest:
    """A lab without clients: what it holds then, and whether it holds no more
    than that again. `heap` is how many bytes more are let pass."""

    def __init__(self, lab, heap=4 << 20):
        self._lab, self._heap = lab, heap
        self._settle()
        self.before = self._lab.gate.stats()

    def _left(self, stats):
        found = {name: stats[name] for name in NOTHING if stats[name]}
        found |= {s["server"]: s["connections"] for s in self._lab.gate.ctl("server", "list")
                  if s["connections"]}
        return found

    def _settle(self, seconds=20):
        end = time.monotonic() + seconds
        while found := self._left(self._lab.gate.stats()):
            assert time.monotonic() < end, f"left over: {found}"
            time.sleep(0.1)

    def _more(self, name):
        return self._lab.gate.stats()[name] - self.before[name]

    def check(self):
        """Waits until all is as it was; what is more than it was."""
        self._settle()
        wait_until("the packet buffers are back",
                   lambda: self._more("memory.packets_in_use") <= RING, 10, 0.1)
        wait_until("the heap is what it was",
                   lambda: self._more("memory.heap_in_use") <= self._heap, 10, 0.1)
        return {name: self._more(f"memory.{name}") for name in ("packets_in_use", "heap_in_use")}
