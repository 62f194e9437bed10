# SPDX-License-Identifier: BSD-3-Clause
"""Users are kept apart on the connections to back ends, and in a table of
thousands that is changed thousands of times while they work."""
import base64
import collections
import json
import random
import threading
import time

import pytest

from lab.control import Control, Rest
from lab.fixture import Lab
from lab.gate import VIP
from lab.strangers import Strangers
from lab.topology import ALICE, BOB, CAS10, CAROL, EX13, MAILBOXES, MOVER, OLGA, ORIGIN, Mailbox, csv
from lab.wire import request

OTTO = Mailbox("otto", "Otto Other", ORIGIN, 50)
NTLM = "NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAFopAAAADw=="
ROWS, MOVES = 20_000, 10_000
SEED = random.SystemRandom().randrange(1 << 32)


@pytest.fixture(scope="module")
def module_lab():
    with Lab(workers=2) as lab:
        lab.strangers = Strangers(lab, VIP[4])
        for mailbox in (ALICE, BOB, CAROL):
            assert lab.ask(mailbox, "ews")[0] == 200
        yield lab


@pytest.fixture(scope="module")
def rest(module_lab):
    return Rest(module_lab)


@pytest.fixture
def lab(own_lab, rest):
    """After each test everything is as it was before the first."""
    yield own_lab
    own_lab.strangers.dismiss()
    own_lab.origin.seen.clear()
    more = rest.check()
    print(f"\nat rest: {more['packets_in_use']:+} packet buffers, "
          f"{more['heap_in_use']:+} bytes of heap")


# --- whose connection ------------------------------------------------------------------

def echo(lab, wire, who=None, authorization=None, tag=0):
    """One request to ORIGIN, whoever asks; the request as it arrived there."""
    number, target = lab.origin.path("echo")
    headers = f"X-AnchorMailbox: {OLGA.smtp}\r\nX-Tag: {tag}\r\n"
    if authorization:
        headers += f"Authorization: {authorization}\r\n"
    assert wire.ask("GET", target, who, headers=headers).status == 200
    return lab.origin.find(number)


def test_two_users_of_one_server(lab):
    """Each change of the user is a change of the connection."""
    with lab.wire() as wire:
        used = [echo(lab, wire, who).connection for who in (OLGA, OTTO) * 10]
    assert len(set(used)) == 20
    with lab.wire() as wire:
        used = [echo(lab, wire, who).connection for who in (OLGA, OLGA, OTTO, OTTO, OTTO)]
    assert used[0] == used[1] != used[2] == used[3] == used[4], "and is kept as long as it may be"


def test_two_users_of_two_servers(lab):
    """nginx tells on which of its connections it was asked."""
    with lab.wire() as wire:
        told = [json.loads(wire.ask("GET", "/EWS/Exchange.asmx", who).body)
                for who in (ALICE, BOB) * 10]
    assert [t["server"] for t in told] == ["EX13", "CAS10"] * 10
    assert [t["user"] for t in told] == [ALICE.smtp, BOB.smtp] * 10
    assert len({(t["server"], t["connection"]) for t in told}) == 20


@pytest.mark.parametrize("name, other", [("olga", "Olga"), ("olga", "olga2"),
                                         ("o", "o" * 200), ("o" * 200, "o" * 201)])
def test_names_that_are_alike(lab, name, other):
    """Another spelling may be another user: only the back end knows."""
    users = [Mailbox(n, "X Y", ORIGIN, 51) for n in (name, other)]
    with lab.wire() as wire:
        first, second, third = (echo(lab, wire, users[i]).connection for i in (0, 1, 0))
    assert len({first, second, third}) == 3


def test_nobody_after_somebody(lab):
    """The connection that Olga's password opened is not for who names nobody."""
    with lab.wire() as wire:
        olga, nobody, again = (echo(lab, wire, who).connection for who in (OLGA, None, OLGA))
    assert len({olga, nobody, again}) == 3


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
def test_authenticated_connections_are_pinned(lab, scheme):
    """NTLM says once who somebody is; what follows on the client's connection
    goes on on the same one, and nothing else does."""
    said = NTLM.replace("NTLM", scheme)
    with lab.wire() as wire, lab.wire() as stranger:
        olga = echo(lab, wire, OLGA).connection
        pinned = [echo(lab, wire, None, said).connection, echo(lab, wire, None, said).connection,
                  echo(lab, wire).connection, echo(lab, wire).connection]
        assert len(set(pinned)) == 1 and pinned[0] != olga
        assert echo(lab, stranger).connection != pinned[0]
        otto = echo(lab, wire, OTTO).connection
        nobody = echo(lab, wire).connection
    assert len({olga, pinned[0], otto, nobody}) == 4


def name_in(seen):
    """Who a request says it is from."""
    said = " ".join(seen.all("Authorization"))
    if said.startswith("Basic "):
        return base64.b64decode(said[6:]).decode().split(":")[0]
    return "pinned" if said else "nobody"


