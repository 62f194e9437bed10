# SPDX-License-Identifier: BSD-3-Clause
"""Every command of casgatectl, against the running daemon, and what it says
when it cannot."""
import json
import os
import re
import socket
import stat
import time

import pytest

from lab import topology
from lab.gate import ROOT, ControlError
from lab.topology import ALICE, BOB, DAVE, OLGA
from lab.wire import RESET, request

COMMANDS = re.findall(r'CONTROL_COMMAND\((\w+), "(\w+)", "(\w*)"',
                      (ROOT / "lib/control/commands.def").read_text())


def test_every_command_has_a_test():
    here = open(__file__, encoding="utf-8").read()
    for _, noun, verb in COMMANDS:
        name = f"{noun}_{verb}" if verb else noun
        assert re.search(rf"def test_{name}\b", here), f"no test_{name}()"


def refusal(lab, *words):
    with pytest.raises(ControlError) as refused:
        lab.gate.ctl(*words)
    assert refused.value.code != 0
    return refused.value.words


# --- the whole ------------------------------------------------------------------

def test_status(lab):
    status = lab.gate.ctl("status")
    assert status["state"] == "running" and status["name"] == lab.hosts.name
    assert status["servers"] == len(topology.SERVERS)
    assert status["mailboxes"] >= len(topology.MAILBOXES)
    before = status["requests"]
    assert lab.ask(ALICE, "ews")[0] == 200
    assert lab.gate.ctl("status")["requests"] == before + 1


def test_version(lab):
    assert re.fullmatch(r"\d+\.\d+\.\d+", lab.gate.ctl("version")["version"])


def test_worker_list(lab):
    worker, = lab.gate.ctl("worker", "list")
    assert worker["worker"] == 0 and worker["turns"] > 0
    assert worker["rx_packets"] > 0 and worker["free_packets"] > 0


def test_interface_list(lab):
    front, back = lab.gate.ctl("interface", "list")
    assert (front["interface"], back["interface"]) == ("front", "back")
    assert front["link"] == "up" and "10.10.0.10/24" in front["addresses"]
    assert front["rx_packets"] > 0 and back["tx_packets"] > 0


def test_neighbour_list(lab):
    lab.ask(ALICE, "ews")
    found = {n["address"]: n for n in lab.gate.ctl("neighbour", "list")}
    assert {"10.10.0.2", topology.EX13.address} <= set(found)
    link = lab.hosts.run("client", "cat", "/sys/class/net/eth0/address").stdout.strip()
    assert found["10.10.0.2"]["mac"] == link


def test_stats(lab):
    stats = lab.gate.stats()
    assert stats["proxy.accepted"] > 0 and stats["tcp.segments_in"] > 0
    assert sum(lab.gate.dialed().values()) >= stats["proxy.connects"] + stats["proxy.probes"]
    rows = lab.gate.ctl("stats", "--filter", "proxy.")
    assert rows and all("proxy." in row["name"] and row["help"] for row in rows)
    before = stats["requests.oab"]
    lab.ask(ALICE, "oab")
    assert lab.gate.stats()["requests.oab"] == before + 1


# --- servers -----------------------------------------------------------------------

def test_server_list(lab):
    rows = {row["server"]: row for row in lab.gate.ctl("server", "list")}
    assert set(rows) == {s.name for s in topology.SERVERS}
    for server in topology.SERVERS:
        assert (rows[server.name]["version"], rows[server.name]["site"]) == \
            (server.version, server.site)
    before = rows["CAS10"]["requests"]
    lab.ask(BOB, "ews")
    rows = {row["server"]: row for row in lab.gate.ctl("server", "list")}
    assert rows["CAS10"]["requests"] == before + 1


@pytest.mark.parametrize("name", ["CAS07", "cas07", topology.CAS07.fqdn])
def test_server_show(lab, name):
    server = lab.gate.ctl("server", "show", name)
    assert server["server"] == "CAS07" and server["addresses"] == [topology.CAS07.address]
    owa = next(v for v in server["virtual_directories"] if v["protocol"] == "owa")
    assert owa["external_url"] == topology.LEGACY_OWA
    assert "no server" in refusal(lab, "server", "show", "NOPE")


