# SPDX-License-Identifier: BSD-3-Clause
"""A client of RPC over HTTP: two connections, one virtual connection upon them.

One thread: what arrives on OUT is read when an answer is waited for, and acks,
pings and recycling are dealt with on the way, as MS-RPCH 3.2.2 and 3.2.3 say.

    client = RpcClient(where, context, "mail.contoso.com", basic(ALICE))
    client.open()
    client.bind(rpc.EMSMDB, rpc.PRIVACY)
    assert client.call(0, b"hello") == b"hello"
    client.close()
"""
import base64
import os
import struct
import time

from . import rpcpdu as rpc
from .wire import Ended, Wire

TARGET = "ex01.contoso.com:6001"
HEADERS = "Accept: application/rpc\r\nUser-Agent: MSRPC\r\nCache-Control: no-cache\r\n" \
    "Connection: Keep-Alive\r\nPragma: No-cache\r\n"


class Fault(Exception):
    """The server did not execute the call; .status says why."""

    def __init__(self, status):
        super().__init__(f"fault {status:#x}")
        self.status = status


class Refused(Exception):
    """The bind was refused; .reason is bind_nak's."""

    def __init__(self, reason):
        super().__init__(f"bind_nak, reason {reason}")
        self.reason = reason


class HttpError(Exception):
    """Another answer than 200; .response is wire.Response."""

    def __init__(self, response):
        super().__init__(f"{response.status} {response.reason}")
        self.response = response


