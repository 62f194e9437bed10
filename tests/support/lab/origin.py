# SPDX-License-Identifier: BSD-3-Clause
"""A back end that does what its clients ask for, above all what is wrong.

The request's query names the act: /EWS/x?act=get&n=1000&framing=chunked. It
runs in the test's own process, a thread a connection, so that a test can look
at what arrived: every request becomes a Seen, found by its `id=`.

    echo    read the body; answer with what was received, as JSON
    get     n bytes of a known pattern: framing length|chunked|close, in pieces
            of `piece` bytes with `ms` between, `announce` another length,
            trailer=1, and an end `then`
    early   answer `status` without reading the body, then read it
    duplex  send every piece of the body back at once
    silent  read, never answer
    raw     send the bytes in hex=..., without reading the body

`delay` is waited before the answer [ms]. `then` says how the connection goes
on: keep (default), notify (close_notify, FIN), fin (FIN alone), reset.
"""
import dataclasses
import hashlib
import itertools
import json
import random
import socket
import ssl
import threading
import time
import urllib.parse

from .hosts import wait_until
from .wire import OPEN, RESET, Ended, Stream, tell_cuts

MIB = 1 << 20
_block = random.Random(15).randbytes(MIB)
_serial = itertools.count(1)


def pattern(n):
    """n known bytes in pieces of at most 1 MiB, no two of them equal."""
    for i in range(0, n, MIB):
        piece = i.to_bytes(8, "big") + _block[8:]
        yield piece[:n - i]


def pattern_sha256(n):
    digest = hashlib.sha256()
    for piece in pattern(n):
        digest.update(piece)
    return digest.hexdigest()


@dataclasses.dataclass
class Seen:
    """One request as it arrived."""
    id: str
    connection: int
    method: str
    target: str
    headers: list               # (name, value), as they came
    arrived: float
    bytes: int = 0              # of content
    sha256: str = ""
    chunked: bool = False
    trailers: list = dataclasses.field(default_factory=list)
    ended: str = ""             # complete, close_notify, fin, reset, tls: ...

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]


@dataclasses.dataclass
class Connection:
    """One connection as it was."""
    number: int
    peer: str
    sni: str = None
    tls: str = ""
    resumed: bool = False
    requests: int = 0
    ended: str = ""             # by the other side; "" while it lives