def test_server_show_tells_the_last_error(lab):
    assert lab.ask(topology.IVAN, "ews")[0] == 502
    errors = lab.gate.ctl("server", "show", "IMPOSTOR")["last_errors"]
    assert errors and "certificate" in errors[0].lower()


def test_server_drain(lab):
    try:
        assert lab.gate.ctl("server", "drain", "CAS10")["state"] == "drained"
        assert lab.ask(BOB, "ews")[0] == 503, "its only server is drained"
    finally:
        lab.gate.ctl("server", "enable", "CAS10")
    assert lab.ask(BOB, "ews")[0] == 200


def test_server_enable(lab):
    with lab.wire() as wire:
        assert wire.ask("GET", "/EWS/Exchange.asmx", BOB).status == 200
        lab.gate.ctl("server", "drain", "CAS10")
        assert lab.gate.ctl("server", "enable", "CAS10")["state"] == "enabled"
        assert wire.ask("GET", "/EWS/Exchange.asmx", BOB).status == 200
    assert "no server" in refusal(lab, "server", "enable", "NOPE")


# --- components ---------------------------------------------------------------------

def test_component_list(lab):
    rows = {row["component"]: row for row in lab.gate.ctl("component", "list")}
    assert {"ServerWideOffline", "OwaProxy", "RpcProxy", "PopProxy"} <= set(rows)
    assert all(row["state"] == "Active" for row in rows.values())
    assert len(lab.gate.ctl("component", "list", "--server", "CAS10")) == len(rows)
    assert "no server" in refusal(lab, "component", "list", "--server", "NOPE")


def test_component_show(lab):
    shown = lab.gate.ctl("component", "show", "MapiProxy")
    assert shown["state"] == "Active"
    assert {r["requester"] for r in shown["requesters"]} == \
        {"Maintenance", "HealthAPI", "Functional", "Sidelined"}
    assert "OwaProxy" in refusal(lab, "component", "show", "OwaProxi")


def test_component_set(lab):
    try:
        lab.gate.ctl("component", "set", "OabProxy", "Inactive", "--requester", "Sidelined")
        shown = lab.gate.ctl("component", "show", "OabProxy")
        assert (shown["state"], shown["requester"]) == ("Inactive", "Sidelined")
        assert lab.ask(ALICE, "oab")[0] == 503
    finally:
        lab.gate.ctl("component", "set", "OabProxy", "Active", "--requester", "Sidelined")
    assert lab.ask(ALICE, "oab")[0] == 200
    refusal(lab, "component", "set", "OabProxy", "Off")
    assert "no server" in refusal(lab, "component", "set", "OabProxy", "Inactive",
                                  "--server", "NOPE")


def test_plan(lab):
    """Every population and protocol, as the coexistence table has it."""
    rows = {(r["version"], r["site"], r["protocol"]): r for r in lab.gate.ctl("plan")}
    for mailbox in topology.PEOPLE:
        for protocol in topology.REQUESTS:
            told = topology.expected(mailbox, protocol)
            row = rows[mailbox.server.version, mailbox.server.site, protocol]
            assert row["mailboxes"] >= 1 and row["reason"]
            if told is None:
                assert row["action"] == "none", row
            elif told.redirect:
                assert (row["action"], row["to"][0]) == ("redirect", told.redirect)
            else:
                assert row["action"] == "proxy" and told.server.name in row["to"], row
    sessions = lab.gate.stats()["proxy.connects"]
    lab.gate.ctl("plan")
    assert lab.gate.stats()["proxy.connects"] == sessions
    lab.gate.ctl_any("preflight", "--server", "CAS10")    # nginx lets everybody into /rpc
    row = next(r for r in lab.gate.ctl("plan")
               if (r["version"], r["site"], r["protocol"]) == ("2010", "HQ", "rpc"))
    assert row["not_ready"] == ["CAS10: anonymous"]


