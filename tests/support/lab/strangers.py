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
import ssl
import struct
import subprocess
import sys
import threading
import time

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab.topology import NAMESPACE, Mailbox  # noqa: E402  (needs the path above)
from lab.wire import Ended, Wire, tls_context  # noqa: E402


class Strangers:
    """Starts them. A crowd is meek: on the real thing it would not be on the
    appliance's cores at all. What measures is not."""

    CROWD, MEASURE = 10, -15    # nice

    def __init__(self, lab, vip):
        self._lab = lab
        self._common = {"vip": vip, "ca": str(lab.gate.authority.cert)}
        self._started = []

    def start(self, act, nice=CROWD, **what):
        what = json.dumps({**self._common, "nice": nice, **what})
        stranger = Stranger(self._lab.hosts.command("client", "/usr/bin/python3", __file__, act,
                                                    what))
        self._started.append(stranger)
        return stranger

    def dismiss(self):
        """Those of a test that failed do not stay for the next."""
        for stranger in self._started:
            stranger.kill()
        self._started.clear()


class Stranger:
    def __init__(self, words):
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True)

    def line(self):
        """The next thing it says, or None at its end."""
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def kill(self):
        self._process.kill()
        self._process.wait()

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
    """None waits for it."""
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


def act_machine(what):
    """When a CPU ran nobody, not even one who asks for so little and with such
    priority: the hypervisor's doing, or the kernel's. Told to end, it tells
    the pauses of `least` seconds."""
    pauses, end = [], threading.Event()

    def watch(cpu):
        os.sched_setaffinity(0, {cpu})  # of this thread
        last = time.monotonic()
        while not end.is_set():
            time.sleep(0.002)
            now = time.monotonic()
            if now - last >= what.get("least", 0.005):
                pauses.append((last, now))
            last = now
    threads = [threading.Thread(target=watch, args=(cpu,)) for cpu in os.sched_getaffinity(0)]
    for thread in threads:
        thread.start()
    told_to_end(None)
    end.set()
    say(pauses=sorted(pauses))


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


class Duplex:
    """Sends a body and reads chunks at the same time, on one TLS connection
    and one thread, as OpenSSL wants it."""

    def __init__(self, wire):
        self._wire, self._socket = wire, wire.socket
        self._socket.settimeout(0)
        self._in, self._left = b"", 0   # unparsed; of the chunk at hand, CRLF too
        self.sent, self.back = hashlib.sha256(), hashlib.sha256()
        self.received = 0

    def _take(self):
        """Chunk data out of what has arrived."""
        while self._in:
            if not self._left:
                line, mark, rest = self._in.partition(b"\r\n")
                if not mark:
                    return
                self._in, self._left = rest, int(line, 16) + 2
            piece, self._in = self._in[:self._left], self._in[self._left:]
            self._left -= len(piece)
            # The CRLF may have come with it, in part or not at all.
            data = piece[:max(0, len(piece) - max(0, 2 - self._left))]
            self.back.update(data)
            self.received += len(data)

    def _read(self):
        try:
            while piece := self._socket.recv(65536):
                self._in += piece
                self._take()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass

    def run(self, pieces, until):
        """Send the pieces; go on until `until` bytes have come back."""
        piece, ready = next(pieces, None), [self._socket]
        while piece or self.received < until:
            if not any(select.select(ready, ready if piece else [], [], 30)):
                raise OSError("nothing happens any more")
            self._read()
            try:
                while piece:
                    self._socket.send(piece)
                    self.sent.update(piece)
                    piece = next(pieces, None)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass


def act_duplex(what):
    """A body of n bytes up, what comes of it down; the time of its first byte
    there and back."""
    wire = connect(what)
    wire.send(what["request"].encode())
    say(status=wire.head().status)
    both = Duplex(wire)
    began = time.monotonic()
    both.run(iter([b"1"]), 1)
    first = time.monotonic() - began
    block, rest = random.Random(7).randbytes(16384), what["n"] - 1
    pieces = (block[:rest - i] for i in range(0, rest, len(block)))
    both.run(pieces, what["n"])
    say(first=first, seconds=time.monotonic() - began, received=both.received,
        same=both.sent.digest() == both.back.digest(), sha256=both.sent.hexdigest())
    told_to_end(None)
    wire.reset()
    say(ended=time.monotonic())


def act_askers(what):
    """Users who ask and ask, told to end: how often, what failed, and who was
    served elsewhere than at one of the servers that may serve him."""
    context, end = tls_context(what["ca"]), threading.Event()
    answers, failures, astray = {}, [], []

    def one(i):
        smtp, allowed = what["users"][i % len(what["users"])]
        wire, who = None, Mailbox(smtp.split("@")[0], "X Y", None, 0)
        while not end.is_set():
            try:
                wire = wire or connect(what, context, 10)
                answer = wire.ask("POST", "/EWS/Exchange.asmx", who, body="<x/>")
                server = json.loads(answer.body)["server"] if answer.status == 200 else ""
            except (OSError, Ended) as error:
                failures.append((smtp, repr(error)))
                wire = None
                continue
            answers.setdefault(smtp, {}).setdefault(server or answer.status, []).append(1)
            if server not in allowed:
                astray.append((smtp, server, answer.status))
    threading.Thread(target=lambda: (told_to_end(None), end.set()), daemon=True).start()
    crowd(what["n"], one)
    say(answers={user: {k: len(v) for k, v in by.items()} for user, by in answers.items()},
        failures=failures[:3], astray=astray[:3])


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


ACTS = {name[len("act_"):]: act for name, act in list(globals().items())
        if name.startswith("act_")}

if __name__ == "__main__":
    threading.stack_size(256 * 1024)
    asked = json.loads(sys.argv[2])
    os.setpriority(os.PRIO_PROCESS, 0, asked["nice"])
    ACTS[sys.argv[1]](asked)
    # Threads that still wait for casgate are nobody's concern any more.
    os._exit(0)
