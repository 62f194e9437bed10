#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""casgatectl as its users meet it: words in, tables, exit status; against a
daemon that answers what a row says. Prints TAP-like lines and a count.

usage: casgatectl.py PROGRAM SAMPLE.yaml
"""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

program, sample = map(os.path.abspath, sys.argv[1:3])
passed, failed = 0, 0


def check(name, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok' if good else 'not ok'} - {name}" + ("" if good else f": {detail}"))


class Daemon(threading.Thread):
    """Answers each connection with `reply` and keeps what it was asked."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.reply, self.asked = b"", None

    def run(self):
        while True:
            peer = self.listener.accept()[0]
            with peer, peer.makefile("rb") as lines:
                line = lines.readline()
                self.asked = json.loads(line) if line else None
                peer.sendall(self.reply)


folder = tempfile.TemporaryDirectory()
path = os.path.join(folder.name, "s")
daemon = Daemon(path)
daemon.start()


def ctl(*words, data=None, reply=None, cwd=None, where=path):
    """Run casgatectl; returns (status, stdout, stderr)."""
    if reply is None:
        reply = json.dumps({"ok": True, "data": data}) + "\n"
    daemon.reply, daemon.asked = reply.encode(), None
    run = subprocess.run([program, "--socket", where, *words], capture_output=True,
                         text=True, timeout=20, cwd=cwd)
    return run.returncode, run.stdout, run.stderr


# --- every command there is can be typed, and reaches the daemon -------------

commands = ctl("--list-commands")[1].splitlines()
check("commands are listed", len(commands) >= 24, commands)
VALUES = {"protocol": "owa", "level": "info", "component": "OwaProxy", "state": "Active"}
for command in commands:
    usage = ctl("help", *command.split())[1].splitlines()[0]
    required = re.sub(r"\[[^]]*\](\.\.\.)?", "", usage.removeprefix(command)).split()
    words = [w if w.startswith("--") else VALUES.get(w.lower(), "a1") for w in required]
    status, out, err = ctl(*command.split(), *words, data={"good": True, "ready": True})
    check(command, status == 0 and daemon.asked["command"] == command,
          (status, out, err, daemon.asked))

# --- what is asked -----------------------------------------------------------

ctl("mailbox", "move", "anna@contoso.com", "EX13", "--database=DB 1")
check("arguments", daemon.asked == {
    "command": "mailbox move", "args": {
        "mailbox": "anna@contoso.com", "server": "EX13", "database": "DB 1"}},
    daemon.asked)
ctl("mailbox", "import", "boxes.csv", cwd=folder.name)
check("a file is named from the root", daemon.asked["args"]["file"]
      == os.path.join(os.path.realpath(folder.name), "boxes.csv"), daemon.asked)
ctl("mailbox", "show", "--", "--json")
check("behind -- everything is an argument",
      daemon.asked["args"] == {"mailbox": "--json"}, daemon.asked)

# --- the readiness report -----------------------------------------------------

FOUND = {"severity": "error", "code": "x", "protocols": ["rpc", "ews"], "mailboxes": 7,
         "text": "CAS10 is\x1b[2J ill", "cmdlet": "Repair-It CAS10", "local": False}
REPORT = {"ready": False, "organisation": [], "servers": [
    {"server": "EX13", "version": "2013", "site": "HQ", "verdict": "ready", "findings": []},
    {"server": "CAS10", "version": "2010", "site": "HQ", "verdict": "not ready",
     "findings": [FOUND, {**FOUND, "cmdlet": "Repair-Here", "local": True}]}]}
script = os.path.join(folder.name, "repair.ps1")
status, out, err = ctl("preflight", "--script", script, data=REPORT)
check("what is not ready", (status, out.splitlines()[:4]) == (1, [
    "EX13 (2013, site HQ): ready", "CAS10 (2010, site HQ): not ready",
    "  error, rpc, ews: CAS10 is?[2J ill (7 mailboxes)", "    Repair-It CAS10"]), (status, out))
check("the cmdlets as a script",
      [l for l in open(script, encoding="utf-8").read().splitlines() if "Repair" in l]
      == ["Repair-It CAS10", "#   Repair-Here"])
check("what is ready", ctl("preflight", data={**REPORT, "ready": True})[0] == 0)
check("a script that cannot be written",
      ctl("preflight", "--script", "/nowhere/x", data={**REPORT, "ready": True})[0] == 1)

# --- what is printed ------------------------------------------------------------

ROWS = [{"server": "EX13", "sessions": 7, "up": True, "site": "HQ"},
        {"server": "Zürich-EX10", "sessions": 12345, "up": False, "site": None},
        {"server": "x\x1b[31m\x7f\u009b\u202e", "sessions": 0, "extra": ["a", "b"]}]
TABLE = """\
SERVER       SESSIONS  UP   SITE  EXTRA
EX13                7  yes  HQ    -
Zürich-EX10     12345  no   -     -
x?[31m???           0  -    -     a, b
"""
check("a table", ctl("server", "list", data=ROWS) == (0, TABLE, ""),
      ctl("server", "list", data=ROWS))
check("an object", ctl("status", data={
    "name": "casgate", "up": 3.5, "tls": {"min": "1.2"}, "workers": [{"id": 0}]})
    == (0, "name   casgate\nup     3.5\ntls\n  min  1.2\n\nworkers\nID\n 0\n", ""),
    ctl("status", data={"name": "casgate", "up": 3.5, "tls": {"min": "1.2"},
                        "workers": [{"id": 0}]}))