def test_preflight(lab):
    """Readiness of one server; test_preflight.py has the states."""
    row, = lab.gate.ctl_any("preflight", "--server", "EX13")["servers"]
    assert (row["server"], row["version"], row["site"]) == ("EX13", "2013", "HQ")
    assert row["verdict"] in ("ready", "not ready") and row["mailboxes"] >= 1
    assert "no server" in refusal(lab, "preflight", "--server", "NOPE")


# --- mailboxes ---------------------------------------------------------------------

@pytest.mark.parametrize("key", [BOB.smtp, BOB.other_smtp.upper(), BOB.sam, BOB.guid, BOB.dn])
def test_mailbox_show(lab, key):
    mailbox = lab.gate.ctl("mailbox", "show", key)
    assert (mailbox["smtp"], mailbox["server"], mailbox["version"], mailbox["site"]) == \
        (BOB.smtp, "CAS10", "2010", "HQ")
    assert mailbox["display"] == BOB.display and mailbox["guid"] == BOB.guid
    assert BOB.other_smtp in mailbox["aliases"]
    assert "no mailbox" in refusal(lab, "mailbox", "show", "who@nowhere")


@pytest.fixture
def newcomer(lab):
    smtp = "newcomer@contoso.com"
    lab.gate.ctl("mailbox", "set", smtp, "--server", "CAS10B", "--alias", "nora@contoso.com",
                 "--alias", "nn@contoso.com", "--sam", "CONTOSO\\nora", "--display", "Nora New")
    yield smtp
    try:
        lab.gate.ctl("mailbox", "remove", smtp)
    except ControlError:
        pass


def where(lab, user):
    with lab.wire() as wire:
        someone = topology.Mailbox(user.split("@")[0], "X Y", topology.EX13, 99)
        return json.loads(wire.ask("GET", "/EWS/Exchange.asmx", someone).body)["server"]


def test_mailbox_set(lab, newcomer):
    assert where(lab, newcomer) == where(lab, "nora@contoso.com") == "CAS10B"
    assert lab.gate.ctl("mailbox", "show", "CONTOSO\\nora")["display"] == "Nora New"
    assert "another mailbox" in refusal(lab, "mailbox", "set", "x@contoso.com", "--server", "EX13",
                                        "--alias", BOB.smtp)
    assert "not in the configuration" in refusal(lab, "mailbox", "set", "x@contoso.com",
                                                 "--server", "NOPE")
    assert "no mailbox" in refusal(lab, "mailbox", "show", "x@contoso.com")


def test_mailbox_move(lab, newcomer):
    assert lab.gate.ctl("mailbox", "move", "nn@contoso.com", "CAS10",
                        "--database", "DB7")["server"] == "CAS10"
    assert where(lab, newcomer) == "CAS10"
    assert lab.gate.ctl("mailbox", "show", newcomer)["database"] == "DB7"
    assert "not in the configuration" in refusal(lab, "mailbox", "move", newcomer,
                                                 "NOPE")
    assert "no mailbox" in refusal(lab, "mailbox", "move", "who@nowhere", "EX13")
    assert where(lab, newcomer) == "CAS10"


def test_mailbox_remove(lab, newcomer):
    lab.gate.ctl("mailbox", "remove", newcomer)
    for key in (newcomer, "nora@contoso.com", "CONTOSO\\nora"):
        assert "no mailbox" in refusal(lab, "mailbox", "show", key)
    assert where(lab, newcomer) == "EX13", "as for anybody unknown"


def test_mailbox_count(lab, newcomer):
    before = lab.gate.ctl("mailbox", "count")
    lab.gate.ctl("mailbox", "remove", newcomer)
    after = lab.gate.ctl("mailbox", "count")
    assert before["mailboxes"] - after["mailboxes"] == 1
    assert before["keys"] - after["keys"] >= 4


