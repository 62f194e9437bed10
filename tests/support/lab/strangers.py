#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Clients that are programs of their own: what is measured must not wait for
the test's interpreter, and a crowd must not be slowed down by it.

    strangers.py ACT '{"vip": ..., "ca": ..., ...}'

runs ACT until it is done or its standard input ends, and prints what it found
as one line of JSON. Run it in the client's namespace; Strangers does that.
Times are CLOCK_MONOTONIC's, which all processes of a machine share.
"""
import hashlib
import json
import os
import pathlib
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab.topology import NAMESPACE  # noqa: E402  (needs the path above)
from lab.wire import Ended, Wire, tls_context  # noqa: E402


class Strangers:
    """Starts them, and reads what they found."""

    def __init__(self, lab, vip):
        self._lab = lab
        self._common = {"vip": vip, "ca": str(lab.gate.authority.cert)}

    def start(self, act, nice=10, **what):
        """Crowds run at a low priority: on the real thing they would not be
        on the appliance's cores at all."""
        words = self._lab.hosts.command("client", "nice", "-n", nice, "/usr/bin/python3", __file__,
                                        act, json.dumps({**self._common, **what}))
        return Stranger(words)


class Stranger:
    def __init__(self, words):
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True)

    def line(self):
        """The next thing it says, or None at its end."""
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def end(self):
        """It is told to end; the last thing it says."""
        out, _ = self._process.communicate()
        assert self._process.returncode == 0, self._process.returncode
        return json.loads(out.splitlines()[-1])

    def wait(self):
        """Its end is waited for; the last thing it says."""
        out = self._process.stdout.read()
        self._process.stdin.close()
        assert self._process.wait() == 0, self._process.returncode
        return json.loads(out.splitlines()[-1])


# --- in the stranger's own process ---------------------------------------------

def say(**facts):
    print(json.dumps(facts), flush=True)


def told_to_end(seconds=0.0):
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def connect(what, context=None, seconds=60):
    return Wire((what["vip"], 443), context or tls_context(what["ca"]), NAMESPACE, seconds=seconds)


def crowd(n, act):
    """act(i) in n threads; how many raised nothing, and what the others did."""
    done, errors = [], []

    def one(i):
        try:
            act(i)
            done.append(i)
        except (OSError, Ended) as error:
            errors.append(repr(error))
    threads = [threading.Thread(target=one, args=(i,), daemon=True) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done), errors


def pieces_of(wire, chunked, most=65536):
    """The body's bytes, as they come."""
    while True:
        if chunked:
            size = int(wire.until(b"\r\n"), 16)
            piece = size and wire.exactly(size + 2)
            piece = piece[:-2] if piece else b""
        else:
            piece = wire.some(most)
        if not piece:
            return
        yield piece


def act_stream(what):
    """Read an answer as it trickles; tells every gap of `least` seconds."""
    wire = connect(what)
    wire.send(what["request"].encode())
    head = wire.head()
    chunked = head.get("Transfer-Encoding") is not None
    digest, total, gaps, last = hashlib.sha256(), 0, [], time.monotonic()
    say(status=head.status)
    for piece in pieces_of(wire, chunked):
        now = time.monotonic()
        if now - last >= what.get("least", 0.005):
            gaps.append((last, now))
        last = now
        digest.update(piece)
        total += len(piece)
        if told_to_end():
            break
    say(bytes=total, sha256=digest.hexdigest(), gaps=gaps, ended=wire.ended)
    wire.close()


def act_handshakes(what):
    """n new clients in one moment, each with a full handshake."""
    context = tls_context(what["ca"])
    began = time.monotonic()
    done, errors = crowd(what["n"], lambda _: connect(what, context).close())
    say(began=began, ended=time.monotonic(), done=done, errors=errors[:3])


def act_slowloris(what):
    """n clients that send a byte of their heads a second, until told to end."""
    context = tls_context(what["ca"])
    end = threading.Event()
    sent, began = [], time.monotonic()

    def one(_):
        wire = connect(what, context)
        wire.send(f"GET /owa/ HTTP/1.1\r\nHost: {NAMESPACE}\r\nX: ".encode())
        sent.append(0)
        time.sleep(random.random())
        while not end.wait(1.0):
            wire.send(b"a")
            sent.append(1)
        wire.close()

    def watch():
        while len(sent) < what["n"] and time.monotonic() < began + 30:
            time.sleep(0.01)
        say(ready=time.monotonic())
        told_to_end(None)
        end.set()
    threading.Thread(target=watch, daemon=True).start()
    done, errors = crowd(what["n"], one)
    say(began=began, ended=time.monotonic(), done=done, errors=errors[:3], bytes=sum(sent))


def act_readers(what):
    """n clients that ask for much and read nothing, until told to end."""
    context = tls_context(what["ca"])
    wires = []

    def one(_):
        wire = connect(what, context)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wires.append(wire)
        wire.send(what["request"].encode())
    done, errors = crowd(what["n"], one)
    say(done=done, errors=errors[:3])
    told_to_end(None)
    for wire in wires:
        wire.reset()
    say(ended=time.monotonic())


def act_half_open(what):
    """n SYNs from one address, and nothing behind them. Its own kernel's
    resets have to be kept from leaving by someone else."""
    source, target = (socket.inet_aton(what[k]) for k in ("source", "vip"))
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    packets = [syn(source, target, 1024 + i, 443) for i in range(what["n"])]
    began = time.monotonic()
    for i, packet in enumerate(packets):
        raw.sendto(packet, (what["vip"], 0))
        ahead = i / what["rate"] - (time.monotonic() - began)
        if ahead > 0.002:
            time.sleep(ahead)
    say(began=began, ended=time.monotonic(), done=len(packets))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def syn(source, target, port, to):
    """An IPv4 packet (RFC 791) with a SYN that offers an MSS (RFC 9293 3.1)."""
    options = struct.pack("!BBH", 2, 4, 1460)

    def header(total):
        return struct.pack("!HHIIBBHHH", port, to, random.getrandbits(32), 0, 6 << 4, 2, 64240,
                           total, 0) + options
    tcp = header(0)
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    # The number is random, so the sum goes into this very header.
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0,
                     source, target)
    return ip + tcp     # the kernel fills the IP header's sum in


ACTS = {"stream": act_stream, "handshakes": act_handshakes, "slowloris": act_slowloris,
        "readers": act_readers, "half_open": act_half_open}

if __name__ == "__main__":
    threading.stack_size(256 * 1024)
    ACTS[sys.argv[1]](json.loads(sys.argv[2]))
    # Threads that still wait for casgate are nobody's concern any more.
    os._exit(0)
