# SPDX-License-Identifier: BSD-3-Clause
"""What two programs could read in two ways is refused, in both directions, and
the connection with it: nothing can hide behind a malformed message."""
import pytest

from lab.topology import ALICE, NAMESPACE, OLGA
from lab.wire import CLOSE_NOTIFY, FIN, RESET, Ended, basic

HOST = f"Host: {NAMESPACE}\r\n"
WHO = basic(ALICE)
HIDDEN = f"GET /owa/hidden HTTP/1.1\r\n{HOST}{WHO}\r\n"


def head(lines="", start="GET /owa/ HTTP/1.1", host=HOST):
    return f"{start}\r\n{host}{WHO}{lines}\r\n"


MALFORMED = {
    # the request line
    "bare LF": (head().replace("\r\n", "\n"), 400),
    "LF in one line": (head("X: 1\n"), 400),
    "bare CR": (head("X: 1\r2\r\n"), 400),
    "NUL in a value": (head("X: a\0b\r\n"), 400),
    "control byte in a value": (head("X: a\x01b\r\n"), 400),
    "two blanks": (head(start="GET  /owa/ HTTP/1.1"), 400),
    "no version": (head(start="GET /owa/"), 400),
    "tab for a blank": (head(start="GET\t/owa/ HTTP/1.1"), 400),
    "blank at the end": (head(start="GET /owa/ HTTP/1.1 "), 400),
    "no slash": (head(start="GET owa HTTP/1.1"), 400),
    "method no token": (head(start="GE(T /owa/ HTTP/1.1"), 400),
    "HTTP/2.0": (head(start="GET /owa/ HTTP/2.0"), 505),
    "http/1.1": (head(start="GET /owa/ http/1.1"), (400, 505)),
    "CONNECT": (head(start="CONNECT mail.contoso.com:443 HTTP/1.1"), (400, 405)),
    "fragment": (head(start="GET /owa/#x HTTP/1.1"), 400),
    # header lines
    "folded": (head("X: a\r\n b\r\n"), 400),
    "blank before the colon": (head("X : a\r\n"), 400),
    "blank in the name": (head("X Y: a\r\n"), 400),
    "no colon": (head("nonsense\r\n"), 400),
    "no name": (head(": a\r\n"), 400),
    "first line folded": (f"GET /owa/ HTTP/1.1\r\n {HOST}\r\n", 400),
    "line too long": (head(f"X: {'a' * 20000}\r\n"), 400),
    "too many lines": (head("X: a\r\n" * 200), 400),
    "head too large": (head("".join(f"X{i}: {'a' * 8000}\r\n" for i in range(12))), 400),
    # IIS reads "_" as "-"
    "Content_Length": (head("Content_Length: 5\r\n"), 400),
    "transfer_encoding": (head("transfer_encoding: chunked\r\n"), 400),
    "X_Forwarded_For": (head("X_Forwarded_For: 9.9.9.9\r\n"), 400),
    # Host
    "no Host": (head(host=""), 400),
    "two Hosts": (head(host=HOST + HOST), 400),
    "two different Hosts": (head(host=HOST + "Host: evil.org\r\n"), 400),
    "list of Hosts": (head(host=f"Host: {NAMESPACE}, evil.org\r\n"), 400),
    "Host with a path": (head(host=f"Host: {NAMESPACE}/x\r\n"), 400),
    "Host with a user": (head(host=f"Host: a@{NAMESPACE}\r\n"), 400),
    "target against Host": (head(start="GET https://evil.org/owa/ HTTP/1.1"), 400),
    # framing
    "length and chunked": (head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400),
    "two lengths": (head("Content-Length: 5\r\nContent-Length: 6\r\n"), 400),
    "two equal lengths": (head("Content-Length: 5\r\nContent-Length: 5\r\n"), 400),
    "list of lengths": (head("Content-Length: 5, 5\r\n"), 400),
    "length with a plus": (head("Content-Length: +5\r\n"), 400),
    "negative length": (head("Content-Length: -5\r\n"), 400),
    "hexadecimal length": (head("Content-Length: 0x5\r\n"), 400),
    "empty length": (head("Content-Length: \r\n"), 400),
    "huge length": (head("Content-Length: 99999999999999999999\r\n"), 400),
    "gzip": (head("Transfer-Encoding: gzip, chunked\r\n"), 400),
    "identity": (head("Transfer-Encoding: identity\r\n"), 400),
    "chunked twice": (head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400),
    "xchunked": (head("Transfer-Encoding: xchunked\r\n"), 400),
    "chunked with 0x0b": (head("Transfer-Encoding: \x0bchunked\r\n"), 400),
    "Transfer_Encoding beside": (head("Content-Length: 0\r\nTransfer-Encoding : chunked\r\n"), 400),
    "chunked on 1.0": (head("Transfer-Encoding: chunked\r\n", start="POST /owa/ HTTP/1.0"), 400),
    # paths that could be read in two ways
    **{f"path {p}": (head(start=f"GET {p} HTTP/1.1"), 400) for p in (
        "/owa/%2fecp", "/owa/..%5cecp", "/owa/%00", "/owa/../ecp/", "/owa/./x", "/owa//x",
        "/owa;x/", "/owa\\x", "/owa/%zz", "/owa/%", "/owa/%2", "/owa/%252e%252e/",
        "/owa/%c0%af", "/owa/%e0%80%af", "/owa/%ff", "/%2e%2e/owa/")},
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_request(lab, what):
    text, status = MALFORMED[what]
    wanted = status if isinstance(status, tuple) else (status,)
    with lab.wire() as wire:
        wire.send(text.encode("latin-1") + HIDDEN.encode())
        answer = wire.read()
        assert answer.status in wanted, answer.body
        assert answer.get("Connection", "").lower() == "close"
        assert wire.rest() == b"", "something was answered behind it"
        assert wire.ended in (CLOSE_NOTIFY, FIN)


CHUNKS = {
    "no digit": "g\r\nabc\r\n0\r\n\r\n",
    "negative": "-1\r\nabc\r\n0\r\n\r\n",
    "0x": "0x3\r\nabc\r\n0\r\n\r\n",
    "empty": "\r\nabc\r\n0\r\n\r\n",
    "17 digits": "10000000000000003\r\nabc\r\n0\r\n\r\n",
    "blank before": " 3\r\nabc\r\n0\r\n\r\n",
    "LF for CRLF": "3\nabc\r\n0\r\n\r\n",
    "data too long": "3\r\nabcd\r\n0\r\n\r\n",
    "no CRLF behind data": "3\r\nabc0\r\n\r\n",
    "LF behind data": "3\r\nabc\n0\r\n\r\n",
    "CR in extension": "3;a\rb\r\nabc\r\n0\r\n\r\n",
    "LF in extension": "3;a\nabc\r\n0\r\n\r\n",
    "extension too long": f"3;{'a' * 20000}\r\nabc\r\n0\r\n\r\n",
    "trailer Content-Length": "3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n",
    "trailer Transfer-Encoding": "3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "trailer Host": "3\r\nabc\r\n0\r\nHost: evil.org\r\n\r\n",
    "trailer Authorization": "3\r\nabc\r\n0\r\nAuthorization: Basic eA==\r\n\r\n",
    "trailer X-CommonAccessToken": "3\r\nabc\r\n0\r\nX-CommonAccessToken: V\r\n\r\n",
    "trailer X_TargetDatabase": "3\r\nabc\r\n0\r\nX_TargetDatabase: V\r\n\r\n",
    "trailer without colon": "3\r\nabc\r\n0\r\nnonsense\r\n\r\n",
}


@pytest.mark.parametrize("what", CHUNKS)
def test_malformed_chunks(lab, what):
    number, target = lab.origin.path("echo")
    with lab.wire() as wire:
        text = f"POST {target} HTTP/1.1\r\n{HOST}{basic(OLGA)}Transfer-Encoding: chunked\r\n\r\n"
        wire.send((text + CHUNKS[what]).encode() + HIDDEN.encode())
        assert wire.read().status == 400
        assert wire.rest() == b""
    if lab.origin.arrived(number):
        seen = lab.origin.find(number)
        assert seen.ended == "reset", "half a body must not look complete to the server"


WELL_FORMED = {
    "one CRLF before": "\r\n" + head(),
    "absolute target": head(start=f"GET https://{NAMESPACE}/owa/ HTTP/1.1"),
    "1.0 with keep-alive": head("Connection: keep-alive\r\n", start="GET /owa/ HTTP/1.0"),
    "empty value": head("X-Empty:\r\n"),
    "tabs around a value": head("X:\t a \t\r\n"),
    "bytes above 127 in a value": head("X: caf\xe9\r\n"),
    "escaped letters": head(start="GET /%6fwa/%C3%A9 HTTP/1.1"),
    "strange but honest query": head(start="GET /owa/?a=%2f..%00&b=//;c HTTP/1.1"),
    "100 lines": head("X: a\r\n" * 100),
    "line of 12 kB": head(f"X: {'a' * 12000}\r\n"),
    "length 0": head("Content-Length: 0\r\n"),
    "any token is a method": head(start="SUBSCRIBE /owa/ HTTP/1.1"),
}


@pytest.mark.parametrize("what", WELL_FORMED)
def test_well_formed_request(lab, what):
    with lab.wire() as wire:
        wire.send(WELL_FORMED[what].encode("latin-1"))
        answer = wire.read()
        assert answer.status in (200, 405), answer.body
        if answer.status == 200:
            assert wire.ask("GET", "/owa/", ALICE).status == 200, "the connection goes on"


def test_1_0_ends_the_connection(lab):
    with lab.wire() as wire:
        wire.send(head(start="GET /owa/ HTTP/1.0").encode())
        assert wire.read().status == 200
        assert wire.ending() == CLOSE_NOTIFY


def test_1_0_gets_no_chunks(lab):
    _, target = lab.origin.path("get", n=100000, piece=7777, framing="chunked")
    with lab.wire() as wire:
        wire.send(f"GET {target} HTTP/1.0\r\n{HOST}{basic(OLGA)}\r\n".encode())
        answer = wire.read()
        assert (answer.framing, len(answer.body), answer.complete) == ("close", 100000, True)
        assert wire.ended == CLOSE_NOTIFY


def test_byte_by_byte(lab):
    with lab.wire() as wire:
        for byte in head("X: a\r\n").encode():
            wire.send(bytes([byte]))
        assert wire.read().status == 200


def test_pipelined_requests_are_answered_in_order(lab):
    targets = [lab.origin.path("echo", delay=ms)[1] for ms in (200, 0, 50)]
    with lab.wire() as wire:
        wire.send("".join(f"GET {t} HTTP/1.1\r\n{HOST}{basic(OLGA)}\r\n" for t in targets).encode())
        for target in targets:
            assert target.encode() in wire.read().body


def test_pipelined_bodies(lab):
    with lab.wire() as wire:
        wanted = []
        for body in ("a" * 10, "b" * 70000, ""):
            number, target = lab.origin.path("echo")
            wanted.append((number, len(body)))
            wire.send(f"POST {target} HTTP/1.1\r\n{HOST}{basic(OLGA)}"
                      f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        for number, length in wanted:
            assert wire.read().status == 200
            assert lab.origin.find(number).bytes == length


# --- Expect: 100-continue ----------------------------------------------------------

def expecting(lab, version="1.1"):
    number, target = lab.origin.path("echo")
    return number, f"POST {target} HTTP/{version}\r\n{HOST}{basic(OLGA)}" \
        "Expect: 100-continue\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n"


def test_100_continue_comes_from_us(lab):
    number, text = expecting(lab)
    with lab.wire() as wire:
        wire.send(text.encode())
        assert wire.head().status == 100
        wire.send(b"hello")
        assert wire.read(interim=True).status == 200
    seen = lab.origin.find(number)
    assert seen.bytes == 5 and not seen.all("Expect")


def test_1_0_gets_no_100(lab):
    """Samba's client aborts on any."""
    _, text = expecting(lab, "1.0")
    with lab.wire() as wire:
        wire.send(text.encode() + b"hello")
        assert wire.read(interim=True).status == 200


def test_100_not_waited_for(lab):
    _, text = expecting(lab)
    with lab.wire() as wire:
        wire.send(text.encode() + b"hello")
        statuses = [wire.read(interim=True).status]
        while statuses[-1] < 200:
            statuses.append(wire.read(interim=True).status)
        assert statuses in ([200], [100, 200])


# --- chunked through ----------------------------------------------------------------

@pytest.mark.parametrize("extension", ["", ";a=b", ';quoted="x y"'])
def test_chunked_upload(lab, extension):
    number, target = lab.origin.path("echo")
    with lab.wire() as wire:
        wire.send(f"POST {target} HTTP/1.1\r\n{HOST}{basic(OLGA)}Transfer-Encoding: chunked\r\n\r\n"
                  f"5{extension}\r\nhello\r\n00006\r\n world\r\n0\r\n\r\n".encode())
        assert wire.read().status == 200
    seen = lab.origin.find(number)
    assert seen.chunked and seen.bytes == 11 and not seen.all("Content-Length")


def test_trailers_pass_down(lab):
    _, target = lab.origin.path("get", n=1000, framing="chunked", trailer=1)
    with lab.wire() as wire:
        answer = wire.ask("GET", target, OLGA)
        assert answer.complete and answer.trailers == [("X-Checksum", "abc")]


# --- malformed answers of a back end ---------------------------------------------------

BAD_ANSWERS = {
    "no HTTP": "SSH-2.0-OpenSSH\r\n\r\n",
    "bad status": "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
    "short status": "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2.0": "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "bare LF": "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "folded": "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "length and chunked": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "bad length": "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "gzip": "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "NUL": "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
    "switching protocols": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
}


@pytest.mark.parametrize("what", BAD_ANSWERS)
def test_malformed_answer(lab, what):
    number, target = lab.origin.path("raw", hex=BAD_ANSWERS[what].encode("latin-1").hex())
    with lab.wire() as wire:
        assert wire.ask("GET", target, OLGA).status == 502
    assert lab.origin.ending(lab.origin.find(number)), "that connection is not used again"


@pytest.mark.parametrize("chunks", ["g\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n",
                                    "ffffffffffffffffff\r\nabc"])
def test_malformed_answer_chunks(lab, chunks):
    text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n" + chunks
    _, target = lab.origin.path("raw", hex=text.encode().hex())
    with lab.wire() as wire:
        try:
            complete = wire.ask("GET", target, OLGA).complete
        except Ended:   # the reset overtook the head
            complete = False
        assert not complete and wire.ended == RESET


def test_bytes_behind_an_answer_are_nobodys(lab):
    """A back end that says more than it was asked for is not asked again, and
    what it said does not become the next answer."""
    more = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
    _, target = lab.origin.path("raw", hex=(more + poison).encode().hex())
    with lab.wire() as wire:
        assert wire.ask("GET", target, OLGA).body == b"hi"
        number, target = lab.origin.path("echo")
        assert b"ORIGIN" in wire.ask("GET", target, OLGA).body
        assert lab.origin.find(number)