def test_mailbox_import(lab):
    path = lab.hosts.dir / "more.csv"
    paula = topology.Mailbox("paula", "Paula Plus", topology.CAS10, 77)
    path.write_text(topology.csv([paula, BOB]), encoding="utf-8")
    try:
        report = lab.gate.ctl("mailbox", "import", path)
        assert (report["rows"], report["added"], report["unchanged"]) == (2, 1, 1)
        assert where(lab, paula.smtp) == "CAS10"
        assert lab.gate.ctl("mailbox", "show", ALICE.smtp), "others stay"
        path.write_text("DisplayName,EmailAddresses\r\nX,System.Collections.ArrayList\r\n")
        refusal(lab, "mailbox", "import", path)
        assert where(lab, paula.smtp) == "CAS10", "a refused file changes nothing"
        assert "/nowhere.csv" in refusal(lab, "mailbox", "import", "/nowhere.csv")
        report = lab.gate.ctl("mailbox", "import", lab.gate.csv, "--replace")
        assert report["rows"] == len(topology.MAILBOXES)
        assert "no mailbox" in refusal(lab, "mailbox", "show", paula.smtp)
    finally:
        lab.gate.ctl("mailbox", "import", lab.gate.csv, "--replace")


# --- decisions ----------------------------------------------------------------------

@pytest.mark.parametrize("mailbox, protocol, action, first", [
    (ALICE, "owa", "proxy", "EX13"), (BOB, "rpc", "proxy", "CAS10"),
    (DAVE, "autodiscover", "proxy", "EX13"), (DAVE, "owa", "redirect", None)])
def test_route_explain(lab, mailbox, protocol, action, first):
    told = lab.gate.ctl("route", "explain", "--user", mailbox.smtp, "--protocol", protocol)
    assert told["action"] == action and told["home"] == mailbox.server.name and told["reason"]
    if first:
        assert told["candidates"][0] == first
    else:
        assert told["url"] == topology.LEGACY_OWA


def test_route_explain_with_url(lab):
    told = lab.gate.ctl("route", "explain", "--user", ALICE.smtp, "--protocol", "rpc",
                        "--url", f"/rpc/rpcproxy.dll?{BOB.guid}@contoso.com:6001")
    assert told["home"] == "CAS10" and told["hint"] == "MailboxGuidWithDomain"
    told = lab.gate.ctl("route", "explain", "--user", ALICE.smtp, "--protocol", "owa", "--url",
                        f"https://{topology.NAMESPACE}/owa/{BOB.smtp}/")
    assert told["home"] == "CAS10" and told["hint"] == "ExplicitLogon-SMTP"
    told = lab.gate.ctl("route", "explain", "--user", ALICE.smtp, "--protocol", "ews",
                        "--anchor", BOB.smtp)
    assert told["home"] == "CAS10" and told["hint"] == "AnchorMailboxHeader"
    told = lab.gate.ctl("route", "explain", "--user", DAVE.smtp, "--protocol", "owa",
                        "--method", "POST")
    assert (told["action"], told["status"]) == ("answer", 403)
    assert "path" in refusal(lab, "route", "explain", "--user", ALICE.smtp, "--protocol", "owa",
                             "--url", "/ecp/")


def test_vc_list(lab):
    """What it shows of real ones: test_rpc.py."""
    assert lab.gate.ctl("vc", "list") == []
    assert lab.gate.ctl("vc", "list", "--user", BOB.smtp) == []


# --- sessions -----------------------------------------------------------------------

def test_session_list(lab):
    _, target = lab.origin.path("get", n=1000, piece=10, ms=50)
    with lab.wire() as wire:
        wire.send(request("GET", target, OLGA))
        assert wire.head().status == 200
        session, = lab.gate.sessions("--user", OLGA.smtp)
        assert (session["client"], session["server"], session["protocol"]) == \
            ("10.10.0.2", "ORIGIN", "ews")
        assert session["tls"] and session["state"] == "exchange" and session["bytes_up"] > 0
        there = lab.gate.sessions("--server", "ORIGIN")
        assert [s["session"] for s in there] == [session["session"]]
        assert not lab.gate.sessions("--user", "nobody@contoso.com")
        assert len(lab.gate.sessions("--limit", "1")) == 1