check("an empty list", ctl("server", "list", data=[]) == (0, "", "none\n"))
check("nothing", ctl("server", "drain", "a", data=None) == (0, "", ""))
status, out, err = ctl("--json", "server", "list", data=ROWS)
check("JSON is whole and harmless", status == 0 and json.loads(out)["data"] == ROWS
      and all(0x20 <= ord(c) < 0x7f for c in out.rstrip("\n")), out)
PROGRESS = '{"progress":"half\\u001b"}\n{"ok":true,"data":null}\n'
check("progress", ctl("mailbox", "import", "x", reply=PROGRESS) == (0, "", "half?\n"))

# --- how it ends -------------------------------------------------------------------


def refusal(code, error):
    return json.dumps({"ok": False, "code": code, "error": error}) + "\n"


check("refused", ctl("stop", reply=refusal("refused", "no\x1b!"))
      == (1, "", "casgatectl: no?!\n"))
check("refused, as JSON", ctl("--json", "stop", reply=refusal("busy", "no"))
      == (1, '{"ok":false,"code":"busy","error":"no"}\n', ""))
check("the daemon knows no such command", ctl("stop", reply=refusal("usage", "x"))[0] == 2)
check("the daemon hangs up", ctl("stop", reply="")
      == (3, "", "casgatectl: casgate hung up without an answer\n"))
check("nonsense", ctl("stop", reply="?\n")[0] == 3)
status, out, err = ctl("status", where=os.path.join(folder.name, "none"))
check("no daemon", status == 3 and "casgate does not run" in err, (status, err))
for words, text in [
        (["mailbx", "show", "anna"], "did you mean 'mailbox show'?"),
        (["mailbox", "shwo", "anna"], "did you mean 'mailbox show'?"),
        (["statsu"], "did you mean 'status'?"),
        (["xyzzy"], "`casgatectl help` lists them all"),
        (["mailbox"], "mailbox import FILE [--replace]"),
        (["mailbox", "show"], "mailbox show needs mailbox"),
        (["session", "list", "--usr", "a"], "did you mean --user?"),
        (["log", "level", "loud"], "must be one of error|warn|info|debug"),
        (["status", "x"], "one word too many"),
        (["completion", "zsh"], "completion bash"),
        (["mailbox", "show", "a\x1bb"], "holds a control byte"),
        ([], "usage: casgatectl")]:
    status, out, err = ctl(*words)
    check(f"usage: {' '.join(words)!r}", status == 2 and text in err and not out
          and daemon.asked is None and "\x1b" not in err, (status, err))
with open("/dev/full", "w") as full:
    check("a full disk is told", subprocess.run(
        [program, "help"], stdout=full, stderr=subprocess.DEVNULL).returncode == 1)

# --- configuration, without a daemon ---------------------------------------------

away = os.path.join(folder.name, "none")
text = open(sample).read()
status, out, err = ctl("config", "check", "--syntax", sample, where=away)
check("the sample is good", (status, err) == (0, "") and out.endswith(": good\n"), out + err)
settings = [line for line in ctl("--help-config")[1].splitlines() if line[:1].strip()]
check("every setting is explained", len(settings) > 80, settings)
everything = re.sub(r"(?m)^(\s*)#([A-Za-z-]+:)", r"\1\2", text)
missing = [s for s in settings
           if not re.search(rf"(?m)(^\s*(- )?|[{{,] *){s.rsplit('.')[-1]}:", everything)]
check("every setting is in the sample", not missing, missing)
changed = os.path.join(folder.name, "c.yaml")
open(changed, "w").write(everything.replace("#workers", "workers"))
status, out, err = ctl("config", "check", "--syntax", changed, where=away)
check("what the sample has in comments is good too", status == 0, out)
open(changed, "w").write(text.replace("port: 443\n", "port: 443x\n", 1))
status, out, err = ctl("config", "check", changed, where=away)
line = next(i for i, l in enumerate(open(changed), 1) if "443x" in l)
check("errors have their place", status == 1 and
      f"{changed}:{line}:11: listeners[0].port: '443x': expected a number 1..65535" in out
      and out.endswith(": not usable\n"), out)
check("files are looked for", "mail.pem cannot be read: No such file" in out, out)
status, out, err = ctl("--json", "config", "check", "c.yaml", where=away, cwd=folder.name)
check("the same as JSON", status == 1 and json.loads(out)["data"]["good"] is False, out)
status, out, err = ctl("config", "check", data={
    "good": True, "file": "/etc/x", "findings": ["a warning"]})
check("the daemon's own file", (status, out) == (0, "a warning\n/etc/x: good\n"), out)

# --- texts --------------------------------------------------------------------------

script = ctl("completion", "bash")[1]


def complete(*words):
    run = subprocess.run(["bash", "--norc", "-c", script + """
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _casgatectl
printf '%s\\n' "${COMPREPLY[@]}" """, "bash", "casgatectl", *words],
        capture_output=True, text=True, cwd=folder.name)
    return run.stdout.split() if not run.stderr else run.stderr


for words, expected in [
        (["mail"], ["mailbox"]), (["mailbox", "m"], ["move"]),
        (["--socket", "x", "log", "level", "d"], ["debug"]),
        (["mailbox", "move", "a", "b", "--d"], ["--database"]),
        (["route", "explain", "--protocol", "o"], ["owa", "oab"]),
        (["help", "sta"], ["status", "stats"]), (["config", "check", "c."], ["c.yaml"])]:
    check(f"completion of {words}", complete(*words) == expected, complete(*words))
for page in ("--man", "--man-config"):
    text = ctl(page)[1]
    check(f"{page} is a man page", text.startswith(".TH ") and ".SH NAME" in text
          and not re.search(r"(?m)^'", text))
check("version", re.fullmatch(r"casgatectl \d+\.\d+\.\d+\n", ctl("--version")[1]))

print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
