# SPDX-License-Identifier: BSD-3-Clause
"""A back end of RPC over HTTP: rpcproxy.dll and the RPC server behind it.

It runs in the test's own process, a thread a connection. A virtual connection
is known to this server alone: if a proxy takes its two channels to two
servers, neither sends CONN/C2, and both tell so in `virtual`.

What is wrong is asked for in the target's query, where the RPC server's name
stands: /rpc/rpcproxy.dll?stall.c2:6001

    refuse.HEX      503 RPC Error: HEX, instead of anything else
    midway.HEX      the same line as bytes of the channel, behind CONN/A3
    stall.head      OUT: no answer at all
    stall.a3        OUT: the answer's head, but no CONN/A3
    stall.c2        OUT: no CONN/C2
    cut.a3          OUT: the connection ends behind CONN/A3
    nak.N           every bind is refused for reason N
    fault.HEX       every request fails with that status

Operations, on any interface but MGMT: 0 echoes its stub; 1 answers as many
bytes as its first u32 says; 2 answers how many bytes came; 3 waits as many ms
as its first u32 says, then echoes; 4 is denied. 5 takes its stub, 6 gives as many
bytes as its first u32 says, and both add them up: 5 answers the SHA-256 of all that
this virtual connection has taken so far, 7 that of all it was given. Users are not
verified unless `users` says so; of NTLM only the form is (it is connection-bound,
as Windows has it). But who calls himself "guess" on RPC level is denied every call,
as after a wrong password: auth3 itself has no answer.

It is a program, too: python3 -m lab.rpcserver --help
"""
import argparse
import base64
import dataclasses
import hashlib
import itertools
import random
import select
import socket
import ssl
import struct
import threading
import time
import urllib.parse

from . import rpcpdu as rpc
from .pki import Pair
from .wire import Ended, Stream, tell_cuts

SUCCESS = "HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\nContent-Length: {}\r\n\r\n"
OUT_LEFT = 10240            # of an OUT channel's lifetime when it is recycled,
OUT_SPARE = 4096            # and so much of it is for RTS PDUs alone
BLOCK = random.Random(16).randbytes(1 << 20)
_serial = itertools.count(1)


@dataclasses.dataclass
class Seen:
    """One request as it arrived."""
    connection: int
    method: str
    target: str
    headers: list               # (name, value), as they came
    length: int                 # announced
    user: str = None            # as authenticated; None: 401
    kind: str = ""              # auth, echo, in, out, in recycled, out recycled, odd
    bytes: int = 0              # of its body so far
    ended: str = ""             # how an IN body or an OUT connection ended

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]


@dataclasses.dataclass
class Channel:
    """One direction of a virtual connection, as long as its request lives."""
    cookie: bytes
    stream: Stream
    seen: Seen
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    over: bool = False          # nothing is sent any more
    sent: int = 0               # OUT: bytes of the answer's body
    moved: int = 0              # bytes of RPC PDUs
    acked: int = 0              # IN: of them, by us
    limit: int = 0              # OUT: `moved` may grow up to here
    replaced: bool = False      # OUT: the client was asked to


@dataclasses.dataclass
class Virtual:
    """One virtual connection as it was."""
    cookie: bytes
    inward: Channel = None
    outward: Channel = None
    next_in: Channel = None     # that takes over when the old one says so
    group: bytes = b""
    paired: bool = False        # CONN/C2 has been sent
    ended: bool = False
    users: list = dataclasses.field(default_factory=list)   # of all its channels
    pdus: list = dataclasses.field(default_factory=list)    # names, as they came
    binds: list = dataclasses.field(default_factory=list)   # (type, level, UUID)
    calls: list = dataclasses.field(default_factory=list)   # (opnum, bytes of stub)
    acks: list = dataclasses.field(default_factory=list)    # (received, window)
    bytes_in: int = 0           # of RPC PDUs, all channels
    bytes_out: int = 0
    recycled_in: int = 0
    recycled_out: int = 0
    waited: int = 0             # times that the client's window was full
    interface: object = None    # UUID of the last bind
    speaker: str = ""           # of the last auth3, DOMAIN\\user
    stub: list = dataclasses.field(default_factory=list)    # of a request in fragments
    taken: object = dataclasses.field(default_factory=hashlib.sha256)
    given: object = dataclasses.field(default_factory=hashlib.sha256)
    queue: list = dataclasses.field(default_factory=list)   # RPC PDUs to send
    turn: object = dataclasses.field(default_factory=threading.Condition)   # of who sends them

    def wake(self):
        with self.turn:
            self.turn.notify()