def test_session_kill(lab):
    number, target = lab.origin.path("silent")
    with lab.wire() as wire:
        wire.send(request("GET", target, OLGA))
        seen = lab.origin.find(number)
        session, = lab.gate.sessions("--user", OLGA.smtp)
        lab.gate.ctl("session", "kill", session["session"])
        assert wire.ending() == RESET
        assert lab.origin.ending(seen) == RESET
    assert "no session" in refusal(lab, "session", "kill", session["session"])
    for nonsense in ("zzz", "0", "ffffffffffffffff"):
        refusal(lab, "session", "kill", nonsense)


# --- configuration, log -----------------------------------------------------------------

def test_config_check(lab):
    good = lab.gate.ctl("config", "check")
    assert good["good"] and not good["findings"]
    bad = lab.gate.write({**lab.gate.config, "site": "Atlantis"}, lab.hosts.dir / "bad.yaml")
    assert lab.gate.cli("config", "check", bad).returncode == 1
    answer = lab.gate.ctl("config", "check", bad)
    assert not answer["good"] and any("Atlantis" in line for line in answer["findings"])


def test_config_reload(lab):
    before = lab.gate.ctl("status")["generation"]
    assert lab.gate.ctl("config", "reload")["generation"] != before


def test_config_show(lab):
    settings = {s["setting"]: s for s in lab.gate.ctl("config", "show")}
    assert settings["appliance.workers"]["value"] == "1"
    assert settings["appliance.workers"]["change"] == "restart"
    assert settings["timeouts.linger"]["from"] == "default"
    filtered = lab.gate.ctl("config", "show", "--filter", "limits")
    assert filtered and all("limits" in s["setting"] for s in filtered)


def test_log_level(lab):
    before = lab.gate.ctl("log", "level")["level"]
    try:
        assert lab.gate.ctl("log", "level", "debug")["level"] == "debug"
        assert lab.gate.ctl("log", "level")["level"] == "debug"
        refusal(lab, "log", "level", "shouting")
    finally:
        lab.gate.ctl("log", "level", before)


# --- people and programs ---------------------------------------------------------------

@pytest.mark.parametrize("words", [
    ["status"], ["worker", "list"], ["server", "list"], ["server", "show", "EX13"],
    ["mailbox", "show", BOB.smtp], ["session", "list"], ["interface", "list"], ["stats"],
    ["route", "explain", "--user", BOB.smtp, "--protocol", "owa"], ["config", "show"]],
    ids=" ".join)
def test_tables_for_people(lab, words):
    done = lab.gate.cli(*words)
    assert done.returncode == 0
    if words == ["session", "list"]:
        assert (done.stdout, done.stderr) == ("", "none\n")
    else:
        assert done.stdout.strip() and not done.stderr
    assert "\x1b" not in done.stdout and not done.stdout.lstrip().startswith(("{", "["))


@pytest.mark.parametrize("words, hint", [
    (["mailbx", "move"], "mailbox move"), (["server", "lst"], "server list"),
    (["mailbox", "move", "x@y"], "server"), (["mailbox", "show"], "mailbox"),
    (["status", "--frobnicate"], "frobnicate"), (["session", "list", "--limit", "many"], "limit"),
    (["route", "explain", "--user", "x", "--protocol", "smtp"], "owa")])
def test_wrong_usage(lab, words, hint):
    done = lab.gate.cli(*words)
    assert done.returncode != 0 and hint in done.stderr and not done.stdout


def test_no_daemon(lab):
    done = lab.gate.cli("status")
    assert done.returncode == 0
    socket_path, lab.gate.config["appliance"]["control-socket"] = lab.gate.socket, "/nowhere.sock"
    try:
        done = lab.gate.cli("status")
    finally:
        lab.gate.config["appliance"]["control-socket"] = socket_path
    assert done.returncode != 0 and "/nowhere.sock" in done.stderr


