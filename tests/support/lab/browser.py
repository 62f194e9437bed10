# SPDX-License-Identifier: BSD-3-Clause
"""As much of a browser as logging on takes: forms, pages that submit
themselves, and cookies."""
import base64
import hashlib
import re
import urllib.parse
from html.parser import HTMLParser

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


def logon(user, password="geheim-42", destination="https://mail.contoso.com/owa/", flags="4"):
    """The body that OWA's own page sends."""
    return urllib.parse.urlencode({
        "destination": destination, "flags": flags, "forcedownlevel": "0", "username": user,
        "password": password, "passwordText": "", "isUtf8": "1"})


class Page(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, answer):
        super().__init__()
        self.method = self.action = self.charset = None
        self.fields, self.links, self.scripts, self.buttons = [], [], [], 0
        self._inside = []
        self.feed(answer.body.decode("utf-8"))
        self.close()
        assert not self._inside, "everything is closed"
        self.policy = {k: v.split() for k, _, v in (
            d.strip().partition(" ") for d in answer.get("Content-Security-Policy", "").split(";"))}

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            assert self.action is None, "one form"
            self.method, self.action = attrs["method"], attrs["action"]
            self.charset = attrs["accept-charset"]
        elif tag == "input":
            assert "form" in self._inside and attrs["type"] == "hidden"
            self.fields.append((attrs["name"], attrs["value"]))
        elif tag == "a":
            self.links.append(attrs["href"])
        elif tag == "button":
            assert {"form", "noscript"} <= set(self._inside)
            self.buttons += 1
        if tag not in ("input", "meta"):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        assert self._inside.pop() == tag

    def handle_data(self, data):
        if self._inside and self._inside[-1] == "script":
            self.scripts.append(data)

    def submits_itself(self):
        """Would a browser that heeds the policy run the script and let it?"""
        hashes = ["'sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() + "'"
                  for s in self.scripts]
        target = "://".join(urllib.parse.urlsplit(self.action)[:2])
        return self.scripts == ["document.forms[0].submit()"] \
            and self.policy.get("script-src") == hashes \
            and self.policy.get("form-action") == [target] \
            and self.policy.get("default-src") == ["'none'"]

    def body(self):
        """What it submits, by the rules of HTML: line ends are CR LF."""
        assert self.method == "post" and self.charset == "utf-8"
        return urllib.parse.urlencode(
            [(n, re.sub("\r\n|\r|\n", "\r\n", v)) for n, v in self.fields])


class Cookies(dict):
    """A browser's cookies of one name space; a line of headers when printed."""

    def take(self, answer):
        for line in answer.all("Set-Cookie"):
            pair, *attributes = [p.strip() for p in line.split(";")]
            name, _, value = pair.partition("=")
            if "max-age=0" in [a.lower() for a in attributes]:
                self.pop(name, None)
            else:
                self[name] = value
        return answer

    def __str__(self):
        return "Cookie: " + "; ".join(f"{n}={v}" for n, v in self.items()) + "\r\n" if self else ""