class Origin:
    def __init__(self, hosts, address, pair, port=443):
        hosts.address("back", address)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pair.chain, pair.key)
        tell_cuts(self._context)
        self._context.sni_callback = self._remember_name
        self._names = {}
        self.seen, self.connections = [], []
        self._changed = threading.Condition()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with hosts.inside("back"):
            self._listener = socket.create_server((address, port), family=family, backlog=512)
        threading.Thread(target=self._accept, daemon=True).start()

    def _remember_name(self, sock, name, _):
        self._names[id(sock)] = name

    def close(self):
        # shutdown wakes the accepting thread, close alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    # --- what tests ask -------------------------------------------------------

    @staticmethod
    def path(act, vdir="/EWS/Exchange.asmx", **arguments):
        """A fresh id and the target that asks for an act."""
        number = f"r{next(_serial)}"
        query = urllib.parse.urlencode({"act": act, "id": number, **arguments})
        return number, f"{vdir}?{query}"

    def find(self, number, ended=True, seconds=8):
        """The request of that id, once it (and its body) has ended."""
        def found():
            return next((s for s in self.seen
                         if s.id == number and (s.ended or not ended)), None)
        with self._changed:
            assert self._changed.wait_for(found, seconds), \
                f"request {number} did not {'end' if ended else 'arrive'} at the back end"
            return found()

    def arrived(self, number):
        with self._changed:
            return any(s.id == number for s in self.seen)

    def ending(self, seen, seconds=8):
        """How the proxy ended the connection that brought this request."""
        connection = self.connection(seen)
        with self._changed:
            assert self._changed.wait_for(lambda: connection.ended, seconds), \
                "the connection to the back end stayed open"
        return connection.ended

    def wait_bytes(self, seen, n, seconds=8):
        """So much of the body has arrived."""
        wait_until(f"{n} bytes at the back end", lambda: seen.bytes >= n, seconds, 0.005)

    def connection(self, seen):
        return next(c for c in self.connections if c.number == seen.connection)

    def open_connections(self):
        return [c for c in self.connections if not c.ended]

    def _note(self, thing, **changes):
        with self._changed:
            for name, value in changes.items():
                setattr(thing, name, value)
            self._changed.notify_all()

    # --- serving ----------------------------------------------------------------

    def _accept(self):
        while True:
            try:
                sock, peer = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(sock, peer[0]), daemon=True).start()

    def _connection(self, sock, peer):
        sock.settimeout(300)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(next(_serial), peer)
        with self._changed:
            self.connections.append(connection)
        try:
            sock = self._context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
        except OSError as error:
            self._note(connection, ended=f"tls: {error}")
            sock.close()
            return
        self._note(connection, sni=self._names.pop(id(sock), None), tls=sock.version(),
                   resumed=sock.session_reused)
        stream = Stream(sock)
        try:
            while self._request(stream, connection):
                pass
            if stream.ended == OPEN:
                stream.rest()
        except (OSError, Ended):
            pass
        finally:
            self._note(connection, ended=stream.ended)
            stream.close()

    def _request(self, stream, connection):
        """Serve one request; false when it was the last."""
        lines = stream.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = [(n, v.strip()) for n, _, v in (l.partition(":") for l in lines[1:])]
        arguments = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
        seen = Seen(arguments.get("id", ""), connection.number, method, target, headers,
                    time.monotonic())
        with self._changed:
            self.seen.append(seen)
            connection.requests += 1
            self._changed.notify_all()
        act = getattr(self, "_act_" + arguments.get("act", "echo"))
        try:
            act(stream, seen, arguments)
        except OSError:
            stream.ended = RESET    # nobody took what we sent
        if not seen.ended:
            self._note(seen, ended=stream.ended)
        return self._go_on(stream, arguments.get("then", "keep"))

    @staticmethod
    def _go_on(stream, then):
        if then == "keep" or stream.ended != OPEN:
            return stream.ended == OPEN
        time.sleep(0.05)    # a reset would overtake what was sent
        {"notify": stream.close_notify, "fin": stream.fin, "reset": stream.reset}[then]()
        return False

    def _body(self, stream, seen):
        """The pieces of the request's body; what is seen of it is noted."""
        digest = hashlib.sha256()
        try:
            for piece in self._pieces(stream, seen):
                digest.update(piece)
                seen.bytes += len(piece)
                yield piece
            self._note(seen, sha256=digest.hexdigest(), ended="complete")
        except Ended:
            self._note(seen, sha256=digest.hexdigest(), ended=stream.ended)

    @staticmethod
    def _pieces(stream, seen):
        if seen.all("Transfer-Encoding"):
            seen.chunked = True
            while size := int(stream.until(b"\r\n").split(b";")[0], 16):
                yield from Origin._exactly(stream, size)
                stream.until(b"\r\n")
            while line := stream.until(b"\r\n"):
                seen.trailers.append(line.decode("latin-1"))
        else:
            yield from Origin._exactly(stream, int((seen.all("Content-Length") or ["0"])[0]))

    @staticmethod
    def _exactly(stream, n):
        while n:
            piece = stream.some(min(n, 65536))
            if not piece:
                raise Ended(stream.ended)
            n -= len(piece)
            yield piece

    def _drain(self, stream, seen):
        for _ in self._body(stream, seen):
            pass

    # --- acts -------------------------------------------------------------------

    @staticmethod
    def _answer(stream, status, headers, body=b""):
        head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Told'}\r\n" \
            + "".join(f"{n}: {v}\r\n" for n, v in headers) + "\r\n"
        stream.socket.sendall(head.encode() + body)

    @staticmethod
    def _wait(arguments):
        time.sleep(int(arguments.get("delay", 0)) / 1000)

    def _act_echo(self, stream, seen, arguments):
        self._drain(stream, seen)
        self._wait(arguments)
        if seen.ended != "complete":
            return
        told = {"server": "ORIGIN", "method": seen.method, "uri": seen.target,
                "headers": seen.headers, "bytes": seen.bytes, "sha256": seen.sha256,
                "connection": seen.connection}
        body = json.dumps(told).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", len(body))]
        if "location" in arguments:
            headers.append(("Location", arguments["location"].replace("{target}", seen.target)))
        if "cookie" in arguments:
            headers.append(("Set-Cookie", arguments["cookie"]))
        self._answer(stream, int(arguments.get("status", 200)), headers,
                     b"" if seen.method == "HEAD" else body)

    def _act_get(self, stream, seen, arguments):
        self._drain(stream, seen)
        self._wait(arguments)
        n, framing = int(arguments["n"]), arguments.get("framing", "length")
        size, pause = int(arguments.get("piece", MIB)), int(arguments.get("ms", 0)) / 1000
        headers = [("Content-Type", "application/octet-stream")]
        if framing == "length":
            headers.append(("Content-Length", arguments.get("announce", n)))
        elif framing == "chunked":
            headers.append(("Transfer-Encoding", "chunked"))
        else:
            headers.append(("Connection", "close"))
        self._answer(stream, 200, headers)
        for block in pattern(n):
            for i in range(0, len(block), size):
                piece = block[i:i + size]
                if framing == "chunked":
                    piece = b"%x\r\n%s\r\n" % (len(piece), piece)
                stream.socket.sendall(piece)
                if pause:
                    time.sleep(pause)
        if framing == "chunked" and "announce" not in arguments:
            trailer = b"X-Checksum: abc\r\n" if arguments.get("trailer") else b""
            stream.socket.sendall(b"0\r\n" + trailer + b"\r\n")

    def _act_early(self, stream, seen, arguments):
        self._wait(arguments)
        body = b"no need to send that"
        headers = [("Content-Length", len(body))]
        if arguments.get("close"):
            headers.append(("Connection", "close"))
        self._answer(stream, int(arguments.get("status", 401)), headers, body)
        self._drain(stream, seen)

    def _act_duplex(self, stream, seen, arguments):
        self._answer(stream, 200, [("Transfer-Encoding", "chunked")])
        for piece in self._body(stream, seen):
            stream.socket.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        if seen.ended == "complete":
            stream.socket.sendall(b"0\r\n\r\n")

    def _act_silent(self, stream, seen, _):
        self._drain(stream, seen)
        stream.rest()

    def _act_raw(self, stream, seen, arguments):
        self._wait(arguments)
        stream.socket.sendall(bytes.fromhex(arguments.get("hex", "")))
        self._note(seen, ended="unread")
