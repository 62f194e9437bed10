# SPDX-License-Identifier: BSD-3-Clause
"""PDUs of RPC over HTTP, written and read: MS-RPCH 2.2.3 and 2.2.4, C706 12.6.

A second reading of the specification beside lib/rpch, so that a mistake there
is not repeated here.
"""
import dataclasses
import hmac
import os
import struct
import time
import uuid

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK = 0, 2, 3, 11, 12, 13
ALTER, ALTER_ACK, AUTH3, RTS = 14, 15, 16, 20
FIRST, LAST, NOT_EXECUTED, OBJECT = 1, 2, 0x20, 0x80

PING, OTHER_CMD, RECYCLE, IN_CHANNEL, OUT_CHANNEL, EOF, ECHO = 1, 2, 4, 8, 0x10, 0x20, 0x40
CLIENT, IN_PROXY, SERVER, OUT_PROXY = range(4)

EMSMDB = (uuid.UUID("a4f1db00-ca47-1067-b31f-00dd010662da"), 0, 81)
NSPI = (uuid.UUID("f5cc5a18-4264-101a-8c59-08002b2f8426"), 56, 0)
RFRI = (uuid.UUID("1544f5e0-613c-11d1-93df-00c04fd7bd09"), 1, 0)
MGMT = (uuid.UUID("afa8bd80-7d8a-11c9-bef4-08002b102989"), 1, 0)
NDR = (uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2, 0)

NONE, CONNECT, CALL, PKT, INTEGRITY, PRIVACY = range(1, 7)    # auth_level
NTLM = 10                                                     # auth_type

ENDLESS = 1 << 30           # what both channels announce
FRAGMENT = 5840             # the largest PDU, as Windows has it
ECHO_BODY = bytes.fromhex("f8e81808")
ACCESS_DENIED, UNKNOWN_CALL = 5, 0x1c010002

# 2.2.3.5: letter and bytes of data; Padding and ClientAddress apart.
COMMANDS = [("W", 4), ("F", 24), ("T", 4), ("C", 16), ("L", 4), ("K", 4), ("V", 4), ("E", 0),
            ("P", None), ("n", 0), ("N", 0), ("A", None), ("G", 16), ("D", 4), ("S", 4)]
TYPES = {letter: i for i, (letter, _) in enumerate(COMMANDS)}

# 2.2.4, as clients and the proxies towards them send them.
NAMES = {
    (0, "VCCW"): "CONN/A1", (0, "T"): "CONN/A3", (0, "VCCLKG"): "CONN/B1", (0, "VWT"): "CONN/C2",
    (RECYCLE, "VCCC"): "IN_R/A1", (0, "DVWT"): "IN_R1/A4", (0, "C"): "IN_R/A5",
    (0, "D"): "IN_R2/A4", (RECYCLE, "D"): "OUT_R/A2", (RECYCLE, "VCCCW"): "OUT_R/A3",
    (OUT_CHANNEL, "DVT"): "OUT_R1/A6", (OUT_CHANNEL, "DC"): "OUT_R1/A7", (0, "N"): "OUT_R1/A10",
    (0, "DN"): "OUT_R2/A6", (OUT_CHANNEL, "DCV"): "OUT_R2/A7", (0, "DCV"): "OUT_R2/A7",
    (EOF, "N"): "OUT_R2/B3", (PING, "E"): "OUT_R2/C1", (PING, "P"): "OUT_R2/C1",
    (OTHER_CMD, "K"): "Keep-Alive", (ECHO, ""): "Echo", (PING, ""): "Ping",
    (OTHER_CMD, "F"): "FlowControlAck", (OTHER_CMD, "DF"): "FlowControlAckWithDestination",
}


@dataclasses.dataclass
class Pdu:
    """One PDU as it came."""
    ptype: int
    flags: int
    call: int
    body: bytes                 # behind the common header, without a trailer
    auth: tuple = None          # (type, level, token) of a security trailer
    raw: bytes = b""
    commands: list = None       # of RTS: (letter, value)

    @property
    def name(self):
        """Its name in 2.2.4, or its PTYPE."""
        if self.ptype != RTS:
            return self.ptype
        word = "".join(letter for letter, _ in self.commands)
        return NAMES.get((self.flags, word), f"RTS {self.flags:#x} {word}")

    def all(self, letter):
        return [value for l, value in self.commands if l == letter]

    def get(self, letter):
        return (self.all(letter) or [None])[0]