def test_nobody_ever_shares(lab):
    """Twelve clients that change who they are at random, all at once. However
    it comes, a connection to a back end has one client and one name."""
    print(f"\nseed {SEED}")
    lab.origin.seen.clear()
    failures = []

    def client(tag):
        dice = random.Random(SEED + tag)
        try:
            wire = lab.wire()
            for _ in range(25):
                who, said = dice.choice([(OLGA, None), (OTTO, None), (None, None), (None, NTLM)])
                echo(lab, wire, who, said, tag)
                if dice.random() < 0.1:
                    wire.close()
                    wire = lab.wire()
            wire.close()
        except (OSError, AssertionError) as error:
            failures.append((tag, repr(error)))
    threads = [threading.Thread(target=client, args=(tag,)) for tag in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    clients, names = collections.defaultdict(set), collections.defaultdict(set)
    for seen in lab.origin.seen:
        clients[seen.connection].update(seen.all("X-Tag"))
        names[seen.connection].add(name_in(seen))
    print(f"{len(lab.origin.seen)} requests on {len(clients)} connections to the back end")
    assert len(lab.origin.seen) == 12 * 25
    assert all(len(who) == 1 for who in clients.values())
    for who in names.values():
        assert len(who) == 1 or who == {"pinned", "nobody"}, who


# --- a table that changes --------------------------------------------------------------

def crowd(n):
    """People of a company: n mailboxes on two servers."""
    return [Mailbox(f"user{i}", f"User Number{i}", (EX13, CAS10)[i % 2], 1000 + i)
            for i in range(n)]


@pytest.fixture
def table(lab):
    """Afterwards the table is the lab's own again."""
    yield lab
    lab.gate.ctl("mailbox", "import", lab.gate.csv, "--replace")


def judge(found):
    asked = {user: sum(by.values()) for user, by in found["answers"].items()}
    print(f"answers: {asked}; the mover's: {found['answers'][MOVER.smtp]}")
    assert not found["failures"] and not found["astray"], found
    assert len(asked) == 4 and min(asked.values()) > 20


def fill_and_move(lab, control, people):
    """20,000 mailboxes at once, 10,000 moves one by one, and all of it away
    again; the heap that was used by either."""
    def heap():
        return control.stats(filter="heap_in_use")["memory.heap_in_use"]
    path = lab.hosts.dir / "company.csv"
    before, began = heap(), time.monotonic()
    report = control("mailbox import", file=str(path), replace=True)
    imported, full = time.monotonic(), heap()
    assert (report["rows"], report["added"], report["failed"]) == (ROWS + len(MAILBOXES), ROWS, 0)
    dice = random.Random(SEED)
    for i in range(MOVES):
        who = MOVER if i % 10 == 0 else dice.choice(people)
        control("mailbox move", mailbox=who.smtp, server=(EX13, CAS10)[i // 10 % 2].name)
    moved, after = time.monotonic(), heap()
    assert control("mailbox show", mailbox=people[7].guid)["smtp"] == people[7].smtp
    assert control("mailbox count")["mailboxes"] == ROWS + len(MAILBOXES)
    control("mailbox import", file=str(lab.gate.csv), replace=True)
    assert control("mailbox count")["mailboxes"] == len(MAILBOXES)
    print(f"{ROWS} mailboxes in {imported - began:.2f} s, {(full - before) / ROWS:.0f} bytes each; "
          f"{MOVES} moves in {moved - imported:.2f} s, {after - full:+} bytes")
    assert after - full < 1 << 20


def test_import_and_moves_while_users_work(table):
    """Nobody's request fails, the one who is moved is served by one of the two
    that may have him, and the second time costs no more memory than the first."""
    lab = table
    users = [(ALICE.smtp, ["EX13"]), (BOB.smtp, ["CAS10"]), (CAROL.smtp, ["CAS10B"]),
             (MOVER.smtp, ["EX13", "CAS10"])]
    people = crowd(ROWS)
    (lab.hosts.dir / "company.csv").write_text(csv([*MAILBOXES, *people]), encoding="utf-8")
    print(f"\nseed {SEED}")
    program = lab.strangers.start("askers", nice=0, n=8, users=users)
    time.sleep(0.5)
    moves, left = lab.gate.stats()["route.moves"], []
    with Control(lab) as control:
        for _ in range(2):
            fill_and_move(lab, control, people)
            time.sleep(0.5)     # what readers might still look at is freed then
            left.append(control.stats(filter="heap_in_use")["memory.heap_in_use"])
    judge(program.end())
    assert lab.gate.stats()["route.moves"] - moves >= 2 * MOVES
    print(f"left by the second round: {left[1] - left[0]:+} bytes")
    assert left[1] - left[0] < 1 << 20
