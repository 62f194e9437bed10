# SPDX-License-Identifier: BSD-3-Clause
"""The main job, shown: started by app/demo.sh, which installed and built.

    demo.py [--once] [--workers N]

One row a mailbox and protocol; then a mailbox moves from 2010 to 2013 while
its clients keep asking. Exit status 0 only if every row is as expected.
"""
import argparse
import collections
import ctypes
import json
import signal
import subprocess
import sys
import time

from . import topology
from .fixture import Lab
from .gate import program

PEOPLE = [topology.ALICE, topology.BOB, topology.CAROL, topology.DAVE]
HUGEPAGES = 160             # 2 MB each: casgate's 256 MB and some room
PR_SET_PDEATHSIG = 1

# Not even `kill -9` of the shell that started us may leave us behind.
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def say(*words):
    print(*words, flush=True)


class Table:
    WIDTHS = (20, 14, 34, 34, 8)

    def __init__(self):
        self.rows = self.wrong = 0
        self._line("mailbox", "protocol", "expected", "where it went", "status", "time")
        self._line(*("-" * (w - 1) for w in self.WIDTHS), "-------")

    def _line(self, *cells):
        say(" ".join(str(c).ljust(w - 1) for c, w in zip(cells, (*self.WIDTHS, 1))).rstrip())

    def row(self, who, protocol, expected, went, status, seconds, right):
        self.rows += 1
        self.wrong += not right
        self._line(who, protocol, expected, went, status,
                   f"{seconds * 1000:.1f} ms" + ("" if right else "   <-- WRONG"))


def describe(server):
    return f"{server.name} ({server.version}, {server.site})"


def routing_rows(lab, table):
    by_name = {s.name: s for s in topology.SERVERS}
    for mailbox in PEOPLE:
        who = f"{mailbox.alias} ({mailbox.server.version})"
        for protocol in topology.REQUESTS:
            expected = topology.expected(mailbox, protocol)
            if expected is None:
                continue
            status, url, seconds, told = lab.ask(mailbox, protocol, check=False)
            server = by_name.get(told.get("server"))
            went = describe(server) if server else url or "nowhere"
            wanted = describe(expected.server) if expected.server else expected.redirect
            table.row(who, protocol, wanted, went, status, seconds,
                      went == wanted and status == expected.status)


def other_rows(lab, table):
    """What is answered before any mailbox is looked for."""
    host = topology.NAMESPACE
    rows = (("port 80 /owa", f"http://{host}/owa", 302, f"https://{host}/owa"),
            ("port 80 /EWS", f"http://{host}/EWS/Exchange.asmx", 403, ""),
            ("unknown path", f"https://{host}/phpmyadmin/", 404, ""))
    for what, url, status, redirect in rows:
        done = lab.curl("-o", lab.hosts.dir / "ignored", "-w",
                        "%{http_code} %{time_total} %{redirect_url}", url, check=False)
        got, seconds, *where = done.stdout.split()
        where = where[0] if where else ""
        table.row("anybody", what, redirect or f"refused ({status})", where or "refused", got,
                  float(seconds), int(got) == status and where == redirect)


CURL_LOOP = 'while :; do curl --silent --max-time 10 -w "%{http_code}\\n" "$@" || echo failed; done'


def move(lab, clients=2, seconds=1.5):
    """Move Bob from 2010 to 2013 while curl loops ask for his mail."""
    bob, start, goal = topology.BOB, topology.CAS10, topology.EX13
    say(f"\nMoving {bob.smtp} from {describe(start)} to {describe(goal)} "
        f"while {clients} clients keep asking ...")
    words = ["--cacert", str(lab.gate.authority.cert), *lab.request_words(bob, "ews")]
    logs, loops = [], []
    for i in range(clients):
        log = lab.hosts.dir / f"client{i}.log"
        with open(log, "wb") as out:
            loops.append(subprocess.Popen(
                lab.hosts.command("client", "bash", "-c", CURL_LOOP, "loop", *words),
                stdout=out, stderr=subprocess.STDOUT))
        logs.append(log)
    time.sleep(seconds)
    command = ["mailbox", "move", bob.smtp, goal.name]
    moved = lab.gate.cli(*command)
    say("  # casgatectl", *command)
    say("  " + (moved.stdout or moved.stderr).strip().replace("\n", "\n  "))
    time.sleep(seconds)
    for loop in loops:
        loop.terminate()
        loop.wait()
    went, failed, clean = collections.Counter(), 0, True
    for log in logs:
        order, bad = read_loop(log)
        went.update(order)
        failed += bad
        # Once a client was served by the new server, never again by the old.
        clean = clean and order == sorted(order, key=[start.name, goal.name].index) \
            and order[-1] == goal.name
    say(f"  {went[start.name]} requests served by {start.name}, "
        f"then {went[goal.name]} by {goal.name}, {failed} failed")
    after = lab.ask(bob, "ews")[3].get("server")
    say(f"  the next one went to {after}")
    good = moved.returncode == 0 and clean and failed == 0 and after == goal.name \
        and went[start.name] > 0
    if not good:
        say("  NOT as expected")
    return good


def read_loop(log):
    """The servers that answered, in order, and how many answers were not a
    server's. The last line may be cut: the loop was ended inside a request."""
    lines = log.read_text().splitlines()
    servers, failed = [], 0
    for line in lines[:-1]:
        if line.startswith("{"):
            servers.append(json.loads(line)["server"])
        elif line != "200":
            failed += 1
    return servers, failed


def by_hand(lab):
    ctl = f"{program('casgatectl')} --socket {lab.gate.socket}"
    client = f"ip netns exec {lab.hosts.ns('client')}"
    curl = f"{client} curl --cacert {lab.gate.authority.cert}"
    say(f"""
casgate goes on running. Try it by hand, as root in another terminal:

  {curl} -u carol@contoso.com:x https://{topology.NAMESPACE}/EWS/Exchange.asmx
  {curl} -i -u dave@contoso.com:x https://{topology.NAMESPACE}/owa/
  {ctl} status
  {ctl} mailbox move carol@contoso.com EX13
  {ctl} session list
  {client} tcpdump -ni eth0

Configuration: {lab.gate.file}
Logs:          {lab.hosts.dir}/*.log

Ctrl-C ends it and removes everything it made.""")


def run(options, began):
    say(f"Setting up: three hosts as network namespaces, {len(topology.STANDINS)} Exchange "
        "stand-ins, a CA, casgate ...")
    with Lab(workers=options.workers, hugepages=HUGEPAGES, origin=False) as lab:
        memory = "2 MB pages" if lab.huge else "ordinary memory (no hugepages to be had: --no-huge)"
        say(f"casgate runs on AF_XDP over veth, {options.workers} worker(s), {memory}; "
            f"ready {time.monotonic() - began:.1f} s after the build.\n")
        table = Table()
        routing_rows(lab, table)
        other_rows(lab, table)
        moved = move(lab)
        good = moved and table.wrong == 0
        say(f"\n{table.rows} rows, {table.wrong} wrong; the move "
            f"{'lost nothing' if moved else 'FAILED'}.")
        if not options.once:
            by_hand(lab)
            signal.pause()
    return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(prog="app/demo.sh")
    parser.add_argument("--once", action="store_true", help="end after the table")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()

    def end(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    # Whoever started us in the background may have had it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return run(options, time.monotonic())
    except KeyboardInterrupt:
        say("\nremoving everything ...")
        return 130


if __name__ == "__main__":
    sys.exit(main())