# --- writing ------------------------------------------------------------------

def pdu(ptype, body, call=1, flags=FIRST | LAST, auth=None):
    """A PDU; `auth`: (type, level, token)."""
    token = b""
    if auth:
        pad = -len(body) % 4
        body += bytes(pad) + struct.pack("<BBBBI", auth[0], auth[1], pad, 0, 0) + auth[2]
        token = auth[2]
    return struct.pack("<BBBB4sHHI", 5, 0, ptype, flags, b"\x10\0\0\0", 16 + len(body),
                       len(token), call) + body


def rts(flags, *commands):
    """An RTS PDU; commands are (letter, value), value a number or bytes."""
    body = struct.pack("<HH", flags, len(commands))
    for letter, value in commands:
        body += struct.pack("<I", TYPES[letter])
        body += struct.pack("<I", value) if isinstance(value, int) else value
    return pdu(RTS, body, 0)


V, E, N = ("V", 1), ("E", b""), ("N", b"")


def ack(received, window, cookie, to):
    return rts(OTHER_CMD, ("D", to), ("F", struct.pack("<II", received, window) + cookie))


def syntax(interface):
    return interface[0].bytes_le + struct.pack("<HH", *interface[1:])


def bind(interface, auth=None, call=1, ptype=BIND, context=0):
    body = struct.pack("<HHIB3xHBx", FRAGMENT, FRAGMENT, 0, 1, context, 1) \
        + syntax(interface) + syntax(NDR)
    return pdu(ptype, body, call, auth=auth)


def bind_ack(call, contexts=1, auth=None, ptype=BIND_ACK):
    port = b"6001\0"
    body = struct.pack("<HHIH", FRAGMENT, FRAGMENT, 0x1234, len(port)) + port
    body += bytes(-len(body) % 4) + struct.pack("<B3x", contexts)
    # Only the first is taken; the others: provider rejection, no such syntax.
    for i in range(contexts):
        body += struct.pack("<HH", 2 if i else 0, 2 if i else 0)
        body += bytes(20) if i else syntax(NDR)
    return pdu(ptype, body, call, auth=auth)


def bind_nak(call, reason):
    return pdu(BIND_NAK, struct.pack("<HBBBxxx", reason, 1, 5, 0), call)


def fault(call, status):
    return pdu(FAULT, struct.pack("<IHBBII", 0, 0, 0, 0, status, 0), call,
               FIRST | LAST | NOT_EXECUTED)


def fragments(ptype, stub, call, opnum=0, context=0, size=FRAGMENT):
    """A request or response in as many PDUs as it takes."""
    room = size - 24
    for at in range(0, len(stub) or 1, room):
        piece = stub[at:at + room]
        flags = (FIRST if at == 0 else 0) | (LAST if at + room >= len(stub) else 0)
        yield pdu(ptype, struct.pack("<IHH", len(stub) - at, context, opnum) + piece, call, flags)


# --- reading ------------------------------------------------------------------

def read(stream):
    """The next PDU out of a wire.Stream, or None when it ended before it."""
    head = stream.exactly(16)
    if head is None:
        return None
    version, minor, ptype, flags, _, frag, auth, call = struct.unpack("<BBBB4sHHI", head)
    assert version == 5 and minor <= 1 and frag >= 16, f"no PDU: {head!r}"
    body = stream.exactly(frag - 16)
    if body is None:
        return None
    found = Pdu(ptype, flags, call, body, raw=head + body)
    if auth:
        at = len(body) - auth - 8
        assert at >= 0, f"auth_length {auth} of {frag}"
        kind, level, pad = struct.unpack_from("<BBB", body, at)
        found.auth, found.body = (kind, level, body[at + 8:]), body[:at - pad]
    if ptype == RTS:
        found.flags, found.commands = struct.unpack_from("<H", body)[0], _commands(body)
    return found