def test_hostile_names_print_harmlessly(lab):
    """A user name is a stranger's word; the terminal must not obey it."""
    evil = topology.Mailbox("evil\x1b[2J\x07", "X Y", topology.EX13, 98)
    _, target = lab.origin.path("get", n=1000, piece=10, ms=50)
    with lab.wire() as wire:
        wire.send(request("GET", target, evil, headers=f"X-AnchorMailbox: {OLGA.smtp}\r\n"))
        assert wire.head().status == 200
        done = lab.gate.cli("session", "list")
        assert done.returncode == 0
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", done.stdout)
        lab.gate.sessions()


# What a terminal obeys: C0, DEL, C1 and the marks that turn text around.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
EVIL = "x\x1b]0;evil\x07\x1b[2J\u009b31m\u202e\x7f\r"


@pytest.mark.parametrize("words", [
    ["session", "list"], ["session", "list", "--user", EVIL], ["session", "kill", EVIL],
    ["vc", "list"], ["vc", "list", "--user", EVIL], ["mailbox", "show", EVIL],
    ["mailbox", "set", EVIL, "--server", "EX13"], ["mailbox", "move", BOB.smtp, EVIL],
    ["mailbox", "remove", EVIL], ["mailbox", "import", EVIL], ["server", "show", EVIL],
    ["server", "show", "IMPOSTOR"], ["server", "drain", EVIL], ["component", "show", EVIL],
    ["route", "explain", "--user", EVIL, "--protocol", "owa"],
    ["route", "explain", "--user", EVIL, "--protocol", "owa", "--url", f"/owa/{EVIL}?{EVIL}"],
    ["route", "explain", "--user", "x", "--protocol", "ews", "--anchor", EVIL],
    ["route", "explain", "--user", "x", "--protocol", EVIL, "--method", EVIL],
    ["stats", "--filter", EVIL], ["log", "level", EVIL], ["config", "check", EVIL],
    ["outlook-anywhere", "show"], ["outlook-anywhere", "show", EVIL],
    ["outlook-anywhere", "set", "CAS10", "--ExternalHostname", EVIL],
    ["outlook-anywhere", "set", EVIL, "--IISAuthenticationMethods", EVIL],
    ["outlook-anywhere", "enable", "CAS10", "--ExternalHostname", EVIL, "--SSLOffloading", EVIL],
    ["outlook-anywhere", "disable", EVIL],
    ["config", "show", "--filter", EVIL], ["preflight"], ["plan"], ["help", EVIL], [EVIL],
    [EVIL, EVIL]],
    ids=lambda w: " ".join(w).replace(EVIL, "EVIL"))
def test_nothing_that_a_terminal_obeys(lab, words, evil_everywhere):
    """Whoever said it: a client, a file, a server's certificate, or the very
    administrator, by copying it."""
    for done in lab.gate.cli(*words), lab.gate.cli("--json", *words):
        assert done.stdout or done.stderr
        assert not OBEYED.search(done.stdout + done.stderr), ascii(done.stdout + done.stderr)
    assert not OBEYED.search(lab.gate.log())


@pytest.fixture(scope="module")
def evil_everywhere(shared_lab):
    """A session, a channel and a mailbox of that name, and a server whose
    certificate has been issued by somebody of such a name."""
    lab = shared_lab
    evil = topology.Mailbox(EVIL, "X Y", topology.EX13, 98)
    anchor = f"X-AnchorMailbox: {OLGA.smtp}\r\n"
    with lab.wire() as wire, lab.wire() as channel:
        _, target = lab.origin.path("get", n=10000, piece=10, ms=50)
        wire.send(request("GET", target, evil, headers=anchor))
        assert wire.head().status == 200
        _, target = lab.origin.path("silent", vdir="/rpc/rpcproxy.dll")
        channel.send(request("RPC_IN_DATA", target, evil, headers=anchor
                             + "Content-Length: 1073741824\r\n", body=b"x"))
        assert lab.ask(topology.IVAN, "ews")[0] == 502
        assert "nobody's ?[31mCA" in lab.gate.ctl("server", "show", "IMPOSTOR")["last_errors"][0]
        file = lab.hosts.dir / "evil.csv"
        file.write_text(topology.csv([evil]).replace(EVIL + "@", "evil@"), encoding="utf-8")
        lab.gate.cli("mailbox", "import", str(file))
        yield


