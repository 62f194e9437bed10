# SPDX-License-Identifier: BSD-3-Clause
"""A client of bytes: says exactly what it is told to say, reads strictly, and
tells how a connection ended, which is what most proxies get wrong."""
import base64
import dataclasses
import re
import socket
import ssl
import struct

TCP_CLOSE = 7   # in struct tcp_info
CLOSE_NOTIFY, FIN, RESET, OPEN = "close_notify", "fin", "reset", "open"


def tell_cuts(context):
    """Python by default takes a bare FIN for an orderly end."""
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF


def tls_context(authority, minimum="TLSv1_2", maximum="TLSv1_3", ciphers=None):
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = ssl.TLSVersion[minimum]
    context.maximum_version = ssl.TLSVersion[maximum]
    tell_cuts(context)
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def basic(mailbox):
    """The line that says who is asking."""
    pair = f"{mailbox.smtp}:{mailbox.password}".encode()
    return f"Authorization: Basic {base64.b64encode(pair).decode()}\r\n"


def request(method, target, mailbox=None, headers="", body=b"", host="mail.contoso.com"):
    """A whole request as bytes; `headers` are finished lines."""
    if isinstance(body, str):
        body = body.encode()
    if body and not re.search("(?im)^(content-length|transfer-encoding):", headers):
        headers += f"Content-Length: {len(body)}\r\n"
    who = basic(mailbox) if mailbox else ""
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{who}{headers}\r\n".encode() + body


@dataclasses.dataclass
class Response:
    status: int
    reason: str
    headers: list           # (name, value) as they came
    body: bytes = b""
    framing: str = "none"   # length, chunked, close
    complete: bool = True   # False: the connection ended inside the body
    trailers: list = dataclasses.field(default_factory=list)

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default


class Ended(Exception):
    """The connection ended where more was to come; .how tells how."""

    def __init__(self, how, so_far=b""):
        super().__init__(f"connection ended ({how}) after {so_far[:200]!r}")
        self.how, self.so_far = how, so_far


class Stream:
    """Bytes out of a socket, plain or TLS, and how they ended."""

    def __init__(self, sock):
        self.socket, self._buffer, self.ended = sock, b"", OPEN

    def more(self):
        """More bytes into the buffer; False at the end of the connection."""
        if self.ended != OPEN:
            return False
        try:
            piece = self.socket.recv(65536)
        except TimeoutError:
            raise
        except ssl.SSLZeroReturnError:
            self.ended = CLOSE_NOTIFY   # and ours is out already
        except ssl.SSLEOFError:
            self.ended = self._cut()
        except (ConnectionResetError, BrokenPipeError):
            self.ended = RESET
        except ssl.SSLError as error:
            ragged = error.reason == "UNEXPECTED_EOF_WHILE_READING"
            self.ended = self._cut() if ragged else f"tls: {error.reason}"
        else:
            if piece:
                self._buffer += piece
                return True
            self.ended = CLOSE_NOTIFY if isinstance(self.socket, ssl.SSLSocket) else FIN
        return False

    def _cut(self):
        """Python's exception does not say how; the kernel's state does."""
        state = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return RESET if state == TCP_CLOSE else FIN

    def until(self, mark):
        """What comes before `mark`, which is taken too; Ended."""
        while mark not in self._buffer:
            if not self.more():
                raise Ended(self.ended, self._buffer)
        piece, self._buffer = self._buffer.split(mark, 1)
        return piece

    def some(self, most):
        """Between 1 and `most` bytes; empty at the end."""
        if not self._buffer:
            self.more()
        piece, self._buffer = self._buffer[:most], self._buffer[most:]
        return piece

    def exactly(self, n):
        """n bytes, or None when the connection ends before."""
        pieces, missing = [], n
        while missing:
            piece = self.some(missing)
            if not piece:
                self._buffer = b"".join(pieces)
                return None
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def rest(self):
        """Everything until the connection ends."""
        pieces = []
        while piece := self.some(1 << 20):
            pieces.append(piece)
        return b"".join(pieces)

    def reset(self):
        """RST instead of an orderly end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close_notify(self):
        """End our direction in order: close_notify, then FIN."""
        seconds = self.socket.gettimeout()
        self.socket.settimeout(0)   # sends ours, does not wait for theirs
        try:
            self.socket.unwrap()
        except (AttributeError, OSError, ValueError):
            pass    # a plain socket, or one that has ended
        self.socket.settimeout(seconds)
        self.fin()

    def fin(self):
        """FIN without a close_notify: a cut as far as TLS knows."""
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Wire(Stream):
    """One connection of a client."""

    def __init__(self, where, context=None, name=None, session=None, seconds=10):
        family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.connect(where)
            if context:
                sock = context.wrap_socket(sock, server_hostname=name,
                                           suppress_ragged_eofs=False, session=session)
        except BaseException:
            sock.close()
            raise
        super().__init__(sock)

    # --- sending -----------------------------------------------------------

    def send(self, data):
        self.socket.sendall(data)
        return self

    def ask(self, *words, **more):
        """Send request(...) and read the answer."""
        self.send(request(*words, **more))
        return self.read(to_head=words[0] == "HEAD")

    # --- reading -------------------------------------------------------------

    def head(self):
        """A response's head: status line and headers, strictly."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, reason = (lines[0] + " ").split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0") and len(status) == 3, lines[0]
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon and name == name.strip(), f"bad header line {line!r}"
            headers.append((name, value.strip()))
        return Response(int(status), reason.strip(), headers)

    def read(self, to_head=False, interim=False):
        """A whole response. 1xx are skipped unless asked for."""
        response = self.head()
        while response.status < 200 and not interim:
            response = self.head()
        if to_head or response.status < 200 or response.status in (204, 304):
            return response
        coding, length = response.get("Transfer-Encoding"), response.all("Content-Length")
        assert not (coding and length) and len(length) < 2, response.headers
        if coding:
            assert coding.lower() == "chunked", coding
            response.framing = "chunked"
            self._chunks(response)
        elif length:
            response.framing = "length"
            body = self.exactly(int(length[0]))
            response.complete = body is not None
            response.body = self.rest() if body is None else body
        else:
            response.framing = "close"
            response.body = self.rest()
            tls = isinstance(self.socket, ssl.SSLSocket)
            response.complete = self.ended == (CLOSE_NOTIFY if tls else FIN)
        return response

    def _chunks(self, response):
        try:
            while True:
                size = int(self.until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    break
                data = self.exactly(size + 2)
                if data is None:
                    raise Ended(self.ended)
                assert data[-2:] == b"\r\n", data[-2:]
                response.body += data[:-2]
            while line := self.until(b"\r\n"):
                name, _, value = line.decode("latin-1").partition(":")
                response.trailers.append((name, value.strip()))
        except Ended:
            response.complete = False

    def ending(self, seconds=5):
        """How the connection ends: CLOSE_NOTIFY, FIN, RESET, or OPEN when it
        does not within `seconds`. Bytes that still come are kept."""
        self.socket.settimeout(seconds)
        try:
            while self.more():
                pass
        except TimeoutError:
            return OPEN
        return self.ended

    def silent(self, seconds):
        """True when nothing comes for so long and nothing ends."""
        before = len(self._buffer)
        return self.ending(seconds) == OPEN and len(self._buffer) == before
