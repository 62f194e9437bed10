# SPDX-License-Identifier: BSD-3-Clause
"""The logon form of /owa and /ecp, as browsers meet it: forms-based
authentication of Exchange 2007, 2010, and 2013 and later.

    GET /owa/ without cookies      302 /owa/auth/logon.aspx?url=...&reason=0
    POST, or with oeh=1 in it      440 Login Timeout
    POST /owa/auth.owa             302 to the form's `destination`, with cookies;
                                   302 .../logon.aspx?...&reason=2 when wrong
    GET /owa/logoff.owa            302 .../logon.aspx?...&reason=1, cookies gone

What is in the cookies is Exchange's business; here it is a random word. How
cookies that have run out are told from none is not known: as none.
"""
import dataclasses
import html
import secrets
import urllib.parse

FORM = """\
<html><body><form action="{action}" method="POST" name="logonForm">
<input type="hidden" name="destination" value="{destination}">
<input type="hidden" name="flags" value="4">
<input type="hidden" name="forcedownlevel" value="0">
<input name="username"><input name="password" type="password">
<input type="hidden" name="isUtf8" value="1">
</form></body></html>
"""
LOGGED_OFF, WRONG = 1, 2
COOKIES_2010 = ("sessionid", "cadata")
COOKIES_2013 = ("cadata", "cadataTTL", "cadataKey", "cadataIV", "cadataSig")


@dataclasses.dataclass
class Answer:
    status: int
    headers: list
    body: str = ""


class Forms:
    """`check(name, password)` is true for those who may come in. A session is
    what the cookies of one logon stand for."""

    def __init__(self, version, check):
        self._new = version not in ("2007", "2010")
        self.action = "/owa/auth/owaauth.dll" if version == "2007" else "/owa/auth.owa"
        self._names = COOKIES_2013 if self._new else COOKIES_2010
        self._check, self._sessions = check, {}

    def expire(self):
        """Every session has run out."""
        self._sessions.clear()

    def answer(self, method, target, host, cookies, body):
        """(user, None) for a session's request, otherwise (None, Answer)."""
        path, _, query = target.partition("?")
        at = f"https://{host}"
        match path.lower():
            case self.action:
                return None, self._logon(at, urllib.parse.parse_qs(body.decode("latin-1")))
            case "/owa/logoff.owa":
                self._sessions.pop(self._key(cookies), None)
                return None, self._to_form(at, f"{at}/owa/", LOGGED_OFF, self._clear())
            case "/owa/auth/logon.aspx":
                wanted = urllib.parse.parse_qs(query).get("url", [f"{at}/owa/"])[0]
                return None, Answer(200, [("Content-Type", "text/html; charset=utf-8")],
                                    FORM.format(action=self.action,
                                                destination=html.escape(wanted)))
        user = self._sessions.get(self._key(cookies))
        if user:
            return user, None
        if method not in ("GET", "HEAD") or "oeh=1" in query:
            return None, Answer(440, [("Content-Type", "text/html")],
                                "<HTML><BODY>440 Login Timeout</BODY></HTML>")
        return None, self._to_form(at, at + target, 0)

    def _logon(self, at, form):
        user, password = (form.get(name, [""])[0] for name in ("username", "password"))
        destination = form.get("destination", [f"{at}/owa/"])[0]
        if not self._check(user, password):
            return self._to_form(at, destination, WRONG)
        values = tuple(secrets.token_urlsafe(24) for _ in self._names)
        self._sessions[values] = user
        return Answer(302, [("Location", destination),
                            *(("Set-Cookie", f"{name}={value}; path=/; secure; HttpOnly")
                              for name, value in zip(self._names, values))])

    def _to_form(self, at, wanted, reason, headers=()):
        again = "replaceCurrent=1&" if self._new and reason else ""
        url = urllib.parse.quote(wanted, safe="")
        return Answer(302, [("Location", f"{at}/owa/auth/logon.aspx?{again}url={url}"
                                         f"&reason={reason}"), *headers])

    def _clear(self):
        return [("Set-Cookie", f"{name}=; expires=Thu, 01 Jan 1970 00:00:00 GMT; path=/; secure")
                for name in self._names]

    def _key(self, cookies):
        return tuple(cookies.get(name) for name in self._names)
