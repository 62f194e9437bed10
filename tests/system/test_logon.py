# SPDX-License-Identifier: BSD-3-Clause
"""`casgatectl preflight --user`: an echo and a virtual connection of Outlook
Anywhere, with a user's password, to RPC servers in every state."""
import copy
import json
import socket
import subprocess

import pytest

from conftest import watch
from lab import topology
from lab.fixture import Lab
from lab.rpcserver import RpcServer

GUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
USER, PASSWORD = "probe@contoso.com", "Pass:w\u00f6rd 1"
# Name, FQDN (which the RPC server takes for what is to go wrong), version.
SERVERS = [("GOOD10", "good.contoso.local", "2010"), ("GOOD13", "good13.contoso.local", "2013"),
           ("GOOD07", "good07.contoso.local", "2007"), ("DOWN", "refuse.6ba", "2010"),
           ("refuse.5", "denied.contoso.local", "2007"), ("DUMB", "stall.a3", "2010"),
           ("HALF", "stall.c2", "2010"), ("MUTE", "stall.head", "2010"),
           ("WINDOWS", "windows.contoso.local", "2010"), ("OLDTLS", "tls.contoso.local", "2007")]


@pytest.fixture(scope="module")
def built():
    lab = Lab(origin=False, workers=2)
    gate, found = lab.gate, {}
    gate.config["sites"] += ["Rpc", "Five"]
    gate.config["health"] = {"timeout": "4s", "probes": False}
    for i, (name, fqdn, version) in enumerate(SERVERS):
        address, pair = f"10.20.0.{50 + i}", gate.authority.issue(name, [fqdn])
        lab.hosts.address("back", address)
        with lab.hosts.inside("back"):
            listener = socket.create_server((address, 443), backlog=64)
        schemes = ["NTLM", "Negotiate"] + ([] if name == "WINDOWS" else ['Basic realm="rpc"'])
        found[name] = RpcServer(listener, pair, name=name, schemes=schemes,
                                users={USER: PASSWORD})
        tls = {"ca": str(gate.authority.cert)}
        if name == "OLDTLS":
            pem = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in",
                                  pair.chain], capture_output=True, text=True, check=True)
            tls = {"pin": pem.stdout.strip().split("=")[1], "min": 1.0}
        gate.config["servers"].append({"name": name, "fqdn": fqdn, "address": address,
                                       "version": version, "tls": tls,
                                       "site": "Five" if name == "refuse.5" else "Rpc"})
    gate.original = copy.deepcopy(gate.config)
    with lab:
        gate.ctl("mailbox", "set", USER, "--server", "GOOD13", "--guid", GUID)
        gate.ctl("mailbox", "set", "old@contoso.com", "--server", "GOOD07")
        gate.ctl("mailbox", "set", "five@contoso.com", "--server", "refuse.5")
        lab.servers = found
        yield lab
        for server in found.values():
            server.close()


@pytest.fixture
def lab(built, request):
    for server in built.servers.values():
        server.requests.clear()
        server.virtual.clear()
    yield from watch(built, request)


def report(lab, server, password=PASSWORD, user=USER):
    words = ["--json", "preflight", "--server", server, "--user", user, "--password"]
    done = lab.gate.cli(*words, input=password + "\n")
    row, = json.loads(done.stdout)["data"]["servers"]
    return row["logon"], [(f["code"], f["text"], f["cmdlet"]) for f in row["findings"]
                          if f["protocols"] == ["rpc"]], row


@pytest.mark.parametrize("name, target", [
    ("GOOD10", "good.contoso.local:6001"), ("GOOD07", "GOOD07:6001"),
    ("GOOD13", f"{GUID}@contoso.com:6001")])
def test_reaches_the_mailbox_server(lab, name, target):
    logon, found, _ = report(lab, name)
    assert (logon, found) == ("ok", [])
    server = lab.servers[name]
    kinds = [r.kind for r in server.requests if r.user]
    assert sorted(kinds) == ["echo", "in", "out"]
    assert {r.target for r in server.requests if r.user} == {f"/rpc/rpcproxy.dll?{target}"}
    assert {r.user for r in server.requests if r.user} == {USER}
    assert server.only().paired
    done = lab.gate.cli("preflight", "--server", name, "--user", USER, "--password",
                        input=PASSWORD + "\n")
    assert f"{name} (" in done.stdout and "ready, logging on to" in done.stdout


@pytest.mark.parametrize("name, code, text", [
    ("DOWN", "rpc-down", "6ba, EEInfo: AAECAw==: its RPC Client Access service"),
    ("refuse.5", "valid-ports", "5, EEInfo: AAECAw==: the mailbox server is not among"),
    ("DUMB", "connect", "says nothing on it"), ("HALF", "half-open", "never joins them"),
    ("MUTE", "connect", "did not answer in time, when a virtual connection was opened")])
def test_states(lab, name, code, text):
    logon, found, row = report(lab, name)
    assert (logon, row["verdict"]) == ("failed", "not ready")
    (got, words, _), = found
    assert got == code and text in words and "{" not in words
    # Without credentials nothing of that is seen.
    row, = lab.gate.ctl_any("preflight", "--server", name)["servers"]
    assert row["verdict"] == "ready" and row["logon"] == ""


def test_wrong_password(lab):
    logon, found, _ = report(lab, "GOOD10", "wrong")
    assert logon == "failed" and [f[0] for f in found] == ["credentials"]


@pytest.mark.parametrize("name", ["WINDOWS", "OLDTLS"])
def test_password_is_not_shown(lab, name):
    """To a server that does not ask for it, and over a TLS that may be 1.0."""
    logon, found, _ = report(lab, name)
    assert (logon, found) == ("", [])
    assert not [r for r in lab.servers[name].requests if dict(r.headers).get("Authorization")]


def test_secret(lab):
    """It is in no log and not on the command line."""
    report(lab, "GOOD10")
    assert PASSWORD not in lab.gate.log() and "w\\u00f6rd" not in lab.gate.log()
    lab.gate.ctl("log", "level", "debug")
    report(lab, "GOOD10")
    lab.gate.ctl("log", "level", "info")
    log = lab.gate.log()
    assert f'preflight {{"server":"GOOD10","user":"{USER}"}}' in log.replace(": ", ":")
    assert "Pass:w" not in log
    done = lab.gate.cli("preflight", "--user", USER, "--password=x")
    assert done.returncode == 2 and "takes no value" in done.stderr
    done = lab.gate.cli("preflight", "--user", USER)
    assert done.returncode == 2 and "go together" in done.stderr