@pytest.mark.parametrize("text", [
    f"{EVIL}: 1\n", f'appliance: {{name: "{EVIL}"}}\n', f'appliance:\n  "{EVIL}": 1\n',
    'site: "\\e[31m"\n', "\x1b[31m\n"], ids=ascii)
def test_a_file_that_a_terminal_would_obey(lab, text):
    file = lab.hosts.dir / "evil.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    done = lab.gate.cli("config", "check", "--syntax", str(file))
    assert done.returncode and not OBEYED.search(done.stdout + done.stderr)
    done = lab.gate.check(text)
    assert done.returncode and not OBEYED.search(done.stdout + done.stderr)


def test_socket_is_not_for_everybody(lab):
    mode = stat.S_IMODE(os.stat(lab.gate.socket).st_mode)
    assert mode & 0o007 == 0, oct(mode)


@pytest.mark.parametrize("line", [b"nonsense", b"{}", b"[]", b'{"command":1}',
                                  b'{"command":"status","args":[]}',
                                  b'{"command":"status","args":{"x":1}}',
                                  b'{"command":"mailbox show"}', b"\xff\xfe\x00", b"[" * 5000,
                                  b'{"command":"status"}' + b" " * 2000000],
                         ids=lambda b: repr(b[:30]))
def test_nonsense_on_the_socket(lab, line):
    """One bad client harms neither the daemon nor the next client."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(lab.gate.socket)
        try:
            client.sendall(line + b"\n")
            answer = client.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            answer = b""
        if answer:
            assert json.loads(answer.split(b"\n")[0])["ok"] is False
    assert lab.gate.ctl("status")["state"] == "running"


def test_clients_that_say_nothing(lab):
    """Idle connections do not keep others out for ever."""
    idle = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for client in idle:
        client.connect(lab.gate.socket)
    assert lab.gate.ctl("status")["state"] == "running"
    for client in idle:
        client.close()


# --- the end ----------------------------------------------------------------------------

def test_stop(lab):
    """It drains: what is under way is finished, nothing new begins."""
    _, target = lab.origin.path("get", n=500, piece=100, ms=100)
    with lab.wire() as busy, lab.wire() as idle:
        assert idle.ask("GET", "/owa/", ALICE).status == 200
        busy.send(request("GET", target, OLGA))
        assert busy.head().status == 200
        assert lab.gate.ctl("stop")["state"] == "draining"
        assert idle.ending() != "open", "idle connections are closed"
        with pytest.raises(OSError):
            lab.wire()
        assert len(busy.exactly(500)) == 500
    assert lab.gate.process.wait(10) == 0
    assert not os.path.exists(lab.gate.socket)
    lab.gate.start()


def test_stop_now(lab):
    _, target = lab.origin.path("silent")
    with lab.wire() as wire:
        wire.send(request("GET", target, OLGA))
        began = time.monotonic()
        lab.gate.ctl("stop", "--now")
        assert lab.gate.process.wait(10) == 0
        assert wire.ending() == RESET
        assert time.monotonic() - began < 3
    lab.gate.start()


def test_terminated(lab):
    """SIGTERM is `stop`."""
    with lab.wire() as wire:
        assert wire.ask("GET", "/owa/", ALICE).status == 200
        assert lab.gate.stop() == 0
        assert wire.ending() != "open"
    assert not os.path.exists(lab.gate.socket)
    lab.gate.start()


def test_killed_and_started_again(lab):
    """After SIGKILL the next start is not in the way of what is left."""
    lab.gate.kill()
    lab.gate.start()
    assert lab.ask(ALICE, "ews")[0] == 200


def test_second_daemon_is_refused(lab):
    """Two daemons on one control socket: the second says so and ends."""
    second = lab.hosts.spawn("gate", *lab.gate.command("--config", lab.gate.file), log="second")
    assert second.wait(20) != 0
    assert lab.gate.socket in lab.hosts.log_text("second")
    assert lab.ask(ALICE, "ews")[0] == 200