class RpcClient:
    """`who`: an Authorization line, "" when the connection knows (NTLM), or
    what makes a new line for every request (Kerberos: no token is taken twice);
    `headers`: further lines; `expect`: ask for 100 Continue and wait for it;
    `length`: bytes that an IN channel announces."""

    def __init__(self, where, context=None, name=None, who="", target=TARGET, window=65536,
                 host="mail.contoso.com", headers="", expect=False, seconds=10,
                 length=rpc.ENDLESS):
        self._where, self._context, self._name, self._seconds = where, context, name, seconds
        self._who, self._target, self._host = who, target, host
        self._headers, self._expect, self.length = headers, expect, length
        self.cookie, self.in_cookie, self.out_cookie, self.group = \
            (os.urandom(16) for _ in range(4))
        self.window, self.server_window, self.timeout = window, None, None
        self.inward = self.outward = None       # Wire
        self.latencies = []     # [s] of each call, request to last byte of the answer
        self.pdus = []          # names of what came on OUT
        self.recycled_out = 0
        self._call = 0
        self.in_bytes = 0       # bytes of the IN channel's body
        self._sent = self._acked = 0            # on IN, since it was recycled
        self._received = self._promised = 0     # on OUT, the same
        self._next_out = None

    # --- connections ------------------------------------------------------------

    def connect(self):
        return Wire(self._where, self._context, self._name, seconds=self._seconds)

    def request(self, wire, method, length, who=None, expect=None):
        """A request's head; waits for 100 Continue if it asked for it."""
        expect = self._expect if expect is None else expect
        who = self._who if who is None else who
        who = who() if callable(who) else who
        wire.send((f"{method} /rpc/rpcproxy.dll?{self._target} HTTP/1.1\r\nHost: {self._host}\r\n"
                   f"{HEADERS}{self._headers}{who}"
                   f"{'Expect: 100-continue' + chr(13) + chr(10) if expect else ''}"
                   f"Content-Length: {length}\r\n\r\n").encode())
        if expect:
            head = wire.head()
            if head.status != 100:
                raise HttpError(head)

    def echo(self, method="RPC_OUT_DATA", body=rpc.ECHO_BODY, wire=None):
        """An echo request, on a connection of its own if none is given."""
        wire = wire or self.connect()
        self.request(wire, method, len(body), expect=False)
        return wire.send(body).read()

    def ntlm(self, wire, method, user="alice", domain="CONTOSO", password=None):
        """An NTLM handshake on empty requests; the connection is known then.
        Without a password it has the form only."""
        def line(message):
            return f"Authorization: NTLM {base64.b64encode(message).decode()}\r\n"
        self.request(wire, method, 0, line(rpc.ntlm_negotiate(bool(password))), False)
        answer = wire.read()
        offer = next(v for v in answer.all("WWW-Authenticate") if v.startswith("NTLM "))
        challenge = base64.b64decode(offer[5:])
        assert rpc.ntlm_type(challenge) == 2
        proof = {"proof": rpc.ntlm_proof(challenge, domain, user, password)} if password else {}
        self.request(wire, method, 0, line(rpc.ntlm_authenticate(domain, user, **proof)), False)
        return wire.read()

    def open(self, first="in", inward=None, outward=None):
        """Open the virtual connection; `first` of its channels to be sent."""
        self.inward, self.outward = inward or self.connect(), outward or self.connect()
        for side in (first, "out" if first == "in" else "in"):
            getattr(self, f"_open_{side}")()
        self.answered()
        self.timeout = self._expect_rts("CONN/A3").get("T")
        established = self._expect_rts("CONN/C2")
        self.server_window = established.get("W")

    def _open_in(self):
        self.request(self.inward, "RPC_IN_DATA", self.length)
        self._put(rpc.rts(0, rpc.V, ("C", self.cookie), ("C", self.in_cookie),
                          ("L", self.length), ("K", 300_000), ("G", self.group)))

    def _open_out(self):
        self.request(self.outward, "RPC_OUT_DATA", 76)
        self.outward.send(rpc.rts(0, rpc.V, ("C", self.cookie), ("C", self.out_cookie),
                                  ("W", self.window)))

    def answered(self, wire=None):
        """The head of the answer on OUT; HttpError unless it is 200."""
        wire = wire or self.outward
        head = wire.head()
        if head.status != 200:
            head.body = wire.rest() if not head.all("Content-Length") else b""
            raise HttpError(head)
        assert head.get("Content-Type") == "application/rpc" and head.reason == "Success", head
        return head

    def close(self, orderly=True):
        """End IN, then OUT, as Outlook does."""
        for wire in (self.inward, self.outward, self._next_out):
            if wire and orderly:
                wire.close_notify()
            if wire:
                wire.close()

    # --- PDUs out --------------------------------------------------------------------

    def _put(self, data):
        self.in_bytes += len(data)
        self.inward.send(data)

    def _send(self, data):
        """An RPC PDU on IN, when the server's window has room."""
        while self._sent + len(data) > self._acked + self.server_window:
            self._next()
        self._sent += len(data)
        self._put(data)

    def ping(self):
        self._put(rpc.rts(rpc.PING))

    def bind(self, interface=rpc.EMSMDB, level=rpc.PRIVACY, kind=rpc.NTLM, alter=False):
        """Bind; level None: no RPC-level authentication. The answer; Refused."""
        self._call += 1
        auth = (kind, level, rpc.ntlm_negotiate()) if level else None
        self._send(rpc.bind(interface, auth, self._call, rpc.ALTER if alter else rpc.BIND))
        answer = self._answer()
        if answer.ptype == rpc.BIND_NAK:
            raise Refused(struct.unpack_from("<H", answer.body)[0])
        if answer.ptype == rpc.FAULT:
            raise Fault(struct.unpack_from("<I", answer.body, 8)[0])
        assert answer.ptype == (rpc.ALTER_ACK if alter else rpc.BIND_ACK), answer
        if auth:
            assert rpc.ntlm_type(answer.auth[2]) == 2
            self._send(rpc.pdu(rpc.AUTH3, bytes(4), self._call,
                               auth=(kind, level, rpc.ntlm_authenticate("CONTOSO", "alice"))))
        return answer

    def start(self, opnum, stub=b""):
        """Send a request without waiting for the answer."""
        self._call += 1
        for data in rpc.fragments(rpc.REQUEST, stub, self._call, opnum):
            self._send(data)

    def call(self, opnum, stub=b""):
        """The answer's stub; Fault."""
        began = time.perf_counter()
        self.start(opnum, stub)
        pieces = []
        while True:
            answer = self._answer()
            if answer.ptype == rpc.FAULT:
                raise Fault(struct.unpack_from("<I", answer.body, 8)[0])
            assert answer.ptype == rpc.RESPONSE and answer.call == self._call, answer
            pieces.append(answer.body[8:])
            if answer.flags & rpc.LAST:
                self.latencies.append(time.perf_counter() - began)
                return b"".join(pieces)

    def download(self, n):
        return self.call(1, struct.pack("<I", n))

    def upload(self, n):
        return struct.unpack("<I", self.call(2, bytes(n)))[0]

    # --- recycling ----------------------------------------------------------------------

    def recycle_in(self):
        """IN_R2: a second IN channel takes over, MS-RPCH 3.2.2.5.7."""
        wire, cookie = self.connect(), os.urandom(16)
        self.request(wire, "RPC_IN_DATA", self.length)
        first = rpc.rts(rpc.RECYCLE, rpc.V, ("C", self.cookie), ("C", self.in_cookie),
                        ("C", cookie))
        wire.send(first)
        self._expect_rts("IN_R2/A4")
        self._put(rpc.rts(0, ("C", cookie)))
        self.inward.close_notify()
        self.inward.close()
        self.inward, self.in_cookie = wire, cookie
        self._sent = self._acked = 0
        self.in_bytes = len(first)

    def fill(self, opnum, spare=40):
        """Call with a stub that leaves of IN's announced length just what the
        last PDU of recycling takes: (its bytes, the answer's stub)."""
        n = self.length - self.in_bytes - spare - 24
        assert 0 <= n <= rpc.FRAGMENT - 24, n
        return n, self.call(opnum, bytes(n))

    def _recycle_out(self):
        """OUT_R2, asked for by the server."""
        self._next_out, self._next_cookie = self.connect(), os.urandom(16)
        self.request(self._next_out, "RPC_OUT_DATA", 120)
        self._next_out.send(rpc.rts(rpc.RECYCLE, rpc.V, ("C", self.cookie),
                                    ("C", self.out_cookie), ("C", self._next_cookie),
                                    ("W", self.window)))

    def _moved_out(self):
        """B3: nothing more on the old channel, whatever old Windows sends."""
        self.outward.rest()
        self.outward.close()
        self.outward, self.out_cookie, self._next_out = self._next_out, self._next_cookie, None
        self.answered()
        self._received = self._promised = 0
        self.recycled_out += 1

    # --- PDUs in --------------------------------------------------------------------------

    def _next(self):
        """The next PDU of OUT, dealt with if it is ours; Ended."""
        found = rpc.read(self.outward)
        if not found:
            raise Ended(self.outward.ended)
        self.pdus.append(found.name)
        if found.ptype != rpc.RTS:
            self._received += len(found.raw)
            if self._received - self._promised > self.window // 2:
                self._promised = self._received
                self._put(rpc.ack(self._received, self.window, self.out_cookie, rpc.OUT_PROXY))
        elif found.name == "FlowControlAckWithDestination":
            if found.get("F")[8:] == self.in_cookie:
                received, window = struct.unpack_from("<II", found.get("F"))
                self._acked = received + window - self.server_window
        elif found.name == "OUT_R/A2":
            self._recycle_out()
        elif found.name == "OUT_R2/A6":
            self._put(rpc.rts(rpc.OUT_CHANNEL, ("D", rpc.SERVER),
                              ("C", self._next_cookie), rpc.V))
            self._next_out.send(rpc.rts(rpc.PING, rpc.E))
        elif found.name == "OUT_R2/B3":
            self._moved_out()
        return found

    def _answer(self):
        """The next RPC PDU."""
        while (found := self._next()).ptype == rpc.RTS:
            pass
        return found

    def _expect_rts(self, name):
        """That RTS PDU, behind whatever else may come."""
        while (found := self._next()).name != name:
            assert found.ptype == rpc.RTS, f"{name} expected, not {found}"
        return found

    def until(self, test):
        """Read until test() is true."""
        while not test():
            self._next()