class RpcServer:
    """`listener`: a listening socket; `pair`: chain and key of pki.Authority, or
    None for plain HTTP. `schemes`: the offers of a 401, in their order, or None
    when a web server in front says who it is, in X-Remote-User."""

    def __init__(self, listener, pair=None, name="CAS", schemes=("NTLM", 'Basic realm="rpc"'),
                 users=None, window=65536, timeout=900_000, lifetime=rpc.ENDLESS, ping=None):
        self.name, self.schemes, self.users = name, schemes, users
        self.window, self.timeout, self.lifetime, self.ping = window, timeout, lifetime, ping
        self.requests, self.connections, self.virtual, self.errors = [], 0, {}, []
        self._changed = threading.Condition()
        self._context = None
        if pair:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(pair.chain, pair.key)
            tell_cuts(self._context)
        self._listener, self.address = listener, listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        # shutdown wakes the accepting thread, close alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    # --- what tests ask -------------------------------------------------------

    def wait(self, what, test, seconds=8):
        """test()'s value, once it is true."""
        with self._changed:
            assert self._changed.wait_for(test, seconds), f"{self.name}: {what}"
            return test()

    def only(self):
        """The one virtual connection there is."""
        assert len(self.virtual) == 1, list(self.virtual)
        return next(iter(self.virtual.values()))

    def recycle(self, vc):
        """Ask the client for another OUT channel, MS-RPCH 3.2.4.4.1."""
        vc.outward.replaced = True
        self._send(vc, rpc.rts(rpc.RECYCLE, ("D", rpc.CLIENT)))

    def cut(self, vc, channel="outward", how="fin"):
        """End one channel's connection: fin, close_notify or reset."""
        stream = getattr(vc, channel).stream
        if how != "reset":
            getattr(stream, how)()
            return
        # Its thread waits upon it; woken, it closes the socket, which resets.
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.shutdown(stream.socket, socket.SHUT_RD)

    def _note(self, thing, **changes):
        with self._changed:
            for name, value in changes.items():
                setattr(thing, name, value)
            self._changed.notify_all()

    # --- connections and requests -----------------------------------------------

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(sock,), daemon=True).start()

    def _connection(self, sock):
        sock.settimeout(300)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections += 1
        number, bound = next(_serial), {}
        try:
            if self._context:
                sock = self._context.wrap_socket(sock, server_side=True,
                                                 suppress_ragged_eofs=False)
            stream = Stream(sock)
            while self._request(stream, number, bound):
                pass
        except (OSError, Ended):
            pass
        except Exception as error:  # noqa: BLE001 (a test must see it)
            self.errors.append(f"{type(error).__name__}: {error}")
        finally:
            sock.close()

    def _request(self, stream, number, bound):
        """Serve one request; false when it was the last of its connection."""
        lines = stream.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        method, target, version = lines[0].split(" ")
        headers = [(n, v.strip()) for n, _, v in (l.partition(":") for l in lines[1:])]
        seen = Seen(number, method, target, headers, 0)
        seen.length = int((seen.all("Content-Length") or ["0"])[0])
        if method == "GET" and target == "/rpc/healthcheck.htm":
            stream.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n200 OK")
            return True
        seen.kind = self._kind(seen)
        act, _, value = urllib.parse.urlsplit(target).query.split(":")[0].partition(".")
        # rpcproxy answers an echo by itself, whatever is behind it.
        act = "" if seen.kind == "echo" else act
        with self._changed:
            self.requests.append(seen)
        small = seen.length <= 120
        offers = self._authenticate(seen, bound)
        if "100-continue" in seen.all("Expect") and version == "HTTP/1.1" and not offers:
            stream.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if offers or seen.kind in ("auth", "odd") or act == "refuse":
            if small:
                seen.bytes = len(stream.exactly(seen.length) or b"")
            self._answer(stream, seen, offers, value if act == "refuse" else None, small)
            return small and act != "refuse"
        if seen.kind == "echo":
            seen.bytes = len(stream.exactly(seen.length))
            stream.socket.sendall(SUCCESS.format(20).encode() + rpc.rts(rpc.ECHO))
            return True
        serve = self._serve_in if seen.kind == "in" else self._serve_out
        serve(stream, seen, act, value)
        return False

    @staticmethod
    def _kind(seen):
        if seen.method not in ("RPC_IN_DATA", "RPC_OUT_DATA"):
            return "odd"
        if seen.length <= 16:
            # Nothing to answer but the question who asks, or an empty echo.
            token = (seen.all("Authorization") or [""])[0].partition(" ")[2]
            try:
                leg = rpc.ntlm_type(base64.b64decode(token)) == 1
            except ValueError:
                leg = False
            return "auth" if leg and not seen.length else "echo"
        if seen.method == "RPC_IN_DATA":
            return "in" if seen.length >= 131072 else "odd"
        return {76: "out", 120: "out recycled"}.get(seen.length, "odd")

    def _authenticate(self, seen, bound):
        """Find seen.user; or the offers of a 401."""
        if self.schemes is None:
            self._note(seen, user=(seen.all("X-Remote-User") or [None])[0])
            return None
        scheme, _, token = (seen.all("Authorization") or [""])[0].partition(" ")
        offers = list(self.schemes)
        offered = {o.split(" ")[0].lower() for o in offers}
        if scheme.lower() == "basic" and "basic" in offered:
            user, _, password = base64.b64decode(token).decode().partition(":")
            if self.users is None or self.users.get(user) == password:
                self._note(seen, user=user)
                return None
        if scheme.lower() == "ntlm" and "ntlm" in offered:
            message = base64.b64decode(token)
            if rpc.ntlm_type(message) == 1:
                bound["challenged"] = True
                return ["NTLM " + base64.b64encode(rpc.ntlm_challenge(self.name)).decode()]
            if rpc.ntlm_type(message) == 3 and bound.pop("challenged", False):
                bound["user"] = rpc.ntlm_user(message)
        if not scheme or scheme.lower() == "ntlm":
            self._note(seen, user=bound.get("user"))
        return None if seen.user else offers

    @staticmethod
    def _answer(stream, seen, offers, error, keep):
        """401, 503, or 400 for what no client of RPC over HTTP would send."""
        head = b"HTTP/1.1 401 Unauthorized\r\n" if offers else b"HTTP/1.1 400 Bad Request\r\n"
        if error and not offers:
            stream.socket.sendall(f"HTTP/1.0 503 RPC Error: {error}, EEInfo: AAECAw==\r\n\r\n"
                                  "RPC EEInfo:AAECAw==".encode())
            stream.close_notify()
            stream.rest()
            return
        for offer in offers or []:
            head += f"WWW-Authenticate: {offer}\r\n".encode()
        head += b"Content-Length: 0\r\n" + (b"" if keep else b"Connection: close\r\n") + b"\r\n"
        stream.socket.sendall(head)
        if not keep:
            stream.close_notify()
            stream.rest()   # a reset would overtake the answer

    # --- channels ------------------------------------------------------------------

    @staticmethod
    def _read(channel):
        found = rpc.read(channel.stream)
        if found:
            channel.seen.bytes += len(found.raw)
        return found

    def _open(self, channel, side, *names):
        """Read the first PDU; find or make the virtual connection it names."""
        first = self._read(channel)
        assert first and first.name in names, f"{names} expected, not {first}"
        cookies = first.all("C")
        channel.cookie = cookies[-1]
        with self._changed:
            vc = self.virtual.get(cookies[0])
            if not vc and len(cookies) == 2:
                vc = self.virtual[cookies[0]] = Virtual(cookies[0])
            assert vc, f"{first.name} of an unknown virtual connection"
            if len(cookies) == 2:
                assert getattr(vc, side) is None, f"{first.name} a second time"
                setattr(vc, side, channel)
            vc.users.append(channel.seen.user)
            vc.pdus.append(first.name)
            self._changed.notify_all()
        return vc, first

    def _serve_out(self, stream, seen, act, value):
        channel = Channel(b"", stream, seen)
        vc, first = self._open(channel, "outward", "CONN/A1", "OUT_R/A3")
        channel.limit = first.get("W")
        if first.name == "OUT_R/A3":
            self._replace_out(vc, channel)
        elif (act, value) != ("stall", "head"):
            with channel.lock:
                stream.socket.sendall(SUCCESS.format(self.lifetime).encode())
                if (act, value) != ("stall", "a3"):
                    self._put(channel, rpc.rts(0, ("T", self.timeout)))
                if act == "midway":
                    self._put(channel, f"HTTP/1.0 503 RPC Error: {value}\r\n\r\n".encode())
                if (act, value) == ("cut", "a3"):
                    stream.fin()
                channel.over = act in ("midway", "cut")
            if act != "stall":
                self._pair(vc)
        self._linger(vc, channel)

    def _pair(self, vc):
        """CONN/C2, once both channels are here."""
        with self._changed:
            if vc.paired or not vc.inward or not vc.outward:
                return
            vc.paired = True
            self._changed.notify_all()
        self._send(vc, rpc.rts(0, rpc.V, ("W", self.window), ("T", self.timeout)))
        threading.Thread(target=self._write, args=(vc,), daemon=True).start()

    def _replace_out(self, vc, channel):
        """OUT_R2: A6 on the old channel, B3 once the client has moved."""
        old = vc.outward
        self._send(vc, rpc.rts(0, ("D", rpc.CLIENT), rpc.N))
        ready = self._read(channel)
        if not ready:
            raise Ended(channel.stream.ended)   # the client gave up
        assert ready.name == "OUT_R2/C1", ready
        self.wait("OUT_R2/A7", lambda: vc.pdus.count("OUT_R2/A7") > vc.recycled_out)
        with old.lock:
            # Old Windows sends a few bytes more behind B3.
            self._put(old, rpc.rts(rpc.EOF, rpc.N) + b"\0\0\0")
            old.over = True
            old.stream.close_notify()
            channel.stream.socket.sendall(SUCCESS.format(self.lifetime).encode())
            self._note(vc, outward=channel, recycled_out=vc.recycled_out + 1)
        vc.wake()

    def _linger(self, vc, channel):
        """An OUT channel from its body to its end: nothing comes but that."""
        sock = channel.stream.socket
        try:
            waiting = select.poll()     # select() ends at 1024 descriptors
            waiting.register(sock, select.POLLIN)
            while not waiting.poll(self.ping and self.ping * 1000):
                with channel.lock:
                    if not channel.over:
                        self._put(channel, rpc.rts(rpc.PING))
            with channel.lock:
                junk = channel.stream.some(1)
            if junk:
                self.errors.append(f"bytes on OUT behind the request: {junk!r}")
        finally:
            self._end(vc, channel, "outward")

    def _serve_in(self, stream, seen, act, value):
        channel = Channel(b"", stream, seen)
        vc, first = self._open(channel, "inward", "CONN/B1", "IN_R/A1")
        if first.name == "IN_R/A1":
            seen.kind, vc.next_in = "in recycled", channel
            self._send(vc, rpc.rts(0, ("D", rpc.CLIENT)))
            # The old channel is read to its end before the new one is.
            self.wait("IN_R/A5", lambda: vc.inward is channel)
        else:
            vc.group = first.get("G")
            if act != "stall":
                self._pair(vc)
        try:
            while found := self._read(channel):
                self._take(vc, channel, found, act, value)
        finally:
            self._end(vc, channel, "inward")

    def _end(self, vc, channel, side):
        """One channel ends: so do both, unless it was replaced (3.2.3.5.10)."""
        other = vc.outward if side == "inward" else vc.inward
        with self._changed:
            channel.over = True
            channel.seen.ended = channel.stream.ended
            gone = getattr(vc, side) is channel and not vc.ended
            vc.ended = vc.ended or gone
            self._changed.notify_all()
        vc.wake()
        if gone and other and side == "inward":
            with other.lock:
                other.over = True
                other.stream.close_notify()
        elif gone and other:
            other.stream.fin()      # its thread is inside TLS

    # --- what comes in -----------------------------------------------------------------

    def _take(self, vc, channel, found, act, value):
        """One PDU of an IN channel."""
        with self._changed:
            vc.pdus.append(found.name)
            if found.name == "FlowControlAckWithDestination":
                received, window = struct.unpack_from("<II", found.get("F"))
                vc.acks.append((received, window))
                if found.get("F")[8:] == vc.outward.cookie:
                    vc.outward.limit = received + window
            elif found.name == "IN_R/A5":
                assert vc.next_in and vc.next_in.cookie == found.get("C"), "not the successor"
                vc.inward, vc.next_in, vc.recycled_in = vc.next_in, None, vc.recycled_in + 1
            self._changed.notify_all()
        if found.ptype == rpc.RTS:
            vc.wake()
            return
        channel.moved += len(found.raw)
        vc.bytes_in += len(found.raw)
        if channel.moved - channel.acked > self.window // 2:
            channel.acked = channel.moved
            self._send(vc, rpc.ack(channel.moved, self.window, channel.cookie, rpc.CLIENT))
        self._reply(vc, self._answer_to(vc, found, act, value))

    def _answer_to(self, vc, found, act, value):
        """The RPC PDUs that answer one."""
        if found.ptype in (rpc.BIND, rpc.ALTER):
            n, _, vc.interface, _, _ = rpc.contexts_of(found)
            kind, level, token = found.auth or (0, 0, b"")
            with self._changed:
                vc.binds.append((kind, level, vc.interface))
                self._changed.notify_all()
            if act == "nak":
                return [rpc.bind_nak(found.call, int(value))]
            auth = (kind, level, rpc.ntlm_challenge(self.name)) if token else None
            ptype = rpc.BIND_ACK if found.ptype == rpc.BIND else rpc.ALTER_ACK
            return [rpc.bind_ack(found.call, n, auth, ptype)]
        if found.ptype == rpc.AUTH3:
            vc.speaker = rpc.ntlm_user(found.auth[2])
        if found.ptype != rpc.REQUEST:
            return []
        _, opnum, stub = rpc.call_of(found)
        vc.stub.append(stub)
        if not found.flags & rpc.LAST:
            return []
        stub, vc.stub = b"".join(vc.stub), []
        with self._changed:
            vc.calls.append((opnum, len(stub)))
            self._changed.notify_all()
        if opnum == 4 or vc.speaker.endswith("\\guess"):
            return [rpc.fault(found.call, rpc.ACCESS_DENIED)]
        answer = self._operate(vc, opnum, stub)
        if act == "fault" or answer is None:
            return [rpc.fault(found.call, int(value, 16) if act == "fault" else rpc.UNKNOWN_CALL)]
        return rpc.fragments(rpc.RESPONSE, answer, found.call)

    @staticmethod
    def _operate(vc, opnum, stub):
        """The answer's stub, or None for an unknown operation."""
        if vc.interface == rpc.MGMT[0]:
            return _interfaces() if opnum == 0 else None
        if opnum == 1:
            return bytes(struct.unpack_from("<I", stub)[0])
        if opnum == 2:
            return struct.pack("<I", len(stub))
        if opnum == 3:
            time.sleep(struct.unpack_from("<I", stub)[0] / 1000)
        if opnum == 5:
            vc.taken.update(stub)
            return vc.taken.digest()
        if opnum == 6:
            stub = BLOCK[:struct.unpack_from("<I", stub)[0] - 8] + len(vc.calls).to_bytes(8, "big")
            vc.given.update(stub)
            return stub
        if opnum == 7:
            return vc.given.digest()
        return stub if opnum in (0, 3, 10) else None

    # --- what goes out -------------------------------------------------------------------

    @staticmethod
    def _put(channel, data):
        """Into an OUT channel, whose lock is held."""
        channel.stream.socket.sendall(data)
        channel.sent += len(data)

    def _send(self, vc, data, counted=0):
        """On whatever is the OUT channel when it is free."""
        while channel := vc.outward:
            with channel.lock:
                if vc.outward is not channel:
                    continue
                if not channel.over:
                    self._put(channel, data)
                    channel.moved += counted
                    vc.bytes_out += counted
                return

    def _reply(self, vc, pdus):
        with vc.turn:
            vc.queue.extend(pdus)
            vc.turn.notify()

    def _write(self, vc):
        """RPC PDUs, as the client's window has room for them, and the channel."""
        def room():
            out = vc.outward
            return vc.ended or (vc.queue and out.moved + len(vc.queue[0]) <= out.limit
                                and out.sent + len(vc.queue[0]) + OUT_SPARE <= self.lifetime)
        try:
            while True:
                with vc.turn:
                    if vc.queue and not room():
                        vc.waited += 1
                    vc.turn.wait_for(room)
                    if vc.ended:
                        return
                    data = vc.queue.pop(0)
                self._send(vc, data, len(data))
                if vc.outward.sent + OUT_LEFT > self.lifetime and not vc.outward.replaced:
                    self.recycle(vc)
        except OSError:
            pass    # its channel's thread sees that, too