def _commands(body):
    found, at = [], 4
    for _ in range(struct.unpack_from("<H", body, 2)[0]):
        letter, size = COMMANDS[struct.unpack_from("<I", body, at)[0]]
        if letter == "P":
            size = 4 + struct.unpack_from("<I", body, at + 4)[0]
        elif letter == "A":
            size = 32 if struct.unpack_from("<I", body, at + 4)[0] else 20
        data = body[at + 4:at + 4 + size]
        assert len(data) == size, f"{letter} is cut short"
        found.append((letter, struct.unpack("<I", data)[0] if size == 4 else data))
        at += 4 + size
    assert at == len(body), "bytes behind the last RTS command"
    return found


def contexts_of(found):
    """(number of context elements, number, UUID, major, minor of the first)."""
    n = found.body[8]
    if not n:
        return 0, 0, None, 0, 0
    number, = struct.unpack_from("<H", found.body, 12)
    major, minor = struct.unpack_from("<HH", found.body, 32)
    return n, number, uuid.UUID(bytes_le=found.body[16:32]), major, minor


def call_of(found):
    """(context, opnum, stub) of a request."""
    _, context, opnum = struct.unpack_from("<IHH", found.body)
    return context, opnum, found.body[24 if found.flags & OBJECT else 8:]


# --- NTLM: as much as a handshake needs, nothing is verified ---------------------

NTLM_FLAGS = 0xa2898205     # UNICODE, NTLM, TARGET, EXTENDED, TARGET_INFO, 128, 56


def ntlm_negotiate(version=False):
    return b"NTLMSSP\0" + struct.pack("<II8x8x", 1, NTLM_FLAGS) + bytes(8 * version)


def ntlm_challenge(host="CAS"):
    """A CHALLENGE_MESSAGE of MS-NLMP 2.2.1.2."""
    names = host.encode("utf-16le"), "CONTOSO".encode("utf-16le")
    pairs = b"".join(struct.pack("<HH", kind, len(name)) + name
                     for kind, name in ((2, names[1]), (1, names[0]), (3, names[0]))) + bytes(4)
    at = 56
    return b"NTLMSSP\0" + struct.pack("<IHHII", 2, len(names[1]), len(names[1]), at, NTLM_FLAGS) \
        + b"casgate!" + bytes(8) \
        + struct.pack("<HHI", len(pairs), len(pairs), at + len(names[1])) \
        + bytes.fromhex("060272170000000f") + names[1] + pairs


def ntlm_proof(challenge, domain, user, password):
    """The NTLMv2 response to a CHALLENGE_MESSAGE, MS-NLMP 3.3.2."""
    from impacket.ntlm import NTOWFv2
    size, _, offset = struct.unpack_from("<HHI", challenge, 40)
    now = int((time.time() + 11644473600) * 10_000_000)
    blob = struct.pack("<B B 6x Q 8s 4x", 1, 1, now, os.urandom(8)) \
        + challenge[offset:offset + size] + bytes(4)
    key = NTOWFv2(user, password, domain)
    return hmac.digest(key, challenge[24:32] + blob, "md5") + blob


def ntlm_authenticate(domain, user, host="PC", proof=bytes(60)):
    """An AUTHENTICATE_MESSAGE; without a proof it is made of nothing."""
    fields = [bytes(24), proof, *(s.encode("utf-16le") for s in (domain, user, host)), b""]
    at, described = 72, b""
    for field in fields:
        described += struct.pack("<HHI", len(field), len(field), at)
        at += len(field)
    return b"NTLMSSP\0" + struct.pack("<I", 3) + described \
        + struct.pack("<I8x", NTLM_FLAGS) + b"".join(fields)


def ntlm_user(message):
    """DOMAIN\\user out of an AUTHENTICATE_MESSAGE, MS-NLMP 2.2.1.3."""
    def field(at):
        size, _, offset = struct.unpack_from("<HHI", message, at)
        return message[offset:offset + size].decode("utf-16le")
    return f"{field(28)}\\{field(36)}"


def ntlm_type(message):
    return struct.unpack_from("<I", message, 8)[0] if message[:8] == b"NTLMSSP\0" else 0
