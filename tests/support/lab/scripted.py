# SPDX-License-Identifier: BSD-3-Clause
"""A back end whose every answer is written down in the test: an Exchange server
in whatever state it has to be in.

    server = Scripted(hosts, address, pair)
    server.say("/rpc", status=401, headers=[("WWW-Authenticate", "Basic")])
    server.say("/EWS", act="silent")

The longest beginning of the path counts, in whatever case; what nobody has
said anything about is answered 200 with the server's name. Every request is in
`seen`, as (method, target).
"""
import json

from .origin import Connection, Origin


class Scripted(Origin):
    def __init__(self, hosts, server, pair):
        self.name, self.asked = server.name, []
        self.reset()
        super().__init__(hosts, server.address, pair)

    def reset(self):
        """Forget what was said: all is well."""
        self._said = {}
        self.say("/", body=json.dumps({"server": self.name}).encode())

    def say(self, path, status=200, headers=(), body=b"", reason="Told", act="answer"):
        """act: answer, silent (for ever), close (without an answer)."""
        self._said = {**self._said, path.lower(): (act, status, reason, list(headers), body)}

    def _request(self, stream, connection: Connection):
        lines = stream.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {n.lower(): v.strip() for n, _, v in (l.partition(":") for l in lines[1:])}
        self.asked.append((method, target))
        for _ in self._exactly(stream, int(headers.get("content-length", 0))):
            pass
        said = max((p for p in self._said if target.lower().startswith(p)), key=len)
        act, status, reason, more, body = self._said[said]
        if act == "close":
            stream.fin()
            return False
        if act == "silent":
            stream.rest()
            return False
        last = headers.get("connection", "").lower() == "close"
        head = f"HTTP/1.1 {status} {reason}\r\n" \
            + "".join(f"{n}: {v}\r\n" for n, v in more) \
            + f"Content-Length: {len(body)}\r\n" \
            + ("Connection: close\r\n" if last else "") + "\r\n"
        stream.socket.sendall(head.encode() + (b"" if method == "HEAD" else body))
        if last:
            stream.close_notify()
        return not last