def _interfaces():
    """inq_if_ids of MGMT: EMSMDB and NSPI, in NDR."""
    found = [rpc.EMSMDB, rpc.NSPI]
    return struct.pack("<III", 0x20000, len(found), len(found)) \
        + b"".join(struct.pack("<I", 0x20004 + 4 * i) for i in range(len(found))) \
        + b"".join(rpc.syntax(i) for i in found) + struct.pack("<I", 0)


def main():
    """One server in a process of its own, until it is killed."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.rpcserver")
    parser.add_argument("address", help="IP address; the port is 443")
    parser.add_argument("chain")
    parser.add_argument("key")
    parser.add_argument("--name", default="CAS")
    parser.add_argument("--lifetime", type=int, default=rpc.ENDLESS,
                        help="bytes that an OUT channel announces")
    parser.add_argument("--ping", type=float, help="seconds between pings on OUT")
    options = parser.parse_args()
    listener = socket.create_server((options.address, 443), backlog=4096)
    server = RpcServer(listener, Pair(options.chain, options.key), options.name,
                       lifetime=options.lifetime, ping=options.ping)
    told = 0
    while True:     # whatever went wrong is in the log
        time.sleep(0.2)
        for error in server.errors[told:]:
            print("error:", error, flush=True)
            told += 1


if __name__ == "__main__":
    main()
